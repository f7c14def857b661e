// SPDX-License-Identifier: GPL-2.0-only
/*
 * state_test.c - going back to a state of a whole machine, and knowing it again.
 */
#include "replay/machine/tests/drive.h"

#include <stdlib.h>
#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/engine/steplog.h"
#include "replay/machine/lock.h"
#include "replay/machine/machine_int.h"
#include "replay/machine/pgd.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/state.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/workqueue.h"
#include "schemas/base/hash.h"

#define DEPTH 128

static bu_obj lock;
static bu_word_id sum;

static void adds(struct bu_machine *m, void *arg)
{
	int64_t v;

	(void)arg;
	BU_FN(m);
	bu_mutex_lock(m, lock);
	v = bu_atomic_read(m, sum);
	bu_atomic_set(m, sum, 3 * v + (int64_t)bu_this_cpu(m) + 1);
	bu_mutex_unlock(m, lock);
}

static void two_on_a_mutex(struct bu_machine *m, void *arg)
{
	(void)arg;
	lock = bu_mutex(m, "l");
	sum = bu_atomic(m, "sum", 1);
	bu_thread_run(m, "a", 0, adds, NULL);
	bu_thread_run(m, "b", 1, adds, NULL);
}

/* Of the final value, a bit each. */
static void note_sum(struct bu_machine *m, void *arg)
{
	*(uint64_t *)arg |= UINT64_C(1) << bu_word_load(bu_machine_engine(m), sum);
}

/*
 * Walking all ways by going back comes to as many runs as by running again; leaving out states that are known, it comes to
 * the same ends with fewer.
 */
static void test_all_ways(void **state)
{
	uint64_t all_sums = 0, sums = 0;
	struct tally again = explore(2, two_on_a_mutex, NULL, NULL, 200000);
	struct tally all = explore_states(2, two_on_a_mutex, note_sum, &all_sums, false, 200000);
	struct tally few = explore_states(2, two_on_a_mutex, note_sum, &sums, true, 10000);

	(void)state;
	print_message("# %llu runs, %llu choices; without known states %llu and %llu\n", (unsigned long long)all.runs,
		      (unsigned long long)all.states, (unsigned long long)few.runs, (unsigned long long)few.states);
	assert_int_equal(all.runs, again.runs);
	assert_int_equal(all.runs, again.ends[BU_MACHINE_DONE]);
	assert_int_equal(all.runs, all.ends[BU_MACHINE_DONE]);
	assert_int_equal(few.runs, few.ends[BU_MACHINE_DONE]);
	assert_true(few.met_again > 0);
	assert_true(few.states < all.states);
	assert_int_equal(all_sums, UINT64_C(1) << 14 | UINT64_C(1) << 16);	/* 3 (3 + 1) + 2, 3 (3 + 2) + 1 */
	assert_int_equal(sums, all_sums);
}

/* ------------------------------------------------------------------------------------- queues and the log of steps */

#define RUNS 64

struct logged {
	struct bu_machine *m;
	struct bu_rng rng;
	uint64_t log;		/* of the steps so far */
	uint64_t (*seen)[2];	/* log, state */
	uint32_t n_seen, again;
};

static void take_steps(void *ctx, const struct bu_step *step, uint32_t n)
{
	struct logged *l = ctx;

	l->log = bu_hash_bytes(l->log, step, n * sizeof(*step));
}

static uint32_t pause_or_draw(void *ctx, uint32_t n)
{
	struct logged *l = ctx;

	if (!l->again) {
		l->again = 1;
		return BU_CHOOSE_PAUSE;
	}
	l->again = 0;
	return (uint32_t)bu_rng_below(&l->rng, n);
}

/* The log has all that the state depends on: as long as two runs of one machine have the same log, they are in the same state. */
static void test_equal_logs_equal_states(void **state)
{
	struct logged l = { .seen = calloc(RUNS * DEPTH, sizeof(*l.seen)) };
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .step_ops = true, .fingerprints = true,
					    .check_state = true, .choose = pause_or_draw, .ctx = &l,
					    .steps = take_steps, .steps_ctx = &l };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result r;
	uint32_t met = 0, i, k;

	(void)state;
	l.m = make(&config);
	for (i = 0; i < RUNS; i++) {
		assert_int_equal(bu_machine_reset(l.m, 1, &err), 0);
		bu_rng_init(&l.rng, i, 0);
		l.log = BU_HASH_INIT;
		l.again = 0;
		two_on_a_mutex(l.m, NULL);
		while (assert_int_equal(bu_machine_run(l.m, &r, &err), 0), r.end == BU_MACHINE_PAUSED) {
			uint64_t now = bu_machine_state(l.m);

			for (k = 0; k < l.n_seen && l.seen[k][0] != l.log; k++)
				;
			if (k < l.n_seen) {
				assert_int_equal(l.seen[k][1], now);
				met++;
				continue;
			}
			assert_true(l.n_seen < RUNS * DEPTH);
			l.seen[l.n_seen][0] = l.log;
			l.seen[l.n_seen++][1] = now;
		}
		assert_int_equal(r.end, BU_MACHINE_DONE);
	}
	print_message("# %u states of different logs, %u met again\n", l.n_seen, met);
	assert_true(met > RUNS && l.n_seen > RUNS);
	bu_machine_destroy(l.m);
	free(l.seen);
}

static void steals(struct bu_machine *m, void *arg)
{
	struct cpu *c = &m->cpu[1];

	(void)arg;
	bu_work(m, 100);
	assert_int_not_equal(c->fair.head, 0);
	c->fair.head = c->fair.tail = 0;
	bu_work(m, 100);
}

static void takes_from_wait_list(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 100);
	assert_int_not_equal(m->obj[lock]->waiters.head, 0);
	m->obj[lock]->waiters.head = m->obj[lock]->waiters.tail = 0;
	bu_work(m, 100);
}

static void works(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 1000);
}

static void holds_it(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_mutex_lock(m, lock);
	bu_sleep_ns(m, 1000);
	bu_mutex_unlock(m, lock);
}

/* ------------------------------------------------------------------------------ what else is changed behind a word */

static bu_obj timer, work;

static int64_t on_timer(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
	return 0;
}

static int on_stop(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 500);
	return 0;
}

static void takes_a_cpu_offline(struct bu_machine *m)
{
	m->cpu[1].flags &= ~(uint32_t)CPU_ONLINE;
}

static void turns_anothers_irqs_on(struct bu_machine *m)
{
	m->cpu[1].irqs_off = false;
}

static void changes_anothers_preempt_count(struct bu_machine *m)
{
	m->thread[m->cpu[1].curr]->preempt_count++;
}

static void loses_an_interrupt(struct bu_machine *m)
{
	m->cpu[1].irqs.first = m->cpu[1].irqs.last = NULL;
}

static void loses_a_timer(struct bu_machine *m)
{
	struct chain *timers = (struct chain *)m->cpu[1].timers;	/* its first member */

	timers->first = timers->last = NULL;
}

static void changes_an_expiry(struct bu_machine *m)
{
	m->obj[timer]->a += 1000;
}

static void loses_stop_work(struct bu_machine *m)
{
	struct chain *works = (struct chain *)m->cpu[1].stopper;	/* the same */

	works->first = works->last = NULL;
}

static void redirects_a_work(struct bu_machine *m)
{
	struct item *w = m->obj[work]->more;

	memset(w + 1, 0, 24);	/* id, function, argument */
}

static void loses_calls(struct bu_machine *m)
{
	struct chain *csds = (struct chain *)m->cpu[1].calls;

	csds->first = csds->last = NULL;
}

static void says_that_rcu_owes_nothing(struct bu_machine *m)
{
	m->cpu[1].rcu_owes = !m->cpu[1].rcu_owes;
}

static size_t first_of_pgd;	/* record of what bu_pgd_init() made */

static void changes_page_tables(struct bu_machine *m, int which)
{
	++*(unsigned char *)m->record[first_of_pgd + which].at;
}

/* In the order in which they are made. */
static void makes_an_address_space(struct bu_machine *m)
{
	changes_page_tables(m, 1);
}

static void swaps_entries(struct bu_machine *m)
{
	changes_page_tables(m, 2);
}

static void makes_an_entry_old(struct bu_machine *m)
{
	changes_page_tables(m, 3);
}

static void loads_anothers_cr3(struct bu_machine *m)
{
	++*((unsigned char *)m->record[first_of_pgd + 4].at + m->record[first_of_pgd + 4].bytes / 2);	/* of CPU 1 */
}

static void fills_anothers_cache(struct bu_machine *m)
{
	++*((unsigned char *)m->record[first_of_pgd + 5].at + m->record[first_of_pgd + 5].bytes / 2);
}

static const struct misdeed {
	void (*does)(struct bu_machine *);
	const char *verdict;
} misdeeds[] = {
	{ takes_a_cpu_offline, "thief changed the state of CPU 1 behind its back" },
	{ turns_anothers_irqs_on, "thief changed CPU 1 from outside" },
	{ changes_anothers_preempt_count, "thief changed thread works from outside" },
	{ loses_an_interrupt, "thief changed the interrupts of a CPU behind its back" },
	{ loses_a_timer, "thief changed the timers of a CPU behind its back" },
	{ changes_an_expiry, "thief changed timer t without an operation on a word of it" },
	{ loses_stop_work, "thief changed the works of a stopper behind its back" },
	{ redirects_a_work, "thief changed a work without an operation on a word of it" },
	{ loses_calls, "thief changed the calls of a CPU behind its back" },
	{ says_that_rcu_owes_nothing, "thief changed CPU 1 from outside" },
	{ makes_an_address_space, "thief changed a pgd_list without an operation on a word of it" },
	{ swaps_entries, "thief changed a list of entries without an operation on a word of it" },
	{ makes_an_entry_old, "thief changed a page table without an operation on a word of it" },
	{ loads_anothers_cr3, "thief changed a loaded page table without an operation on a word of it" },
	{ fills_anothers_cache, "thief changed CPU 1 from outside" },
	{ NULL, NULL },
};

static void acts(struct bu_machine *m, void *arg)
{
	const struct misdeed *d = arg;

	bu_smp_call_function(m, "call", works, NULL, false);
	bu_hrtimer_start_on(m, timer, 1, 100000);
	bu_stop_one_cpu_nowait(m, 1, "stop", on_stop, NULL);
	bu_irq_send(m, 1, "irq", 1000, works, NULL);
	bu_queue_work_on(m, 1, bu_workqueue(m, "wq", BU_WQ_PERCPU), work);
	bu_work(m, 100);
	if (d->does)
		d->does(m);
	bu_work(m, 100);
}

static void deaf(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_local_irq_disable(m);
	bu_work(m, 2000);
	bu_local_irq_enable(m);
	bu_work(m, 2000);
}

static struct bu_machine_result does(const struct misdeed *d)
{
	static const char *const slots[] = { "vmalloc" };
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2, .check_state = true, .fingerprints = true };
	struct bu_machine *m = make(&config);

	first_of_pgd = m->n_records;
	bu_pgd_init(m, 2, slots, 1);
	bu_rcu_spawn_gp_kthread(m, 1000);
	bu_cpu_stop_init(m);
	timer = bu_hrtimer(m, "t", on_timer, NULL);
	work = bu_work_item(m, "w", works, NULL);
	bu_thread_run(m, "works", 1, deaf, NULL);
	bu_thread_run(m, "thief", 0, acts, (void *)(uintptr_t)d);
	return run(m);
}

static void test_misdeeds(void **state)
{
	const struct misdeed *d;
	struct bu_machine_result r;

	(void)state;
	for (d = misdeeds; d->does; d++) {
		r = does(d);
		if (r.end != BU_MACHINE_FAILED || !strstr(r.verdict, d->verdict))
			fail_msg("not '%s' but %d: %s", d->verdict, (int)r.end, r.verdict);
	}
	r = does(d);	/* none */
	if (r.end != BU_MACHINE_DONE)
		fail_msg("%s", r.verdict);
}

static void verdict_is(struct bu_machine *m, const char *want)
{
	struct bu_machine_result r = run(m);

	assert_int_equal(r.end, BU_MACHINE_FAILED);
	if (!strstr(r.verdict, want))
		fail_msg("%s", r.verdict);
}

/* A queue that is changed but by its operations is found after the step that did it. */
static void test_behind_its_back(void **state)
{
	struct bu_machine_config config = { .n_cpus = 3, .n_online = 3, .check_state = true };
	struct bu_machine *m = make(&config);

	(void)state;
	bu_thread_run(m, "works", 1, works, NULL);
	bu_thread_run(m, "waits", 1, works, NULL);
	bu_thread_run(m, "thief", 0, steals, NULL);
	verdict_is(m, "changed a run queue of CPU 1 behind its back");

	m = make(&config);
	lock = bu_mutex(m, "l");
	bu_thread_run(m, "owner", 1, holds_it, NULL);
	bu_thread_run(m, "waits", 2, holds_it, NULL);
	bu_thread_run(m, "thief", 0, takes_from_wait_list, NULL);
	verdict_is(m, "changed who waits for mutex l behind its back");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_ways),
		cmocka_unit_test(test_equal_logs_equal_states),
		cmocka_unit_test(test_behind_its_back),
		cmocka_unit_test(test_misdeeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
