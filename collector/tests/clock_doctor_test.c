// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock_doctor_test.c - bounds from pairs of events, and a tool for clock_doctor.t.
 *
 * `clock_doctor_test shift IN.db OUT.db CPU OFFSET [fix]` makes of a capture one whose events are those of IN.db with
 * OFFSET added to the stamps of one CPU, examined (and corrected) and derived as at import.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h wants the four above first */
#include <cmocka.h>

#include "collector/clock_doctor_int.h"
#include "collector/hotplug.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/capture_db.h"
#include "schemas/store/ddl.h"

static struct bu_clock_graph graph(const int64_t (*pairs)[4], size_t n)
{
	struct bu_clock_graph g = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(bu_clock_before(&g, pairs[i][0], pairs[i][1], pairs[i][2], pairs[i][3]), 0);
	assert_int_equal(bu_clock_bounds(&g), 0);
	return g;
}

/* CPU 1 is 1000 ahead: kick at 100 -> sign at 1150 (50 later), idle at 1300 -> seen at 320. */
static void two_sides_bound(void **state)
{
	static const int64_t pairs[][4] = { { 0, 100, 1, 1150 }, { 1, 1300, 0, 320 }, { 0, 90, 1, 1400 }, { 1, 1200, 0, 350 } };
	struct bu_clock_graph g = graph(pairs, ARRAY_SIZE(pairs));

	(void)state;
	assert_int_equal(g.cpu[1].hi_ns, 1050);
	assert_int_equal(g.cpu[1].lo_ns, 980);
	assert_int_equal(g.cpu[1].upper, 2);
	assert_int_equal(g.cpu[1].lower, 2);
	assert_int_equal(g.cpu[1].fix_ns, 981);
	assert_int_equal(g.cpu[0].lo_ns, 0);
	assert_int_equal(g.cpu[0].hi_ns, 0);
	bu_clock_graph_fini(&g);
}

/* CPU 2 never met CPU 0, only CPU 1: its bounds add up. */
static void bounds_go_through_others(void **state)
{
	static const int64_t pairs[][4] = { { 0, 0, 1, 10 }, { 1, 0, 0, 20 }, { 1, 0, 2, 5 }, { 2, 0, 1, 7 } };
	struct bu_clock_graph g = graph(pairs, ARRAY_SIZE(pairs));

	(void)state;
	assert_int_equal(g.cpu[2].hi_ns, 15);
	assert_int_equal(g.cpu[2].lo_ns, -27);
	assert_int_equal(g.cpu[2].fix_ns, 0);
	bu_clock_graph_fini(&g);
}

/* A clock that was set: at first 1000 ahead, later 1000 behind. The others keep their bounds. */
static void a_set_clock_contradicts(void **state)
{
	static const int64_t pairs[][4] = { { 1, 1100, 0, 120 }, { 0, 200, 1, -750 }, { 0, 0, 2, 30 }, { 2, 0, 0, 40 } };
	struct bu_clock_graph g = graph(pairs, ARRAY_SIZE(pairs));

	(void)state;
	assert_true(g.cpu[1].contradictory);
	assert_int_equal(g.cpu[1].lo_ns, 980);
	assert_int_equal(g.cpu[1].hi_ns, -950);
	assert_int_equal(g.cpu[1].fix_ns, 0);
	assert_false(g.cpu[2].contradictory);
	assert_int_equal(g.cpu[2].hi_ns, 30);
	assert_int_equal(g.cpu[2].lo_ns, -40);
	bu_clock_graph_fini(&g);
}

/* Three CPUs in a circle, no two of which contradict one another. */
static void a_circle_contradicts(void **state)
{
	static const int64_t pairs[][4] = { { 0, 0, 1, -10 }, { 1, 0, 2, -10 }, { 2, 0, 0, -10 } };
	struct bu_clock_graph g = graph(pairs, ARRAY_SIZE(pairs));

	(void)state;
	assert_true(g.cpu[1].contradictory || g.cpu[2].contradictory);
	bu_clock_graph_fini(&g);
}

/* Each alone would do with the smallest shift; together they must not overtake one another. */
static void corrections_fit_together(void **state)
{
	/* CPU 1 at least 100 ahead, CPU 2 at most 500; CPU 2 at least 300 ahead of CPU 1. */
	static const int64_t pairs[][4] = { { 1, 100, 0, 0 }, { 0, 0, 2, 500 }, { 2, 300, 1, 0 }, { 0, 0, 1, 1000 } };
	struct bu_clock_graph g = graph(pairs, ARRAY_SIZE(pairs));
	size_t i;

	(void)state;
	for (i = 0; i < g.n_edge; i++)
		assert_true(g.cpu[g.edge[i].to].fix_ns - g.cpu[g.edge[i].from].fix_ns <= g.edge[i].ns);
	bu_clock_graph_fini(&g);
}

static void nothing_seen(void **state)
{
	struct bu_clock_graph g = { 0 };

	(void)state;
	assert_int_equal(bu_clock_bounds(&g), 0);
	bu_clock_graph_fini(&g);
}

/* ---- the tool ------------------------------------------------------------------------------------------------------- */

static const char *const events[] = { "ev_cpuhp", "ev_func", "ev_fault", "ev_irq_vector", "ev_sched_switch", "ev_timer",
				      "ev_other" };

/* The rows of one table, all columns. */
static int copy_table(struct bu_db *db, const char *table, const char *where, struct bu_err *err)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "INSERT INTO main.%s SELECT * FROM o.%s %s", table, table, where);
	return bu_db_exec(db, sql, err);
}

static int shift(const char *in, const char *out, const char *cpu, const char *offset, bool fix, struct bu_err *err)
{
	static const char *const whole[] = { "buffer", "symbol", "task", "event_kind", "hotplug_state", "cpu_account", "loss",
					     "capture", "machine", "cpu", "machine_file" };
	struct bu_clock_doctor_params p = { .clock = "x86-tsc", .fix = fix, .steps_back = true };
	struct bu_clock_doctor_result r;
	struct bu_hotplug hotplug = { .n_states = 0 };
	struct bu_db *db = NULL;
	char sql[512];
	size_t i;
	int rc;

	rc = bu_db_create(out, &bu_capture_format, true, &db, err);
	snprintf(sql, sizeof(sql), "COMMIT; ATTACH '%s' AS o; BEGIN", in);
	if (!rc)
		rc = bu_db_exec(db, sql, err);
	for (i = 0; !rc && i < ARRAY_SIZE(whole); i++)
		rc = copy_table(db, whole[i], "", err);
	for (i = 0; !rc && i < ARRAY_SIZE(events); i++) {
		rc = copy_table(db, events[i], "", err);
		snprintf(sql, sizeof(sql), "UPDATE %s SET ts_ns = ts_ns + (%s) WHERE cpu = %s", events[i], offset, cpu);
		if (!rc)
			rc = bu_db_exec(db, sql, err);
	}
	if (!rc)
		rc = bu_db_exec(db, "COMMIT; DETACH o; BEGIN", err);
	if (!rc)
		rc = bu_hotplug_read(&hotplug, db, err);
	if (!rc)
		rc = bu_clock_doctor(db, &hotplug.marks, &p, &r, err);
	if (!rc && r.corrected)
		rc = bu_hotplug_read(&hotplug, db, err);
	if (!rc)
		rc = bu_db_exec(db, bu_sql_index, err);
	if (!rc)
		rc = bu_hotplug_write(&hotplug, db, err);
	if (!rc)
		rc = bu_db_exec(db, bu_sql_derive_bringup, err);
	if (!rc)
		rc = bu_db_finish(db, err);
	bu_hotplug_fini(&hotplug);
	bu_db_close(db);
	if (!rc)
		printf("bounded=%d unsynchronised=%d contradictory=%d corrected=%d\n", (int)r.bounded, (int)r.unsynchronised,
		       (int)r.contradictory, (int)r.corrected);
	return rc;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sides_bound), cmocka_unit_test(bounds_go_through_others),
		cmocka_unit_test(a_set_clock_contradicts), cmocka_unit_test(a_circle_contradicts),
		cmocka_unit_test(corrections_fit_together), cmocka_unit_test(nothing_seen),
	};
	struct bu_err err = BU_ERR_INIT;

	if (argc >= 6 && !strcmp(argv[1], "shift")) {
		if (!shift(argv[2], argv[3], argv[4], argv[5], argc > 6, &err))
			return 0;
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
