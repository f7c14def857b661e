// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's scheduler below the machine: who gets a physical CPU, for how long, and how soon when it wakes up.
 */
#include "replay/machine/atomic.h"
#include "replay/machine/tests/drive.h"

#include "schemas/base/ns.h"

#define US BU_NS_PER_US
#define MS BU_NS_PER_MS

static void forever(struct bu_machine *m, void *arg)
{
	(void)arg;
	for (;;)
		bu_work(m, 1000 * MS);
}

static void works_1s(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_work(m, 1000 * MS);
}

/* One CPU works for 1 s of its own time beside others that never stop. Return: when it was done. */
static int64_t beside_busy_ones(const struct bu_machine_config *c, void (*fn)(struct bu_machine *, void *))
{
	struct bu_machine *m = make(c);
	uint32_t i;

	bu_thread_run(m, "worker", 0, fn, NULL);
	for (i = 1; i < c->n_cpus; i++)
		bu_thread_daemon(m, bu_thread_run(m, "spinner", (int)i, forever, NULL));
	return run_done(m);
}

/* A CPU gets M / N of a physical one, or what other load leaves of that, whatever the host's way of sharing. */
static void test_shares(void **state)
{
	static const struct {
		uint32_t cpus, physical, load_permille;
		int64_t quantum_ns, tick_ns;
	} cases[] = {
		{ 2, 1, 0, 10 * MS, 0 }, { 8, 2, 0, 10 * MS, 0 }, { 5, 3, 0, 10 * MS, 0 }, { 4, 4, 0, 10 * MS, 0 },
		{ 2, 1, 0, 0, 0 }, { 8, 2, 0, 0, 0 }, { 16, 4, 0, 0, 4 * MS }, { 5, 3, 0, 0, 0 }, { 4, 4, 0, 0, 0 },
		{ 1, 1, 200, 0, 0 }, { 2, 1, 200, 0, 4 * MS }, { 8, 1, 200, 0, 0 }, { 8, 2, 400, 0, 0 }, { 2, 2, 100, 0, 0 },
		{ 5, 3, 500, 0, 0 }, { 1, 2, 400, 0, 0 }, { 64, 2, 900, 0, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t n = cases[i].cpus, physical = cases[i].physical;
		int64_t end, ideal = 1000 * MS * (n > physical ? n : physical) / physical * 1000 /
				     (1000 - cases[i].load_permille);

		end = beside_busy_ones(&(struct bu_machine_config){ .n_cpus = n, .n_online = n, .n_physical = physical,
						.quantum_ns = cases[i].quantum_ns, .host_tick_ns = cases[i].tick_ns,
						.host_load_permille = cases[i].load_permille }, works_1s);
		if (end < ideal - ideal / 20 || end > ideal + ideal / 20)
			fail_msg("%u on %u with load %u: %lld us instead of %lld", n, physical, cases[i].load_permille,
				 (long long)(end / US), (long long)(ideal / US));
	}
}

static void sleeps_and_works(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 20; i++) {
		bu_sleep_ns(m, 5 * MS);
		bu_work(m, 100 * US);
	}
}

/*
 * Who sleeps most of the time is served at once when it wakes up, by its smaller virtual runtime; in a round robin it
 * waits for the others each time.
 */
static void test_woken_cpus_preempt(void **state)
{
	struct bu_machine_config c = { .n_cpus = 3, .n_online = 3, .n_physical = 1 };

	(void)state;
	assert_int_equal(beside_busy_ones(&c, sleeps_and_works), 20 * 5 * MS + 20 * 100 * US);
	c.n_cpus = c.n_online = 1;
	c.host_load_permille = 700;
	assert_int_equal(beside_busy_ones(&c, sleeps_and_works), 20 * 5 * MS + 20 * 100 * US);
	c.n_cpus = c.n_online = 3;
	c.host_load_permille = 0;
	c.quantum_ns = 6 * MS;
	assert_true(beside_busy_ones(&c, sleeps_and_works) >= 20 * 12 * MS);
}

static void sleeps_long(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_sleep_ns(m, 1000 * MS);
	bu_work(m, 100 * MS);
}

/* However long it slept, it is ahead of the others by half a sched_latency only (place_entity()). */
static void test_credit_is_bounded(void **state)
{
	struct bu_machine_config c = { .n_cpus = 2, .n_online = 2, .n_physical = 1 };
	int64_t end;

	(void)state;
	end = beside_busy_ones(&c, sleeps_long);
	assert_in_range(end, 1200 * MS - 3 * MS - 3 * MS, 1200 * MS);
	/*
	 * Less credit than the granularity of wakeups: it waits for the host's next tick, every 8 ms. The first time for one
	 * more, since the other one began with the same credit.
	 */
	c.host_sched_latency_ns = 20 * MS;
	c.host_wakeup_granularity_ns = 11 * MS;
	c.host_tick_ns = 4 * MS;
	assert_int_equal(beside_busy_ones(&c, sleeps_and_works), 4 * MS + 20 * 8 * MS + 100 * US);
}

static void waits(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
	bu_schedule(m);
}

/* Other load is no event: a machine in which nothing can happen any more is found out. */
static void test_load_hides_no_hang(void **state)
{
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 2, .n_physical = 2,
								 .host_load_permille = 300 });

	(void)state;
	bu_thread_run(m, "t", 0, waits, NULL);
	assert_int_equal(run(m).end, BU_MACHINE_STUCK);
}

/* ---------------------------------------------------------------------------------------------- an emulated machine */

#define TURN (1 * MS)

static bu_word_id never_set;

static void polls(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_spin_until(m, never_set, BU_GUARD_NE, 0, -1, "for ever", -1);
}

static void takes_20_turns(struct bu_machine *m, void *arg)
{
	int i;

	(void)arg;
	bu_work(m, 100 * MS);	/* all others poll by then */
	for (i = 0; i < 20; i++)
		bu_emulator_turn(m);
}

/* One CPU of an emulated machine on a host with two does something while @pollers others poll. Return: when it was done. */
static int64_t beside_pollers(uint32_t pollers, int64_t tick_ns, void (*fn)(struct bu_machine *, void *))
{
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = pollers + 1, .n_online = pollers + 1, .n_physical = 2,
								 .emulator_ns = TURN, .emulator_tick_ns = tick_ns });
	uint32_t i;

	never_set = bu_atomic(m, "never set", 0);
	bu_thread_run(m, "worker", 0, fn, NULL);
	for (i = 1; i <= pollers; i++)
		bu_thread_daemon(m, bu_thread_run(m, "poller", (int)i, polls, NULL));
	return run_done(m);
}

/*
 * Of those that poll two run, however many they are: who works has two thirds of a CPU beside them. Who needs the emulator
 * waits for all others, at each turn, each time it was halted, and each time its timer interrupts it: the work of one
 * period and a round is done in one more round.
 */
static void test_emulator(void **state)
{
	static const uint32_t pollers[] = { 2, 3, 10, 60 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pollers) / sizeof(pollers[0]); i++) {
		const int64_t round = (pollers[i] - 2) * TURN, work = 1500 * MS;

		assert_in_range(beside_pollers(pollers[i], 0, works_1s), work - work / 20, work + work / 20);
		assert_in_range(beside_pollers(pollers[i], 0, takes_20_turns), 140 * MS + 20 * round, 170 * MS + 20 * round);
		/* The first times not all of them poll yet. */
		assert_in_range(beside_pollers(pollers[i], 0, sleeps_and_works), 20 * (5 * MS + 100 * US) + 15 * round,
				20 * (5 * MS + round + 100 * US) + 5 * MS);
		/* While it waits for a turn it earns back what the two that run took from it. */
		assert_in_range(beside_pollers(pollers[i], 4 * MS, works_1s),
				round > 4 * MS ? 1000 * MS / (4 * MS + round) * (4 * MS + 2 * round) : work - work / 20,
				(work + work / 20) / (4 * MS + round) * (4 * MS + 2 * round));
	}
}

static bu_word_id released, seen;

static void waits_for_release(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_spin_until(m, released, BU_GUARD_EQ, bu_this_cpu(m), -1, "release", -1);
	bu_atomic_add_return(m, seen, 1);
}

static void releases_all(struct bu_machine *m, void *arg)
{
	int i, n = *(int *)arg;

	bu_work(m, 1000 * MS);	/* all others poll by then */

	for (i = 1; i <= n; i++) {
		bu_atomic_set(m, released, i);
		bu_spin_until(m, seen, BU_GUARD_EQ, i, -1, "seen", -1);
	}
}

/* Whoever is released while it sleeps comes after one round, and one that sleeps takes the place of one that ran. */
static void test_pollers_take_turns(void **state)
{
	int n = 20, i;
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 21, .n_online = 21, .n_physical = 2, .emulator_ns = TURN });
	int64_t end;

	(void)state;
	released = bu_atomic(m, "released", 0);
	seen = bu_atomic(m, "seen", 0);
	bu_thread_run(m, "controller", 0, releases_all, &n);
	for (i = 1; i <= n; i++)
		bu_thread_run(m, "poller", i, waits_for_release, NULL);
	end = run_done(m);
	assert_in_range(end, 1000 * MS + n * n / 4 * TURN, 1600 * MS + 2 * n * n * TURN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_woken_cpus_preempt),
		cmocka_unit_test(test_credit_is_bounded),
		cmocka_unit_test(test_load_hides_no_hang),
		cmocka_unit_test(test_emulator),
		cmocka_unit_test(test_pollers_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
