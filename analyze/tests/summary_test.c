// SPDX-License-Identifier: GPL-2.0-only
/*
 * summary_test.c - the numbers of a report against SQL over the same file, and their own sums.
 * The boots are invented by synth.sql; what is planted there must be found.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyze/report.h"
#include "schemas/store/db.h"

static char *slurp(const char *name)
{
	const char *src = getenv("SRC");
	char path[4096], *text;
	long len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", src ? src : ".", name);
	f = fopen(path, "re");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)len, f), len);
	fclose(f);
	return text;
}

static void must(int rc, const struct bu_err *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

/* An invented boot, read back. @more: SQL to change it, or NULL. */
struct fixture {
	char path[64];
	struct bu_boots boots;
	struct bu_summary sum;
	struct bu_db *db;
};

static void setup(struct fixture *f, int cpus, const char *algorithm, int hang, const char *more)
{
	struct bu_err err = BU_ERR_INIT;
	_cleanup_free_ char *sql = slurp("analyze/tests/synth.sql");
	char param[160];
	struct bu_db *db;
	int fd;

	memset(f, 0, sizeof(*f));
	strcpy(f->path, "/tmp/bringup-summary-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(param, sizeof(param), "CREATE TEMP TABLE param AS SELECT %d AS cpus, '%s' AS algorithm, %d AS hang", cpus,
		 algorithm, hang);
	must(bu_db_create(f->path, &bu_capture_format, true, &db, &err), &err);
	must(bu_db_exec(db, param, &err), &err);
	must(bu_db_exec(db, sql, &err), &err);
	if (more)
		must(bu_db_exec(db, more, &err), &err);
	must(bu_db_finish(db, &err), &err);
	bu_db_close(db);
	must(bu_boots_load(f->path, 0, 0, &f->boots, &err), &err);
	must(bu_summary_of(&f->boots.boot[0], &f->sum, &err), &err);
	must(bu_db_open(f->path, &bu_capture_format, &f->db, &err), &err);
}

static void teardown(struct fixture *f)
{
	bu_db_close(f->db);
	bu_summary_fini(&f->sum);
	bu_boots_fini(&f->boots);
	unlink(f->path);
}

static int64_t ask(struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int64_t ask(struct fixture *f, const char *fmt, ...)
{
	struct bu_err err = BU_ERR_INIT;
	int64_t v = INT64_MIN;
	char sql[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	must(bu_db_i64(f->db, sql, &v, &err), &err);
	return v;
}

static void check_totals(struct fixture *f)
{
	const struct bu_boot *b = &f->boots.boot[0];
	int64_t sum;
	size_t p, i;

	for (p = 0; p < BU_PHASE_N; p++) {
		const char *name = bu_phase_name((enum bu_phase)p);

		assert_int_equal(f->sum.phase[p].total_ns,
				 ask(f, "SELECT coalesce(sum(end_ns - start_ns), 0) FROM timeline WHERE phase = '%s'", name));
		assert_int_equal(f->sum.phase[p].count - f->sum.phase[p].unfinished,
				 ask(f, "SELECT count(*) FROM timeline WHERE phase = '%s' AND end_ns NOT NULL", name));
		for (i = 0, sum = 0; i < b->n_cpu; i++)
			sum += f->sum.cpu[i].phase_ns[p];
		assert_int_equal(sum, f->sum.phase[p].total_ns);
	}
	assert_int_equal(f->sum.control_busy_ns + f->sum.control_wait_ns + f->sum.control_other_ns, b->bringup_ns);
	assert_int_equal(f->sum.control_busy_ns, ask(f, "SELECT sum(end_ns - start_ns) FROM timeline"
						     " WHERE phase IN ('prepare', 'kick')"));
	for (i = 0; i < f->sum.n_step; i++)
		assert_int_equal(f->sum.step[i].stat.total_ns,
				 ask(f, "SELECT sum(end_ns - start_ns) FROM timeline WHERE name = '%s'",
				     b->step[f->sum.step[i].step].name));
	assert_int_equal(f->sum.n_step, ask(f, "SELECT count(DISTINCT name) FROM timeline WHERE phase NOT IN ('parked', 'wait')"));
	for (i = 0; i < b->n_cpu; i++) {
		const struct bu_cpu_sum *c = &f->sum.cpu[i];

		if (b->cpu[i].outcome == BU_OK)
			assert_int_equal(c->active_ns + c->queued_ns, c->latency_ns);
		assert_int_equal(b->cpu[i].online_ns == BU_NS_UNKNOWN ? INT64_MIN : b->cpu[i].online_ns,
				 ask(f, "SELECT c.online_ns - b.start_ns FROM bringup_cpu c, bringup b WHERE cpu = %d",
				     b->cpu[i].cpu));
	}
}

static void totals_are_those_of_sql(void **state)
{
	static const struct {
		int cpus, hang;
		const char *algorithm;
	} boots[] = { { 2, 0, "serial" }, { 64, 0, "serial" }, { 64, 0, "parallel" }, { 9, 4, "parallel" }, { 320, 0, "parallel" } };
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(boots); i++) {
		setup(&f, boots[i].cpus, boots[i].algorithm, boots[i].hang, NULL);
		check_totals(&f);
		teardown(&f);
	}
}

static void what_is_planted_is_found(void **state)
{
	struct fixture f;
	const struct bu_boot *b;

	(void)state;
	setup(&f, 64, "parallel", 0, NULL);
	b = &f.boots.boot[0];
	assert_int_equal(f.sum.active.max_cpu, 40);	/* 64 * 5 / 8: 30 ms in one step */
	assert_int_equal(f.sum.cpu[39].worst, BU_PHASE_ONLINE);
	assert_int_equal(f.sum.phase[BU_PHASE_TSC].count, 4);
	assert_int_equal(f.sum.cpu[23].worst_work, BU_PHASE_TSC);
	/* Parked CPUs are queued: nobody's work, and most of the way. */
	assert_true(f.sum.queued.total_ns > 10 * f.sum.active.total_ns);
	/* Steps stand in the order of their numbers within a phase. */
	assert_string_equal(b->step[0].name, "smpboot_create_threads");
	assert_string_equal(b->step[b->n_step - 2].name, "sched_cpu_activate");
	assert_int_equal(b->step[b->n_step - 1].phase, BU_PHASE_WAIT);
	teardown(&f);
}

static void a_cpu_that_hangs_is_open(void **state)
{
	char text[512];
	struct fixture f;

	(void)state;
	setup(&f, 8, "parallel", 5, NULL);
	assert_int_equal(f.sum.outcome, BU_OPEN);
	assert_int_equal(f.sum.phase[BU_PHASE_DARK].unfinished, 1);
	bu_cpu_evidence(&f.boots.boot[0], bu_boot_cpu_find(&f.boots.boot[0], 5), text, sizeof(text));
	assert_non_null(strstr(text, "got as far as: kicked"));
	assert_non_null(strstr(text, "last step cpuhp_bringup_ap (86)"));
	teardown(&f);
}

/* Without function events nothing of the kick is known but the step that holds it. */
static void without_functions_kick_and_wait_are_one(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 8, "serial", 0, "UPDATE bringup_cpu SET kick_last_ns = NULL, first_sign_ns = NULL, alive_ns = NULL,"
	      " release_ns = NULL, starting_ns = NULL, tsc_target_ns = NULL, tsc_end_ns = NULL, idle_ns = NULL");
	assert_true(f.boots.boot[0].no_control_split);
	assert_int_equal(f.sum.phase[BU_PHASE_KICK].count, 0);
	assert_int_equal(f.sum.phase[BU_PHASE_WAIT].total_ns, ask(&f, "SELECT sum(done_ns - kick_ns) FROM bringup_cpu"));
	assert_int_equal(f.sum.control_busy_ns + f.sum.control_wait_ns + f.sum.control_other_ns,
			 f.boots.boot[0].bringup_ns);
	teardown(&f);
}

/* At run time a control step spans the steps of the CPU; its own time is what they leave. */
static void nested_steps_count_once(void **state)
{
	struct fixture f;
	size_t i;
	int64_t inner = 0, outer = -1;

	(void)state;
	setup(&f, 4, "parallel", 0,
	      "INSERT INTO hotplug_op VALUES (100, 2, 'down', 1, 0, 1000000000, 1000900000, 0, 'ok');"
	      "INSERT INTO step (op, cpu, target_cpu, task, nr, name, multi, target, start_ns, end_ns, ret, verdict) VALUES"
	      " (100, 0, 2, 1, 236, 'cpuhp_kick_ap_work', 0, 150, 1000000000, 1000700000, 0, 'ok'),"
	      " (100, 2, 2, 1, 230, 'sched_cpu_deactivate', 0, 150, 1000100000, 1000500000, 0, 'ok'),"
	      " (100, 2, 2, 1, 220, 'acpi_soft_cpu_dead', 0, 150, 1000500000, 1000600000, 0, 'ok'),"
	      " (100, 0, 2, 1, 145, 'takedown_cpu', 0, 0, 1000700000, 1000900000, 0, 'ok')");
	assert_int_equal(f.sum.op[BU_DOWN].ok, 1);
	assert_int_equal(f.sum.op[BU_DOWN].stat.max_ns, 900000);
	assert_int_equal(f.sum.op[BU_UP].n, 0);	/* the bring-up itself is not among them */
	for (i = 0; i < f.sum.n_op_step; i++) {
		if (!strcmp(f.sum.op_step[i].name, "cpuhp_kick_ap_work"))
			outer = f.sum.op_step[i].stat.total_ns;
		inner += f.sum.op_step[i].stat.total_ns;
	}
	assert_int_equal(outer, 200000);
	assert_int_equal(inner, 900000);
	teardown(&f);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static json_t *as_json(struct fixture *f, bool as_list)
{
	struct bu_err err = BU_ERR_INIT;
	json_error_t why;
	char *text = NULL;
	size_t len = 0;
	json_t *o;
	FILE *m = open_memstream(&text, &len);

	assert_non_null(m);
	must(bu_report_json(m, f->boots.boot, &f->sum, 1, as_list, &err), &err);
	fclose(m);
	o = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!o)
		fail_msg("%s", why.text);
	free(text);
	return o;
}

static void json_has_what_is_documented(void **state)
{
	struct fixture f;
	json_t *o, *c, *runs;
	size_t i;

	(void)state;
	setup(&f, 8, "parallel", 5, "INSERT INTO loss VALUES (1, (SELECT min(id) FROM buffer), 3, 'overrun', NULL, NULL, NULL, NULL, 5000000);"
	      "UPDATE capture SET complete = 0, lost_unknown = 1");
	o = as_json(&f, true);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "bringup-report-1");
	assert_true(json_is_false(json_object_get(o, "complete")));
	assert_int_equal(json_integer_value(json_object_get(o, "bringup_ns")), ask(&f, "SELECT bringup_ns FROM bringup"));
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "open");
	assert_int_equal(json_array_size(json_object_get(o, "cpus")), 7);
	json_array_foreach(json_object_get(o, "cpus"), i, c) {
		bool up = json_integer_value(json_object_get(c, "cpu")) != 5;

		assert_int_equal(json_integer_value(json_object_get(c, "cpu")), (int)i + 1);
		assert_string_equal(json_string_value(json_object_get(c, "verdict")), up ? "ok" : "open");
		assert_true(up ? json_is_integer(json_object_get(c, "online_ns")) : json_is_null(json_object_get(c, "online_ns")));
		assert_int_equal(json_is_string(json_object_get(c, "evidence")), !up);
	}
	assert_int_equal(json_object_size(json_object_get(o, "phases")), BU_PHASE_N);
	assert_true(json_is_real(json_object_get(json_object_get(json_object_get(o, "phases"), "wait"), "share")));
	assert_true(json_is_integer(json_object_get(json_object_get(o, "control"), "busy_ns")));
	assert_int_equal(json_array_size(json_object_get(o, "steps")), f.sum.n_step);
	c = json_array_get(json_object_get(json_object_get(o, "losses"), "holes"), 0);
	assert_true(json_is_null(json_object_get(c, "count")) && json_is_null(json_object_get(c, "after_ns")));
	assert_int_equal(json_integer_value(json_object_get(c, "before_ns")), 4800000);
	runs = json_object_get(o, "runs");
	assert_int_equal(json_array_size(runs), 1);
	c = json_array_get(runs, 0);
	assert_true(json_equal(json_object_get(c, "cpus"), json_object_get(o, "cpus")));
	json_decref(o);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_are_those_of_sql),
		cmocka_unit_test(what_is_planted_is_found),
		cmocka_unit_test(a_cpu_that_hangs_is_open),
		cmocka_unit_test(without_functions_kick_and_wait_are_one),
		cmocka_unit_test(nested_steps_count_once),
		cmocka_unit_test(json_has_what_is_documented),
	};

	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
