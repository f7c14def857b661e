// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch_test.c - the watchdogs speak at the kernel's thresholds, about the right CPUs, in runs that go on and end well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "replay/hang/watch.h"
#include "replay/machine/lock.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "schemas/base/ns.h"

#define MS BU_NS_PER_MS
#define S BU_NS_PER_S
#define IPI INT64_C(1000)	/* ns */
#define TICK (100 * MS)

struct scene {
	int64_t for_ns;
	bu_obj lock;
};

static void irqs_off(struct bu_machine *m, void *arg)
{
	bu_work(m, 1 * S);
	bu_local_irq_disable(m);
	bu_work(m, ((struct scene *)arg)->for_ns);
	bu_local_irq_enable(m);
}

static void preempt_off(struct bu_machine *m, void *arg)
{
	bu_work(m, 1 * S);
	bu_preempt_disable(m);
	bu_work(m, ((struct scene *)arg)->for_ns);
	bu_preempt_enable(m);
}

static void busy(struct bu_machine *m, void *arg)
{
	bu_work(m, 1 * S + ((struct scene *)arg)->for_ns);
}

static void nothing(struct bu_machine *m, void *arg)
{
	(void)m;
	(void)arg;
}

/* CPU 1 takes the interrupt late: it is with interrupts off until then. */
static void calls(struct bu_machine *m, void *arg)
{
	bu_thread_run(m, "deaf/1", 1, irqs_off, arg);
	bu_thread_run(m, "deaf/2", 2, irqs_off, arg);
	bu_sleep_ns(m, 1 * S + 1);
	bu_smp_call_function_single(m, 1, "flush_tlb_func", nothing, NULL, true);
}

static void keeps_mutex(struct bu_machine *m, void *arg)
{
	const struct scene *s = arg;

	bu_mutex_lock(m, s->lock);
	bu_sleep_ns(m, 1 * S + s->for_ns);
	bu_mutex_unlock(m, s->lock);
}

static void wants_mutex(struct bu_machine *m, void *arg)
{
	const struct scene *s = arg;

	bu_thread_run(m, "owner", 1, keeps_mutex, arg);
	bu_sleep_ns(m, 1 * S);
	bu_mutex_lock(m, s->lock);
	bu_mutex_unlock(m, s->lock);
}

static void reads_long(struct bu_machine *m, void *arg)
{
	bu_rcu_read_lock(m);
	bu_work(m, 1 * S + ((struct scene *)arg)->for_ns);
	bu_rcu_read_unlock(m);
}

static void synchronizes(struct bu_machine *m, void *arg)
{
	bu_rcu_spawn_gp_kthread(m, 10 * MS);
	bu_thread_run(m, "reader/2", 2, reads_long, arg);
	bu_sleep_ns(m, 1 * S);
	bu_synchronize_rcu(m);
}

static void secondary(struct bu_machine *m, void *arg)
{
	bu_work(m, ((struct scene *)arg)->for_ns);
	bu_set_cpu_online(m, 3, true);
	bu_cpu_startup_entry(m);
}

static void kicks(struct bu_machine *m, void *arg)
{
	bu_sleep_ns(m, 1 * S);
	bu_cpu_start(m, 3, secondary, arg);
	while (!bu_cpu_online(m, 3))
		bu_sleep_ns(m, 100 * MS);
}

/*
 * Each condition begins at 1 s. Where it ends just before its threshold, nobody says a word; where it lasts just beyond, its watchdog
 * does. How near: a nanosecond, if it begins and ends with what the scene does on CPU 0 and the threshold falls on a sample; else
 * IPIs of 1 us come between, a tick that reports the quiescent state, and what is over before the next sample is not seen.
 */
static void test_each_speaks_at_its_threshold(void **state)
{
	static const struct {
		bu_thread_fn fn;
		enum bu_watchdog dog, other;
		const char *cpus, *thread;
		int64_t short_ns, over_ns;
	} cases[] = {
		{ irqs_off, BU_WATCHDOG_HARD_LOCKUP, BU_WATCHDOG_NONE, "0", "t", 1, 1 },
		{ preempt_off, BU_WATCHDOG_SOFT_LOCKUP, BU_WATCHDOG_NONE, "0", "t", 1, 1 },
		{ calls, BU_WATCHDOG_CSD_LOCK, BU_WATCHDOG_HARD_LOCKUP, "1", "t", 2 * IPI, BU_WATCH_SAMPLE_NS },
		{ calls, BU_WATCHDOG_HARD_LOCKUP, BU_WATCHDOG_CSD_LOCK, "1-2", "deaf/1", 1, BU_WATCH_SAMPLE_NS },
		{ wants_mutex, BU_WATCHDOG_HUNG_TASK, BU_WATCHDOG_NONE, "0", "t", 2 * IPI, 1 },
		{ synchronizes, BU_WATCHDOG_RCU_STALL, BU_WATCHDOG_HUNG_TASK, "2", "reader/2", TICK + 10 * MS, 1 },
		{ kicks, BU_WATCHDOG_AP_TIMEOUT, BU_WATCHDOG_NONE, "3", "swapper/3", 1, 1 },
		{ busy, BU_WATCHDOG_NONE, BU_WATCHDOG_NONE, NULL, NULL, 0, 0 },
	};
	struct bu_machine_config config = { .n_cpus = 4, .n_online = 3, .ipi_ns = IPI, .tick_ns = TICK };
	struct bu_err err = BU_ERR_INIT;
	const struct bu_watch_report *r;
	struct bu_machine_result end;
	struct bu_hang_verdict v;
	struct bu_machine *m;
	struct bu_watch *w;
	size_t i, k, n, spoke;
	int late;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t threshold = bu_watchdogs[cases[i].dog].threshold_ns;

		for (late = 0; late < 2; late++) {
			struct scene s = { .for_ns = cases[i].dog ? threshold + (late ? cases[i].over_ns : -cases[i].short_ns) :
								     300 * S };

			assert_int_equal(bu_machine_create(&config, &m, &err), 0);
			s.lock = bu_mutex(m, "cpu_add_remove_lock");
			bu_thread_run(m, "t", 0, cases[i].fn, &s);
			assert_int_equal(bu_watch_start(m, &w, &err), 0);
			assert_int_equal(bu_machine_run(m, &end, &err), 0);
			assert_int_equal(end.end, BU_MACHINE_DONE);
			n = bu_watch_reports(w, &r);
			for (spoke = 0, k = 0; k < n; k++) {
				if (r[k].dog == cases[i].other)
					continue;
				assert_string_equal(bu_watchdogs[r[k].dog].name, bu_watchdogs[cases[i].dog].name);
				spoke++;
				assert_in_range(r[k].since_ns, 1 * S, 1 * S + 2 * IPI);
				assert_int_equal(r[k].at_ns, r[k].since_ns + threshold);
				assert_string_equal(r[k].cpus, cases[i].cpus);
				assert_string_equal(bu_thread_name(m, r[k].thread), cases[i].thread);
			}
			if (spoke != (cases[i].dog && late))
				fail_msg("case %zu, %s its threshold: %zu reports", i, late ? "beyond" : "before", spoke);
			bu_hang_diagnose(m, &end, &v);
			assert_int_equal(v.class, BU_HANG_NONE);
			bu_watch_judge(w, &v);
			/* A CPU that does not report alive is given up by the kernel, which goes on. */
			n = cases[i].dog == BU_WATCHDOG_AP_TIMEOUT ? 0 : n;
			assert_int_equal(v.class, n ? BU_HANG_LOCKUP : BU_HANG_NONE);
			assert_true(!n || strstr(v.summary, " at "));
			v.class = BU_HANG_LIMIT;	/* that the events ran out says less than a watchdog */
			bu_watch_judge(w, &v);
			assert_int_equal(v.class, n ? BU_HANG_LOCKUP : BU_HANG_LIMIT);
			bu_watch_destroy(w);
			bu_machine_destroy(m);
		}
	}
}

static void waits_for_ever(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_set_current_state(m, BU_TASK_UNINTERRUPTIBLE);
	bu_schedule(m);
}

/* Looking on keeps nothing alive: the end comes when it would without. */
static void test_watching_hides_no_hang(void **state)
{
	struct bu_machine_config config = { .n_cpus = 2, .n_online = 2 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine_result end;
	struct bu_machine *m;
	struct bu_watch *w;

	(void)state;
	assert_int_equal(bu_machine_create(&config, &m, &err), 0);
	bu_thread_run(m, "t", 0, waits_for_ever, NULL);
	assert_int_equal(bu_watch_start(m, &w, &err), 0);
	assert_int_equal(bu_machine_run(m, &end, &err), 0);
	assert_int_equal(end.end, BU_MACHINE_STUCK);
	assert_true(end.now_ns <= BU_WATCH_SAMPLE_NS);
	bu_watch_destroy(w);
	bu_machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_speaks_at_its_threshold),
		cmocka_unit_test(test_watching_hides_no_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
