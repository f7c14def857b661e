// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_ops_test.c - the state machine over steps, case by case as kernel/cpu.c makes them. Step numbers are those of
 * 6.1 (bringup_cpu 91, takedown_cpu 153) and 6.12 (kick 85, bring-up 86).
 */
#include "collector/hotplug_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define OPEN BU_NS_UNKNOWN
#define ONLINE 236

static struct bu_hp_step steps[64];
static size_t n_steps;
static struct bu_hp_ops table;
static struct bu_hp_op *ops;	/* of it */
static size_t n_ops;

/* A step that ran on @cpu for @target_cpu; it ends @ids events after its own. */
static struct bu_hp_step *step(int cpu, int target_cpu, int nr, int target, const char *name, int ids, int64_t ret)
{
	struct bu_hp_step *s = &steps[n_steps];
	int64_t id = n_steps ? steps[n_steps - 1].id + 1 : 1;

	*s = (struct bu_hp_step){ .id = id, .exit_id = ret == OPEN ? OPEN : id + ids, .cpu = cpu,
				  .target_cpu = target_cpu, .nr = nr, .target = target, .name = name,
				  .start_ns = id * 10, .end_ns = ret == OPEN ? OPEN : (id + ids) * 10, .ret = ret };
	n_steps++;
	return s;
}

static void assign(const int64_t *first_ids, size_t n)
{
	size_t i;

	bu_hp_ops_fini(&table);
	table.first_ids = first_ids;
	table.n_first_ids = n;
	for (i = 0; i < n_steps; i++)
		assert_int_equal(bu_hp_ops_add(&table, &steps[i]), 0);
	bu_hp_ops_end(&table);
	ops = table.ops;
	n_ops = table.n;
}

static int reset(void **state)
{
	(void)state;
	n_steps = 0;
	return 0;
}

/* Two prepare steps, bringup_cpu, and inside it two steps on the CPU. */
static void serial_up(int cpu)
{
	step(0, cpu, 1, ONLINE, "smpboot_create_threads", 0, 0);
	step(0, cpu, 40, ONLINE, "random_prepare_cpu", 0, 0);
	step(0, cpu, 91, ONLINE, "bringup_cpu", 2, 0);
	step(cpu, cpu, 156, ONLINE, "smpboot_unpark_threads", 0, 0);
	step(cpu, cpu, 235, ONLINE, "sched_cpu_activate", 0, 0);
}

static void down(int control, int cpu)
{
	step(control, cpu, 236, 153, "cpuhp_kick_ap_work", 2, 0);
	step(cpu, cpu, 235, 153, "sched_cpu_deactivate", 0, 0);
	step(cpu, cpu, 156, 153, "smpboot_park_threads", 0, 0);
	step(control, cpu, 153, 0, "takedown_cpu", 0, 0);
	step(control, cpu, 40, 0, "workqueue_offline_cpu", 0, 0);
}

static void serial_boot_is_one_up_per_cpu(void **state)
{
	(void)state;
	serial_up(1);
	serial_up(2);
	assign(NULL, 0);
	assert_int_equal(n_ops, 2);
	assert_int_equal(ops[0].direction, BU_HP_UP);
	assert_int_equal(ops[0].verdict, BU_HP_OK);
	assert_int_equal(ops[0].control_cpu, 0);
	assert_int_equal(ops[0].start_ns, steps[0].start_ns);
	assert_int_equal(ops[0].end_ns, steps[2].end_ns);
	assert_int_equal(steps[4].op, 0);
	assert_int_equal(steps[5].op, 1);
	assert_int_equal(ops[1].cpu, 2);
}

static void installed_callbacks_belong_to_nothing(void **state)
{
	(void)state;
	step(0, 0, 195, 0, "compute_batch_value", 0, 0);	/* the boot CPU of 6.1 has target 0 */
	serial_up(1);
	step(1, 1, 200, ONLINE, "cacheinfo_cpu_online", 0, 0);
	step(0, 1, 60, ONLINE, "topology_add_dev", 0, 0);	/* a prepare callback, for a CPU that runs */
	step(2, 0, 60, 0, "topology_add_dev", 0, 0);		/* for the boot CPU, by another */
	assign(NULL, 0);
	assert_int_equal(n_ops, 1);
	assert_int_equal(steps[0].op, -1);
	assert_int_equal(steps[6].op, -1);
	assert_int_equal(steps[7].op, -1);
	assert_int_equal(steps[8].op, -1);
}

static void two_passes_are_one_up(void **state)
{
	(void)state;
	step(0, 1, 1, 85, "smpboot_create_threads", 0, 0);
	step(0, 1, 85, 85, "cpuhp_kick_ap_alive", 0, 0);
	step(0, 2, 1, 85, "smpboot_create_threads", 0, 0);
	step(0, 2, 85, 85, "cpuhp_kick_ap_alive", 0, 0);
	step(0, 1, 86, ONLINE, "cpuhp_bringup_ap", 1, 0);
	step(1, 1, 235, ONLINE, "sched_cpu_activate", 0, 0);
	step(0, 2, 86, ONLINE, "cpuhp_bringup_ap", 1, OPEN);
	assign(NULL, 0);
	assert_int_equal(n_ops, 2);
	assert_int_equal(steps[4].op, 0);
	assert_int_equal(steps[5].op, 0);
	assert_int_equal(ops[0].verdict, BU_HP_OK);
	assert_int_equal(ops[1].verdict, BU_HP_OPEN);
	assert_int_equal(ops[1].end_ns, OPEN);
}

static void no_show_fails_and_rolls_back(void **state)
{
	(void)state;
	step(0, 5, 1, ONLINE, "smpboot_create_threads", 0, 0);
	step(0, 5, 91, ONLINE, "bringup_cpu", 0, -5);
	step(0, 5, 50, 0, "rcutree_dead_cpu", 0, 0);
	step(0, 5, 46, 0, "smpcfd_dead_cpu", 0, 0);
	serial_up(5);						/* a second try */
	assign(NULL, 0);
	assert_int_equal(n_ops, 3);
	assert_int_equal(ops[0].verdict, BU_HP_FAILED);
	assert_int_equal(ops[0].ret, -5);
	assert_int_equal(ops[1].direction, BU_HP_ROLLBACK);
	assert_int_equal(steps[2].op, 1);
	assert_int_equal(steps[3].op, 1);
	assert_int_equal(ops[2].direction, BU_HP_UP);
	assert_int_equal(ops[2].nth, 2);
	assert_int_equal(ops[2].verdict, BU_HP_OK);
}

static void failed_prepare_step_fails_the_up(void **state)
{
	(void)state;
	step(0, 3, 1, ONLINE, "smpboot_create_threads", 0, 0);
	step(0, 3, 40, ONLINE, "random_prepare_cpu", 0, -12);
	step(0, 3, 1, 0, "smpboot_destroy_threads", 0, 0);
	assign(NULL, 0);
	assert_int_equal(n_ops, 2);
	assert_int_equal(ops[0].verdict, BU_HP_FAILED);
	assert_int_equal(ops[0].ret, -12);
	assert_int_equal(ops[1].direction, BU_HP_ROLLBACK);
}

static void down_and_up_again(void **state)
{
	(void)state;
	down(0, 1);
	serial_up(1);
	down(2, 1);
	assign(NULL, 0);
	assert_int_equal(n_ops, 3);
	assert_int_equal(ops[0].direction, BU_HP_DOWN);
	assert_int_equal(ops[0].verdict, BU_HP_OK);
	assert_int_equal(ops[0].end_ns, steps[4].end_ns);
	assert_int_equal(ops[1].direction, BU_HP_UP);
	assert_int_equal(ops[1].nth, 1);
	assert_int_equal(ops[2].nth, 2);
	assert_int_equal(ops[2].control_cpu, 2);
}

static void refused_down_rolls_up(void **state)
{
	(void)state;
	step(0, 1, 236, 153, "cpuhp_kick_ap_work", 1, -16);
	step(1, 1, 235, 153, "sched_cpu_deactivate", 0, -16);
	step(1, 1, 236, ONLINE, "some_online_again", 0, 0);
	step(1, 1, 200, ONLINE, "cacheinfo_cpu_online", 0, 0);	/* an install, after it */
	assign(NULL, 0);
	assert_int_equal(n_ops, 2);
	assert_int_equal(ops[0].verdict, BU_HP_FAILED);
	assert_int_equal(ops[1].direction, BU_HP_ROLLBACK);
	assert_int_equal(steps[2].op, 1);
	assert_int_equal(steps[3].op, -1);
}

static void a_cpu_seen_at_work_was_online(void **state)
{
	const int64_t first_ids[] = { 1, 2 };

	(void)state;
	step(0, 0, 200, ONLINE, "cacheinfo_cpu_online", 0, 0);
	step(0, 0, 201, ONLINE, "mce_cpu_online", 0, 0);
	step(0, 1, 60, ONLINE, "topology_add_dev", 0, 0);	/* looks like the beginning of an up */
	assign(first_ids, ARRAY_SIZE(first_ids));
	assert_int_equal(n_ops, 0);
	assign(NULL, 0);
	assert_int_equal(n_ops, 1);
	assert_int_equal(ops[0].verdict, BU_HP_OPEN);
}

static void impossible_cpus_are_passed_over(void **state)
{
	(void)state;
	step(0, -1, 1, ONLINE, "x", 0, 0);
	step(0, INT32_MAX, 1, ONLINE, "x", 0, 0);
	assign(NULL, 0);
	assert_int_equal(n_ops, 0);
	assert_int_equal(steps[1].op, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(serial_boot_is_one_up_per_cpu, reset),
		cmocka_unit_test_setup(installed_callbacks_belong_to_nothing, reset),
		cmocka_unit_test_setup(two_passes_are_one_up, reset),
		cmocka_unit_test_setup(no_show_fails_and_rolls_back, reset),
		cmocka_unit_test_setup(failed_prepare_step_fails_the_up, reset),
		cmocka_unit_test_setup(down_and_up_again, reset),
		cmocka_unit_test_setup(refused_down_rolls_up, reset),
		cmocka_unit_test_setup(a_cpu_seen_at_work_was_online, reset),
		cmocka_unit_test_setup(impossible_cpus_are_passed_over, reset),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	bu_hp_ops_fini(&table);
	return failed;
}
