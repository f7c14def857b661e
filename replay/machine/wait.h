/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wait.h - completions, wait queues, simple wait queues.
 *
 * Flow: machine -> [wait] -> kthreads, stoppers, RCU, cores.
 *
 * Sources, all v6.12: kernel/sched/completion.c, kernel/sched/wait.c, kernel/sched/swait.c. The conditions that are
 * waited for are words: (word, guard) is checked each time the thread has been woken, as wait_event() does.
 */
#ifndef BU_REPLAY_MACHINE_WAIT_H
#define BU_REPLAY_MACHINE_WAIT_H

#include "replay/machine/machine.h"

bu_obj bu_completion(struct bu_machine *m, const char *name);
void bu_complete(struct bu_machine *m, bu_obj completion);	/* wakes one, or lets one pass that comes later */
void bu_complete_all(struct bu_machine *m, bu_obj completion);	/* wakes all, and lets all pass from now on */
void bu_wait_for_completion(struct bu_machine *m, bu_obj completion);
/* 0 after the timeout, else ns left, at least 1 */
int64_t bu_wait_for_completion_timeout(struct bu_machine *m, bu_obj completion, int64_t ns);
bool bu_try_wait_for_completion(struct bu_machine *m, bu_obj completion);
bool bu_completion_done(struct bu_machine *m, bu_obj completion);
void bu_reinit_completion(struct bu_machine *m, bu_obj completion);

bu_obj bu_wait_queue(struct bu_machine *m, const char *name);
/* wait_event(): until @word @guard @value; exclusive: a wake-up of n wakes at most n such waiters */
void bu_wait_event(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value);
void bu_wait_event_exclusive(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value);
int64_t bu_wait_event_timeout(struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value,
			      int64_t ns);
/* The parts of it, for conditions of other kinds. */
void bu_prepare_to_wait(struct bu_machine *m, bu_obj wq, bool exclusive, int state);
void bu_finish_wait(struct bu_machine *m, bu_obj wq);
void bu_wake_up(struct bu_machine *m, bu_obj wq);		/* all that are not exclusive, and one that is */
void bu_wake_up_all(struct bu_machine *m, bu_obj wq);
bool bu_waitqueue_active(struct bu_machine *m, bu_obj wq);

/* All waiters of a simple wait queue are exclusive; one wake-up takes exactly one off the queue. */
bu_obj bu_swait_queue(struct bu_machine *m, const char *name);
void bu_swait_event(struct bu_machine *m, bu_obj q, bu_word_id word, enum bu_guard guard, int64_t value);
void bu_swake_up_one(struct bu_machine *m, bu_obj q);
void bu_swake_up_all(struct bu_machine *m, bu_obj q);

#endif
