/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.h - runs code that is not trusted to behave: a core that loops without ever calling the host, that overflows
 * its stack, or that follows a wild pointer ends its run, not the program.
 *
 * While the guarded function runs, SIGSEGV, SIGBUS, SIGFPE and SIGILL and a CPU-time timer are this module's; they are
 * given back afterwards. What was abandoned is not unwound: the caller throws the run's memory away whole. One guard at
 * a time per thread; the rest of the program must be single-threaded meanwhile.
 */
#ifndef BU_REPLAY_GUARD_H
#define BU_REPLAY_GUARD_H

#include <stdint.h>

enum bu_guard_end {
	BU_GUARD_RETURNED,	/* the function came back by itself */
	BU_GUARD_LOOP,		/* no sign of progress for the budget */
	BU_GUARD_MEMORY,	/* access to memory that is not there; the address is told */
	BU_GUARD_FAULT,		/* another fault: division by zero, illegal instruction */
	BU_GUARD_UNAVAILABLE,	/* the system refused the timer or the signal stack; nothing ran */
};

struct bu_guard_result {
	enum bu_guard_end end;
	uintptr_t address;	/* BU_GUARD_MEMORY: what was accessed */
	int signal;		/* BU_GUARD_FAULT */
};

/**
 * bu_guarded() - Call @fn(@arg) under guard.
 * @progress: a counter that the code under guard moves on while all is well; looked at every @budget_ms of CPU time.
 */
struct bu_guard_result bu_guarded(void (*fn)(void *), void *arg, const volatile uint64_t *progress, int budget_ms);

#endif
