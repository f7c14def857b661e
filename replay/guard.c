// SPDX-License-Identifier: GPL-2.0-only
/*
 * guard.c - see guard.h. The handlers run on a stack of their own, because the faulting one may be full; they leave by
 * siglongjmp() to the guard's frame. That is safe because the code under guard holds nothing that outlives the run: it
 * may have been interrupted inside malloc(), so after BU_GUARD_LOOP the timer is only acted upon between two looks at
 * the progress counter with no change, which a core that still calls the host never shows.
 */
#include "replay/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "schemas/base/mem.h"

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };

struct guard {
	sigjmp_buf back;
	const volatile uint64_t *progress;
	uint64_t seen;
	struct bu_guard_result result;
	struct sigaction old[ARRAY_SIZE(faults)], old_timer;
	stack_t old_stack;
	struct itimerval old_itimer;
};

static _Thread_local struct guard *active;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct guard *g = active;

	(void)context;
	if (!g) {	/* not ours: die of it as if we were not here */
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	g->result.end = sig == SIGSEGV || sig == SIGBUS ? BU_GUARD_MEMORY : BU_GUARD_FAULT;
	g->result.address = (uintptr_t)info->si_addr;
	g->result.signal = sig;
	siglongjmp(g->back, 1);
}

static void on_timer(int sig)
{
	struct guard *g = active;

	(void)sig;
	if (!g)
		return;
	if (*g->progress != g->seen) {
		g->seen = *g->progress;
		return;
	}
	g->result.end = BU_GUARD_LOOP;
	siglongjmp(g->back, 1);
}

static int arm(struct guard *g, void *stack, size_t stack_bytes, int budget_ms)
{
	struct sigaction on = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction tick = { .sa_handler = on_timer, .sa_flags = SA_ONSTACK | SA_RESTART };
	const stack_t own = { .ss_sp = stack, .ss_size = stack_bytes };
	struct itimerval every = { .it_interval = { budget_ms / 1000, budget_ms % 1000 * 1000 } };
	size_t i;

	sigemptyset(&on.sa_mask);
	sigemptyset(&tick.sa_mask);
	if (sigaltstack(&own, &g->old_stack))
		return -1;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &on, &g->old[i]);
	sigaction(SIGVTALRM, &tick, &g->old_timer);
	every.it_value = every.it_interval;
	return setitimer(ITIMER_VIRTUAL, &every, &g->old_itimer);
}

static void disarm(struct guard *g)
{
	size_t i;

	setitimer(ITIMER_VIRTUAL, &g->old_itimer, NULL);
	sigaction(SIGVTALRM, &g->old_timer, NULL);
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &g->old[i], NULL);
	sigaltstack(&g->old_stack, NULL);
}

struct bu_guard_result bu_guarded(void (*fn)(void *), void *arg, const volatile uint64_t *progress, int budget_ms)
{
	const size_t stack_bytes = 64 << 10;
	struct guard g = { .progress = progress, .seen = *progress, .result = { .end = BU_GUARD_UNAVAILABLE } };
	void *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return g.result;
	if (!arm(&g, stack, stack_bytes, budget_ms)) {
		active = &g;
		if (!sigsetjmp(g.back, 1)) {
			fn(arg);
			g.result.end = BU_GUARD_RETURNED;
		}
		active = NULL;
	}
	disarm(&g);
	munmap(stack, stack_bytes);
	return g.result;
}
