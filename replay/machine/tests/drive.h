/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drive.h - what the tests of the machine share: making one, running it, and running all interleavings of a scenario.
 */
#ifndef BU_REPLAY_MACHINE_TESTS_DRIVE_H
#define BU_REPLAY_MACHINE_TESTS_DRIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay/machine/machine.h"

/* A machine with this configuration; fails the test when there is none. */
struct bu_machine *make(const struct bu_machine_config *config);

/* A machine of @n CPUs, all online, where nothing costs time. */
struct bu_machine *make_n(uint32_t n);

/* Runs @m and destroys it. */
struct bu_machine_result run(struct bu_machine *m);

/* Runs @m, which is to end well, and destroys it. Return: virtual time at the end. */
int64_t run_done(struct bu_machine *m);

struct tally {
	uint64_t runs;
	uint64_t states, met_again;	/* of explore_states() */
	uint64_t ends[BU_MACHINE_NR_ENDS];
	char verdict[BU_MACHINE_NR_ENDS][1024];	/* first of each kind */
};

/*
 * Every order in which the events of a scenario can happen: runs @setup on machines of @n CPUs with step_ops, where
 * each operation on something shared is an event at time 0, and takes every choice once. @check, when not NULL, is
 * called after each run that ended well. Fails the test beyond @max_runs.
 */
struct tally explore(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(void *), void *arg,
		     uint64_t max_runs);

/*
 * The same by way of states: from one that has been there before nothing is tried again, so that scenarios of more interleavings
 * than can be run are explored whole too. Each state that some interleaving passes is passed, each end that one comes to is reached.
 * What the scene counts has to be in words; @check gets the machine as it ended. @known: false to go on from known states too. Fails
 * the test beyond @max_states.
 */
struct tally explore_states(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(struct bu_machine *, void *), void *arg,
			    bool known, uint64_t max_states);

/* While held, the first of several events is taken and nothing is recorded: for what comes before the scene. */
void explore_hold(bool held);

/* The calling thread waits until @n have come here; then all go on, and holding ends. */
void begin(struct bu_machine *m, uint32_t n);

/*
 * The same with random choices, @runs times: for scenarios of too many interleavings.
 */
struct tally sample(uint32_t n, void (*setup)(struct bu_machine *, void *), void (*check)(void *), void *arg,
		    uint64_t runs);

#endif
