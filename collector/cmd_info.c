// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_info.c - bringup info: what a capture database holds, as text and as JSON.
 *
 * Both are made from one JSON object (docs/formats.md has its schema), so that they cannot say different things.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "collector/commands_int.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

/* The current row as an object: column i becomes keys[i]; @types as 'i' integer, 't' text, 'b' boolean. */
static json_t *row_object(struct bu_stmt *st, const char *types, const char *const *keys)
{
	json_t *o = json_object();
	int i;

	for (i = 0; types[i]; i++) {
		if (bu_stmt_is_null(st, i))
			json_object_set_new(o, keys[i], json_null());
		else if (types[i] == 't')
			json_object_set_new(o, keys[i], json_string(bu_stmt_text(st, i)));
		else if (types[i] == 'b')
			json_object_set_new(o, keys[i], json_boolean(bu_stmt_i64(st, i)));
		else
			json_object_set_new(o, keys[i], json_integer(bu_stmt_i64(st, i)));
	}
	return o;
}

/* All rows of @sql as an array of objects. */
static int rows(struct bu_db *db, const char *sql, const char *types, const char *const *keys, json_t **ret,
		struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	json_t *a = json_array();
	int rc;

	rc = bu_stmt_prepare(db, sql, &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		json_array_append_new(a, row_object(st, types, keys));
		rc = 0;
	}
	if (rc) {
		json_decref(a);
		return rc;
	}
	*ret = a;
	return 0;
}

/* The one row of @sql, its columns added to @to. Without a row nothing is added. */
static int one_row(struct bu_db *db, const char *sql, const char *types, const char *const *keys, json_t *to,
		   struct bu_err *err)
{
	json_t *a = NULL;
	int rc = rows(db, sql, types, keys, &a, err);

	if (rc)
		return rc;
	if (json_array_size(a))
		json_object_update(to, json_array_get(a, 0));
	json_decref(a);
	return 0;
}

static int add_rows(struct bu_db *db, json_t *to, const char *name, const char *sql, const char *types,
		    const char *const *keys, struct bu_err *err)
{
	json_t *a = NULL;
	int rc = rows(db, sql, types, keys, &a, err);

	if (!rc)
		json_object_set_new(to, name, a);
	return rc;
}

/* {"cpuhp:cpuhp_enter": 196, ...} */
static int add_events(struct bu_db *db, json_t *to, struct bu_err *err)
{
	static const char *const keys[] = { "name", "events" };
	json_t *a = NULL, *o = json_object(), *row;
	size_t i;
	int rc;

	rc = rows(db, "SELECT system || ':' || name, events FROM event_kind WHERE events > 0 ORDER BY events DESC, 1",
		  "ti", keys, &a, err);
	if (!rc)
		json_array_foreach(a, i, row)
			json_object_set(o, json_string_value(json_object_get(row, "name")),
					json_object_get(row, "events"));
	json_decref(a);
	if (rc)
		json_decref(o);
	else
		json_object_set_new(to, "events", o);
	return rc;
}

/* A time across two CPUs that is shorter than what their clocks may be apart says nothing. */
static int add_clock_bounds(struct bu_db *db, json_t *to, struct bu_err *err)
{
	static const char *const keys[] = { "cpus", "worst_ns", "finer" };
	json_t *o = json_object();
	int64_t there = 0;
	int rc;

	rc = bu_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'clock_bound'", &there, err);
	if (rc >= 0 && there)
		rc = one_row(db, "SELECT count(*), max(wrong), (SELECT count(*) FROM bringup_cpu b JOIN (SELECT cpu, max(abs(lo_ns - "
			     "corrected_ns), abs(hi_ns - corrected_ns)) AS wrong FROM clock_bound) w USING (cpu) WHERE "
			     "b.first_sign_ns - b.kick_last_ns < w.wrong) FROM (SELECT max(abs(lo_ns - corrected_ns), abs(hi_ns - "
			     "corrected_ns)) AS wrong FROM clock_bound WHERE cpu <> ref_cpu AND verdict <> 'contradictory') "
			     "WHERE wrong IS NOT NULL", "iii", keys, o, err);
	json_object_set_new(to, "clock_bounds", o);
	return rc < 0 ? rc : 0;
}

static int collect(struct bu_db *db, json_t *o, struct bu_err *err)
{
	static const char *const capture[] = {
		"source_kind", "source_name", "source_sha256", "source_bytes", "bringup_version", "kernel_release",
		"kernel_version", "arch", "cmdline", "trace_clock", "clock_unit", "clock_hz", "clock_hz_source",
		"events_total", "lost_total", "lost_unknown", "complete", "duration_ns" };
	static const char *const machine[] = {
		"machine_known", "cpus_possible", "cpus_present", "cpus_online", "boot_cpu", "hypervisor", "cpu_model",
		"smt_control", "clocksource_current", "clocksource_available", "tsc_khz", "memory_kib", "packages",
		"nodes" };
	static const char *const config[] = { "key", "value" };
	static const char *const buffers[] = { "id", "name", "events" };
	static const char *const account[] = { "buffer", "cpu", "imported", "entries", "overrun", "commit_overrun",
					       "dropped", "read_before" };
	static const char *const losses[] = { "buffer", "cpu", "kind", "count", "after_ns", "before_ns" };
	static const char *const notes[] = { "severity", "topic", "count", "detail" };
	static const char *const bringup[] = { "algorithm", "start_what", "start_ns", "end_ns", "bringup_ns", "cpus",
					       "cpus_ok" };
	json_t *b = json_object();
	int rc;

	json_object_set_new(o, "database", json_string(bu_db_path(db)));
	rc = one_row(db, "SELECT source_kind, source_name, source_sha256, source_bytes, bringup_version, kernel_release,"
		     " kernel_version, arch, cmdline, trace_clock, clock_unit, clock_hz, clock_hz_source, events_total,"
		     " lost_total, lost_unknown, complete, (SELECT max(ts) FROM (SELECT max(ts_ns) AS ts FROM ev_cpuhp"
		     " UNION ALL SELECT max(ts_ns) FROM ev_func UNION ALL SELECT max(ts_ns) FROM ev_fault"
		     " UNION ALL SELECT max(ts_ns) FROM ev_irq_vector UNION ALL SELECT max(ts_ns) FROM ev_sched_switch"
		     " UNION ALL SELECT max(ts_ns) FROM ev_timer UNION ALL SELECT max(ts_ns) FROM ev_other)) FROM capture",
		     "tttitttttttitiiibi", capture, o, err);
	if (!rc)
		rc = one_row(db, "SELECT known, cpus_possible, cpus_present, cpus_online, boot_cpu, hypervisor, cpu_model,"
			     " smt_control, clocksource_current, clocksource_available, tsc_khz, memory_kib,"
			     " (SELECT nullif(count(DISTINCT package), 0) FROM cpu),"
			     " (SELECT nullif(count(DISTINCT node), 0) FROM cpu) FROM machine", "tiiiitttttiiii",
			     machine, o, err);
	if (!rc)
		rc = add_events(db, o, err);
	if (!rc)
		rc = add_rows(db, o, "trace_config", "SELECT key, value FROM trace_config ORDER BY key", "tt", config, err);
	if (!rc)
		rc = add_rows(db, o, "buffers", "SELECT b.id, b.name, sum(a.imported) FROM buffer b LEFT JOIN cpu_account a "
			      "ON a.buf = b.id GROUP BY b.id ORDER BY b.id", "iti", buffers, err);
	if (!rc)
		rc = add_rows(db, o, "accounts", "SELECT b.name, a.cpu, a.imported, a.entries, a.overrun, a.commit_overrun, "
			      "a.dropped, a.read_before FROM cpu_account a JOIN buffer b ON b.id = a.buf ORDER BY b.id, a.cpu",
			      "tiiiiiii", account, err);
	if (!rc)
		rc = add_rows(db, o, "losses", "SELECT buffer, cpu, kind, count, after_ns, before_ns FROM losses", "titiii",
			      losses, err);
	if (!rc)
		rc = add_rows(db, o, "notes", "SELECT severity, topic, count, detail FROM import_note ORDER BY id", "ttit",
			      notes, err);
	if (!rc)
		rc = add_clock_bounds(db, o, err);
	if (!rc)
		rc = one_row(db, "SELECT algorithm, start_what, start_ns, end_ns, bringup_ns, cpus, cpus_ok FROM bringup",
			     "ttiiiii", bringup, b, err);
	json_object_set_new(o, "bringup", json_object_size(b) ? json_incref(b) : json_null());
	json_decref(b);
	return rc;
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "not known";
}

/* A number as text, or a word for none. */
static const char *num_of(const json_t *o, const char *key, char buf[32])
{
	json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		return "?";
	snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return buf;
}

static void print_machine(const json_t *o)
{
	char a[32], b[32], c[32], d[32];

	printf("source       %s, %s, %s bytes\n", text_of(o, "source_name"), text_of(o, "source_kind"),
	       num_of(o, "source_bytes", a));
	printf("kernel       %s, %s\n", text_of(o, "kernel_release"), text_of(o, "arch"));
	printf("machine      %s CPUs online of %s possible, %s packages, %s nodes%s\n", num_of(o, "cpus_online", a),
	       num_of(o, "cpus_possible", b), num_of(o, "packages", c), num_of(o, "nodes", d),
	       strcmp(text_of(o, "machine_known"), "inferred") ? "" : " (inferred from the events)");
	printf("             %s%s%s\n", text_of(o, "cpu_model"),
	       json_is_string(json_object_get(o, "hypervisor")) ? ", under " : "",
	       json_is_string(json_object_get(o, "hypervisor")) ? text_of(o, "hypervisor") : "");
	printf("clocksource  %s of %s\n", text_of(o, "clocksource_current"), text_of(o, "clocksource_available"));
}

static void print_clock(const json_t *o)
{
	int64_t span = json_integer_value(json_object_get(o, "duration_ns"));
	bool ns = !strcmp(text_of(o, "clock_unit"), "ns");
	char a[32], t[BU_NS_STRLEN];

	printf("trace clock  %s", text_of(o, "trace_clock"));
	if (json_is_integer(json_object_get(o, "clock_hz")))
		printf(", %s Hz by %s", num_of(o, "clock_hz", a), text_of(o, "clock_hz_source"));
	if (ns)
		printf("; the trace spans %s\n", bu_ns_str(span, t));
	else
		printf("; its unit is not known, the trace spans %" PRId64 " ticks\n", span);
}

/* How far the clocks may be apart, and whether that matters for what is told here. */
static void print_clock_bounds(const json_t *o)
{
	const json_t *c = json_object_get(o, "clock_bounds");
	int64_t worst = json_integer_value(json_object_get(c, "worst_ns"));
	int64_t finer = json_integer_value(json_object_get(c, "finer"));
	bool ns = !strcmp(text_of(o, "clock_unit"), "ns");
	char a[32], t[BU_NS_STRLEN];

	if (!json_integer_value(json_object_get(c, "cpus")))
		return;
	printf("clocks       of %s CPUs known to agree within ", num_of(c, "cpus", a));
	if (ns)
		printf("%s", bu_ns_str(worst, t));
	else
		printf("%" PRId64 " ticks", worst);
	if (finer)
		printf("; the first sign of %" PRId64 " CPUs came sooner than that of theirs: not to be told that finely", finer);
	printf("\n");
}

static void print_bringup(const json_t *o)
{
	const json_t *b = json_object_get(o, "bringup");
	bool ticks = strcmp(text_of(o, "clock_unit"), "ns");
	char t[BU_NS_STRLEN], a[32], c[32];
	json_t *ns;

	if (!json_is_object(b)) {
		printf("bring-up     no CPU was brought up in this capture\n");
		return;
	}
	ns = json_object_get(b, "bringup_ns");
	printf("bring-up     %s, %s of %s CPUs, %s%s from %s to the last CPU online\n", text_of(b, "algorithm"),
	       num_of(b, "cpus_ok", a), num_of(b, "cpus", c), !json_is_integer(ns) ? "not finished" :
	       ticks ? num_of(b, "bringup_ns", t) : bu_ns_str(json_integer_value(ns), t), ticks ? " ticks" : "", strcmp(text_of(b, "start_what"), "smp_init") ? "the first step" : "smp_init");
}

static void print_losses(const json_t *o)
{
	const json_t *losses = json_object_get(o, "losses"), *row;
	char a[32], b[32];
	size_t i;

	printf("losses       %s events%s: the capture is %s\n", num_of(o, "lost_total", a),
	       json_integer_value(json_object_get(o, "lost_unknown")) ? " and more without a number" : "",
	       json_is_true(json_object_get(o, "complete")) ? "complete" : "incomplete");
	json_array_foreach(losses, i, row) {
		if (i == 20) {
			printf("             ... %zu more, see --json\n", json_array_size(losses) - i);
			break;
		}
		printf("             %s CPU %s: %s, %s events\n", *text_of(row, "buffer") ? text_of(row, "buffer") : "top",
		       num_of(row, "cpu", a), text_of(row, "kind"), num_of(row, "count", b));
	}
}

static void print_text(const json_t *o)
{
	const json_t *events = json_object_get(o, "events"), *row;
	const char *key;
	json_t *v;
	char a[32];
	size_t i;

	print_machine(o);
	print_clock(o);
	print_clock_bounds(o);
	print_bringup(o);
	printf("events       %s\n", num_of(o, "events_total", a));
	json_object_foreach((json_t *)events, key, v)
		printf("  %10" JSON_INTEGER_FORMAT " %s\n", json_integer_value(v), key);
	print_losses(o);
	json_array_foreach(json_object_get(o, "notes"), i, row)
		printf("%-12s %s: %s\n", text_of(row, "severity"), text_of(row, "topic"), text_of(row, "detail"));
}

int bu_cmd_info(int argc, char **argv)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	struct bu_err err = BU_ERR_INIT;
	bool json = false;
	const struct bu_opt opts[] = {
		{ "json", 0, BU_OPT_FLAG, &json, NULL, "as JSON, with every account and loss", 0, 0 },
	};
	const struct bu_usage usage = {
		"info", "info x.db [--json]",
		"What a capture database holds: machine, kernel, clocks, events by kind, what was lost, how the CPUs came up.",
		"  bringup info boot.db\n"
		"  bringup info --json boot.db | jq .bringup",
		opts, ARRAY_SIZE(opts), 1, 1,
	};
	json_t *o;
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (bu_db_open(argv[first], &bu_capture_format, &db, &err))
		return bu_cli_failed(&usage, &err);
	o = json_object();
	rc = collect(db, o, &err);
	if (rc) {
		json_decref(o);
		return bu_cli_failed(&usage, &err);
	}
	if (json) {
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_text(o);
	}
	rc = json_is_true(json_object_get(o, "complete")) ? BU_EXIT_OK : BU_EXIT_INCOMPLETE;
	json_decref(o);
	return rc;
}
