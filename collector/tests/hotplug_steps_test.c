// SPDX-License-Identifier: GPL-2.0-only
/* hotplug_steps_test.c - enters and exits become steps, in the order of the enters, whatever ends when. */
#include "collector/hotplug_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/base/ns.h"

static struct bu_hp_steps q;
static int64_t id;	/* of the next event */

static const struct bu_hp_step *add(enum bu_cpuhp_kind kind, int64_t target_cpu, int64_t nr, const char *name, int64_t ret)
{
	const struct bu_event ev = {
		.table = BU_EV_CPUHP, .id = id, .ts_ns = 10 * id,
		.cpuhp = { .kind = kind, .target_cpu = target_cpu, .step = nr, .target = 236, .ret = ret },
	};
	const struct bu_hp_step *s = NULL;

	id++;
	assert_int_equal(bu_hp_steps_add(&q, &ev, name, &s), 0);
	return s;
}

static const struct bu_hp_step *enter(int64_t target_cpu, int64_t nr)
{
	return add(BU_CPUHP_ENTER, target_cpu, nr, "callback", BU_FIELD_UNKNOWN);
}

static const struct bu_hp_step *leave(int64_t target_cpu, int64_t nr, int64_t ret)
{
	return add(BU_CPUHP_EXIT, target_cpu, nr, NULL, ret);
}

static void expect(int64_t want_id, int64_t want_exit, bool all)
{
	const struct bu_hp_step *s = bu_hp_steps_take(&q, all);

	assert_non_null(s);
	assert_int_equal(s->id, want_id);
	assert_int_equal(s->exit_id, want_exit);
	assert_int_equal(s->end_ns, want_exit == BU_NS_UNKNOWN ? BU_NS_UNKNOWN : 10 * want_exit);
}

static int reset(void **state)
{
	(void)state;
	bu_hp_steps_fini(&q);
	id = 1;
	return 0;
}

static void one_waits_for_those_before_it(void **state)
{
	(void)state;
	enter(1, 91);	/* bringup_cpu, during which the CPU runs a step of its own */
	enter(1, 156);
	leave(1, 156, 0);
	assert_null(bu_hp_steps_take(&q, false));
	assert_int_equal(leave(1, 91, -5)->ret, -5);
	expect(1, 4, false);
	expect(2, 3, false);
	assert_null(bu_hp_steps_take(&q, true));
}

static void an_exit_takes_the_latest_enter(void **state)
{
	(void)state;
	enter(1, 40);
	enter(1, 40);
	leave(1, 40, 0);
	leave(1, 40, 0);	/* of nothing */
	assert_true(bu_hp_steps_take(&q, false)->lost);
	expect(2, 3, false);
	assert_null(bu_hp_steps_take(&q, true));
}

static void steps_of_other_cpus_and_buffers_are_others(void **state)
{
	struct bu_event ev = { .table = BU_EV_CPUHP, .id = 9, .buf = 1, .cpuhp = { .kind = BU_CPUHP_EXIT, .target_cpu = 1, .step = 40 } };
	const struct bu_hp_step *s;

	(void)state;
	enter(1, 40);
	assert_null(leave(2, 40, 0));
	assert_null(leave(1, 41, 0));
	assert_int_equal(bu_hp_steps_add(&q, &ev, NULL, &s), 0);
	assert_null(s);
	assert_null(bu_hp_steps_take(&q, false));
	expect(1, BU_NS_UNKNOWN, true);
}

static void without_a_name_none_begins(void **state)
{
	(void)state;
	enter(1, 40);
	assert_null(add(BU_CPUHP_ENTER, 1, 40, NULL, BU_FIELD_UNKNOWN));
	assert_null(leave(1, 40, 0));
	assert_true(bu_hp_steps_take(&q, false)->lost);
	assert_null(bu_hp_steps_take(&q, true));
}

/* Thousands that are open at once, the first of them for ever; the others end in another order than they began in. */
static void one_that_never_ends_holds_up_all(void **state)
{
	enum { MANY = 5000, STRIDE = 1777 };
	int64_t i;

	(void)state;
	enter(0, 1);
	for (i = 1; i <= MANY; i++)
		enter(i, 85);
	for (i = 0; i < MANY; i++)
		assert_int_equal(leave(1 + i * STRIDE % MANY, 85, 0)->id, 2 + i * STRIDE % MANY);
	assert_null(bu_hp_steps_take(&q, false));
	expect(1, BU_NS_UNKNOWN, true);
	for (i = 2; i <= MANY + 1; i++)
		assert_int_equal(bu_hp_steps_take(&q, false)->id, i);
	assert_null(bu_hp_steps_take(&q, true));
}

/* Memory is for those that wait, not for all. */
static void what_was_taken_leaves_room(void **state)
{
	int64_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		enter(1, i % 200);
		leave(1, i % 200, 0);
		expect(2 * i + 1, 2 * i + 2, false);
	}
	assert_true(q.cap <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_waits_for_those_before_it, reset),
		cmocka_unit_test_setup(an_exit_takes_the_latest_enter, reset),
		cmocka_unit_test_setup(steps_of_other_cpus_and_buffers_are_others, reset),
		cmocka_unit_test_setup(without_a_name_none_begins, reset),
		cmocka_unit_test_setup(one_that_never_ends_holds_up_all, reset),
		cmocka_unit_test_setup(what_was_taken_leaves_room, reset),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	bu_hp_steps_fini(&q);
	return rc;
}
