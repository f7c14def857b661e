// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_test.c - the pieces together: a CPU that goes down and comes up again and again, as kernel/cpu.c does it
 * (v6.12, shortened), on a busy machine with ticks.
 */
#include "replay/machine/tests/drive.h"

#include <string.h>

#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/stop.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"

#define US 1000
#define MS 1000000
#define CPUS 8

struct scene {
	bu_obj up, dead;
	int family, rounds;
	int ran[CPUS];
	bool should_run[CPUS], stop;
	size_t bytes;
	uint32_t calls;
};

static struct scene *now;	/* of the one test that runs */

static bool should_run(struct bu_machine *m, int cpu)
{
	(void)m;
	return now->should_run[cpu];
}

static void hp_thread(struct bu_machine *m, int cpu)
{
	now->should_run[cpu] = false;
	assert_int_equal(bu_this_cpu(m), cpu);
	bu_work(m, 5 * US);
	now->ran[cpu]++;
	bu_complete(m, now->up);
}

static const struct bu_smp_hotplug_thread hp = { .name = "cpuhp", .should_run = should_run, .fn = hp_thread,
						 .sched_class = BU_CLASS_FAIR };

/* start_secondary(), then the idle loop, then the death */
static void ap(struct bu_machine *m, void *arg)
{
	int cpu = bu_this_cpu(m);

	(void)arg;
	BU_FN(m);
	bu_work(m, 100 * US);
	bu_set_cpu_online(m, cpu, true);
	bu_stop_machine_unpark(m, cpu);		/* cpuhp_online_idle() */
	bu_complete(m, now->up);
	bu_cpu_startup_entry(m);
	bu_work(m, 10 * US);
	bu_complete(m, now->dead);		/* cpuhp_report_idle_dead() */
}

static int take_cpu_down(struct bu_machine *m, void *arg)
{
	int cpu = bu_this_cpu(m);

	(void)arg;
	BU_FN(m);
	bu_set_cpu_online(m, cpu, false);
	bu_smpcfd_dying_cpu(m);
	bu_timers_migrate(m, cpu, 0);
	bu_stop_machine_park(m, cpu);
	return 0;
}

static void cpu_down(struct bu_machine *m, int cpu)
{
	BU_FN(m);
	bu_cpus_write_lock(m);
	bu_synchronize_rcu(m);			/* sched_cpu_deactivate() */
	bu_smpboot_park_threads(m, cpu);
	assert_int_equal(bu_stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, cpu), 0);
	bu_wait_for_completion(m, now->dead);
	while (bu_cpu_started(m, cpu))
		bu_sleep_ns(m, 1 * US);
	bu_cpus_write_unlock(m);
	assert_false(bu_cpu_online(m, cpu));
}

static void cpu_up(struct bu_machine *m, int cpu)
{
	BU_FN(m);
	bu_cpus_write_lock(m);
	bu_smpboot_create_threads(m, cpu);
	bu_cpu_start(m, cpu, ap, NULL);
	bu_wait_for_completion(m, now->up);
	assert_true(bu_cpu_online(m, cpu));
	bu_smpboot_unpark_threads(m, cpu);
	now->should_run[cpu] = true;
	bu_wake_up_process(m, bu_smpboot_thread(m, now->family, cpu));
	bu_wait_for_completion(m, now->up);	/* cpuhp_kick_ap() */
	bu_cpus_write_unlock(m);
}

static void control(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int i, cpu;

	BU_FN(m);
	bu_cpu_stop_init(m);
	s->family = bu_smpboot_register(m, &hp);
	for (cpu = 1; cpu < CPUS; cpu++)
		cpu_up(m, cpu);
	assert_int_equal(bu_num_online_cpus(m), CPUS);
	for (i = 0; i < s->rounds; i++) {
		cpu = 1 + i % (CPUS - 1);
		cpu_down(m, cpu);
		assert_int_equal(bu_num_online_cpus(m), CPUS - 1);
		cpu_up(m, cpu);
		if (i == s->rounds / 2)
			s->bytes = bu_machine_bytes(m);
	}
	s->stop = true;
}

static void count(struct bu_machine *m, void *arg)
{
	(void)m;
	((struct scene *)arg)->calls++;
}

/* Works, sleeps, reads, calls others: whatever a busy machine does meanwhile. */
static void load(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	while (!s->stop) {
		bu_work(m, 300 * US);
		/* A CPU that is offline runs nothing that may run elsewhere. */
		assert_true(bu_cpu_online(m, bu_this_cpu(m)));
		bu_cpus_read_lock(m);
		bu_smp_call_function(m, "count", count, s, true);
		bu_cpus_read_unlock(m);
		bu_rcu_read_lock(m);
		bu_work(m, 20 * US);
		bu_rcu_read_unlock(m);
		bu_sleep_ns(m, 500 * US);
	}
}

static struct bu_machine_result storm(int rounds, struct scene *s, const struct bu_machine_config *c)
{
	struct bu_machine *m = make(c);
	struct bu_machine_result r;
	struct bu_err err = BU_ERR_INIT;
	size_t bytes;
	int i;

	*s = (struct scene){ .rounds = rounds };
	now = s;
	s->up = bu_completion(m, "up");
	s->dead = bu_completion(m, "dead");
	bu_rcu_spawn_gp_kthread(m, 0);
	bu_thread_run(m, "control", 0, control, s);
	for (i = 0; i < 4; i++)
		bu_thread_run(m, "load", BU_ANY_CPU, load, s);
	assert_int_equal(bu_machine_run(m, &r, &err), 0);
	bytes = bu_machine_bytes(m);
	if (r.end != BU_MACHINE_DONE)
		fail_msg("%s", r.verdict);
	/* What a round leaves behind: a completion and a word or two, no threads, no stacks. */
	assert_true(bytes - s->bytes < (size_t)rounds * 2048);
	bu_machine_destroy(m);
	return r;
}

static void test_cpus_go_down_and_up_on_a_busy_machine(void **state)
{
	struct bu_machine_config c = { .n_cpus = CPUS, .n_online = 1, .tick_ns = 4 * MS, .ipi_ns = 1 * US, .irq_ns = 200,
				       .switch_ns = 1000, .poll_ns = 50, .max_events = 5000000 };
	struct bu_machine_result a, b;
	struct scene s;
	int cpu;

	(void)state;
	a = storm(70, &s, &c);
	for (cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(s.ran[cpu], 1 + 10);
	assert_true(s.calls > 1000);
	b = storm(70, &s, &c);
	assert_int_equal(a.hash, b.hash);
	/* And on half as many physical CPUs, where stop_machine() has to wait for CPUs that do not run. */
	c.n_physical = CPUS / 2;
	b = storm(70, &s, &c);
	print_message("# 70 rounds: %.0f ms, on half the physical CPUs %.0f ms\n", (double)a.now_ns / MS,
		      (double)b.now_ns / MS);
	assert_true(b.now_ns >= a.now_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus_go_down_and_up_on_a_busy_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
