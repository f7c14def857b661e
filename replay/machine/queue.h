/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.h - threads in order: run queues of CPUs, wait lists of objects.
 *
 * Always true
 *  (1) A queue changes only by queue_insert() and queue_remove(), within one step of a thread.
 *  (2) Its word is the fingerprint of who is in it and in which order. So each change is an operation on that word: it
 *      stands in the log of steps, and it is in the fingerprint of the state without anybody walking the queue.
 *  (3) Whoever changes a queue by another way leaves it in disagreement with its word, which look.h finds.
 */
#ifndef BU_REPLAY_MACHINE_QUEUE_H
#define BU_REPLAY_MACHINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/core.h"

struct bu_machine;
struct thread;

/* Which of its two links a thread is queued by: to run (or throttled in its group), or waiting for an object. */
enum link_kind { LINK_RUN, LINK_WAIT };

struct link {
	uint32_t next, prev;	/* threads; 0: none */
};

struct queue {
	uint32_t head, tail;
	bu_word_id word;
};

void queue_init(struct bu_machine *m, struct queue *q, const char *name);

/**
 * queue_insert() - Before thread @before of the queue; 0: behind all. @t is in no queue by that link.
 */
void queue_insert(struct bu_machine *m, struct queue *q, enum link_kind kind, struct thread *t, uint32_t before);
void queue_remove(struct bu_machine *m, struct queue *q, enum link_kind kind, struct thread *t);

#endif
