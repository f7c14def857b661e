/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.h - catches what is changed behind its word, with bu_machine_config.check_state (always with BU_DEBUG).
 *
 * What more than one thread can see of the machine is of three kinds, and after each step it is looked at:
 *   queues, chains   their word is their fingerprint (queue.h, chain.h)
 *   CPUs             their word has the current thread and all flags that others see (struct cpu)
 *   records          may change only in a step that operates on one of their words
 * And what is one thread's or one CPU's own may change only in steps of that thread or on that CPU: nobody else can see it
 * change, so it needs no word. Interrupts off, depth of interrupts, preempt_count, time slices and RCU nesting are such.
 *
 * Where there is much to look at, a step looks at some of it in turn; a change is then found some steps later.
 */
#ifndef BU_REPLAY_MACHINE_LOOK_H
#define BU_REPLAY_MACHINE_LOOK_H

#include <stddef.h>
#include <stdint.h>

#include "replay/core.h"

struct bu_machine;
struct chain;
struct cpu;
struct thread;

void look_at_chain(struct bu_machine *m, const struct chain *c);

/**
 * look_at_record() - From here on the bytes from @from to @to may change only in steps that operate on one of the @n @words.
 * @what: for the verdict, static. @words: read when it is looked, so they may be made later; 0: none.
 */
void look_at_record(struct bu_machine *m, const char *what, const void *from, const void *to, const bu_word_id *words,
		    uint32_t n);

/* Only in steps of threads on that CPU: what nobody else looks at. */
void look_at_own(struct bu_machine *m, const struct cpu *c, const void *from, const void *to);

/* As look_at_record(), or in steps of threads on that CPU, or of that thread. RCU: @words are its `left` and `exp_left`. */
void look_at_cpu(struct bu_machine *m, const struct cpu *c);
void look_at_rcu_of_cpu(struct bu_machine *m, const struct cpu *c, const bu_word_id *words);
void look_at_thread(struct bu_machine *m, const struct thread *t);

/**
 * look_at_memory() - Memory that a core asked for: only the thread that did, the running one, may change it. What others need
 * to know lies in words; what it holds for them is written before they begin.
 */
void look_at_memory(struct bu_machine *m, const void *at, size_t bytes);

/* Likewise, but threads on that CPU, and interrupts there. */
void look_at_percpu_memory(struct bu_machine *m, uint32_t cpu, const void *at, size_t bytes);

/**
 * look() - The engine's check after a step of @task. Ends the run if something was changed. @machine: struct bu_machine *.
 */
void look(void *machine, uint32_t task);

/* All that was found so far is forgotten: the machine went back to an earlier state. */
void look_anew(struct bu_machine *m);

#endif
