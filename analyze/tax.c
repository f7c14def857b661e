// SPDX-License-Identifier: GPL-2.0-only
/* tax.c - see tax.h. */
#include "analyze/tax.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/query.h"
#include "schemas/base/ns.h"
#include "schemas/store/db.h"

#define UNKNOWN BU_NS_UNKNOWN

/* ---- the ring buffers ------------------------------------------------------------------------------------------------ */

/* CPUHP_TRACE_RB_PREPARE, kernel/trace/ring_buffer.c (6.1, 6.12): pages are allocated before the CPU is kicked. */
static int ring_buffers(const struct bu_boot *b, struct bu_tax *tax, struct bu_err *err)
{
	_cleanup_free_ int64_t *of_cpu = calloc(b->n_cpu + 1, sizeof(*of_cpu));
	const struct bu_boot_cpu *c;
	const struct bu_interval *v;
	size_t i;

	if (!of_cpu)
		return bu_fail_errno(err, -ENOMEM, "tax");
	tax->rb_max_cpu = -1;
	for (i = 0; i < b->n_interval; i++) {
		v = &b->interval[i];
		if (v->end_ns == UNKNOWN || strcmp(b->step[v->step].name, "trace_rb_cpu_prepare"))
			continue;
		tax->rb_steps++;
		tax->rb_total_ns += v->end_ns - v->start_ns;
		c = bu_boot_cpu_find(b, v->cpu);
		if (!c)
			continue;
		tax->rb_cpus += !of_cpu[c - b->cpu];
		/* One more than its time, so that a CPU that was counted is told from one that was not. */
		of_cpu[c - b->cpu] += v->end_ns - v->start_ns + !of_cpu[c - b->cpu];
		if (tax->rb_max_cpu < 0 || of_cpu[c - b->cpu] - 1 > tax->rb_max_ns) {
			tax->rb_max_ns = of_cpu[c - b->cpu] - 1;
			tax->rb_max_cpu = v->cpu;
		}
	}
	return 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

static int count_events(struct bu_db *db, const struct bu_boot *b, int64_t base_ns, struct bu_tax *tax, struct bu_err *err)
{
	static const char *const tables[] = { "ev_cpuhp", "ev_func", "ev_fault", "ev_irq_vector", "ev_sched_switch", "ev_timer",
					      "ev_other" };
	char sql[160];
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(tables); i++) {
		_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;

		snprintf(sql, sizeof(sql), "SELECT count(*), sum(cpu = ?1) FROM %s WHERE ts_ns BETWEEN ?2 AND ?3", tables[i]);
		rc = bu_stmt_prepare(db, sql, &st, err);
		if (rc)
			return rc;
		bu_stmt_bind_i64(st, 1, b->control_cpu);
		bu_stmt_bind_i64(st, 2, base_ns);
		bu_stmt_bind_i64(st, 3, bu_ns_add(base_ns, b->bringup_ns));
		rc = bu_stmt_step(st, err);
		if (rc > 0) {
			tax->events_all += bu_stmt_i64(st, 0);
			tax->events_control += bu_stmt_i64(st, 1);
		}
		rc = rc < 0 ? rc : 0;
	}
	if (!b->ticks) {
		tax->events_low_ns = tax->events_control * BU_TAX_EVENT_LOW_NS;
		tax->events_high_ns = tax->events_control * BU_TAX_EVENT_HIGH_NS;
	}
	return rc;
}

/* ---- the serial console ------------------------------------------------------------------------------------------------ */

/* The rate behind "console=ttyS0," of the command line, the last of them; 0: none is named. */
static int64_t baud_of(const char *cmdline, bool *ret_serial)
{
	const char *p = cmdline;
	int64_t baud = 0;

	while (p && (p = strstr(p, "console=ttyS"))) {
		*ret_serial = true;
		p += strlen("console=ttyS");
		p += strspn(p, "0123456789");
		if (*p == ',' && isdigit((unsigned char)p[1]))
			baud = strtoll(p + 1, NULL, 10);
	}
	return baud;
}

static bool line_has(const char *line, size_t len, const char *what)
{
	size_t n = strlen(what), i;

	for (i = 0; i + n <= len; i++)
		if (!memcmp(line + i, what, n))
			return true;
	return false;
}

void bu_tax_serial(const char *dmesg, const char *cmdline, struct bu_tax *tax)
{
	bool inside = false, whole = false;
	int64_t bytes = 0;
	const char *p;
	size_t len;

	tax->serial = false;
	tax->serial_bytes = tax->serial_ns = UNKNOWN;
	tax->baud = baud_of(cmdline, &tax->serial);
	tax->baud_known = tax->baud > 0;
	if (!tax->baud_known)
		tax->baud = BU_TAX_BAUD;
	for (p = dmesg; p && *p; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		tax->serial = tax->serial || line_has(p, len, "console [ttyS");
		inside = inside || line_has(p, len, "smp: Bringing up secondary CPUs");
		if (inside && !whole)
			bytes += (int64_t)len + 2;	/* the driver sends a carriage return before each line feed */
		whole = whole || (inside && line_has(p, len, "smp: Brought up"));
	}
	if (!tax->serial || !whole)
		return;
	tax->serial_bytes = bytes;
	tax->serial_ns = bytes * BU_TAX_BITS_PER_BYTE * BU_NS_PER_S / tax->baud;
}

static int serial_console(struct bu_db *db, struct bu_tax *tax, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(db, "SELECT (SELECT content FROM machine_file WHERE name = 'dmesg'), cmdline FROM capture", &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc > 0)
		bu_tax_serial(bu_stmt_text(st, 0), bu_stmt_text(st, 1), tax);
	return rc < 0 ? rc : 0;
}

/* ---- the clocks -------------------------------------------------------------------------------------------------------- */

static int by_ns(const void *pa, const void *pb)
{
	int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

	return (a > b) - (a < b);
}

/* Phases that begin by one CPU's clock and end by another's. */
static bool is_across(enum bu_phase p)
{
	return p == BU_PHASE_DARK || p == BU_PHASE_PARKED || p == BU_PHASE_STARTING;
}

static void compare_times(const struct bu_boot *b, const int64_t *error, size_t n, struct bu_clock_check *c)
{
	const struct bu_interval *v;
	size_t i;

	for (i = 0; i < b->n_interval; i++) {
		v = &b->interval[i];
		/* Where the release is not known, starting begins on the CPU itself. */
		if (!is_across(v->phase) || v->end_ns == UNKNOWN || (size_t)v->cpu >= n || error[v->cpu] < 0 ||
		    (v->phase == BU_PHASE_STARTING && strcmp(b->step[v->step].name, "starting")))
			continue;
		c->across++;
		c->finer += v->end_ns - v->start_ns < error[v->cpu];
	}
}

static int read_bounds(struct bu_db *db, const struct bu_boot *b, struct bu_clock_check *c, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ int64_t *error = NULL, *sorted = NULL;
	int64_t max_cpu = -1, there = 0, wrong;
	size_t n = 0;
	int rc;

	rc = bu_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'clock_bound'", &there, err);
	if (rc >= 0 && there)
		rc = bu_db_i64(db, "SELECT max(cpu) FROM clock_bound", &max_cpu, err);
	if (rc < 0 || max_cpu < 0 || max_cpu > 65535)
		return rc < 0 ? rc : 0;
	error = malloc((size_t)(max_cpu + 1) * sizeof(*error));
	sorted = malloc((size_t)(max_cpu + 1) * sizeof(*sorted));
	if (!error || !sorted)
		return bu_fail_errno(err, -ENOMEM, "clocks");
	memset(error, -1, (size_t)(max_cpu + 1) * sizeof(*error));
	rc = bu_stmt_prepare(db, "SELECT cpu, ref_cpu, max(abs(lo_ns - corrected_ns), abs(hi_ns - corrected_ns)), verdict, "
			     "corrected_ns <> 0 FROM clock_bound WHERE cpu BETWEEN 0 AND 65535", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		const char *verdict = bu_stmt_text(st, 3);
		int cpu = (int)bu_stmt_i64(st, 0);

		rc = 0;
		c->ref_cpu = (int)bu_stmt_i64(st, 1);
		c->corrected += bu_stmt_i64(st, 4);
		c->contradictory += !strcmp(verdict, "contradictory");
		c->unsynchronised += !strcmp(verdict, "unsynchronised");
		wrong = bu_stmt_ns(st, 2);
		if (wrong == UNKNOWN || cpu == c->ref_cpu || !strcmp(verdict, "contradictory"))
			continue;
		error[cpu] = sorted[n++] = wrong;
		if (c->worst_ns == UNKNOWN || wrong > c->worst_ns) {
			c->worst_ns = wrong;
			c->worst_cpu = cpu;
		}
	}
	if (rc || !n)
		return rc;
	c->cpus = (int64_t)n;
	qsort(sorted, n, sizeof(*sorted), by_ns);
	c->median_ns = sorted[(n - 1) / 2];
	compare_times(b, error, (size_t)max_cpu + 1, c);
	return 0;
}

int bu_tax_read(struct bu_db *db, const struct bu_boot *boot, int64_t base_ns, struct bu_tax *ret,
		struct bu_clock_check *clocks, struct bu_err *err)
{
	int rc;

	*ret = (struct bu_tax){ .rb_max_ns = UNKNOWN, .events_low_ns = UNKNOWN, .events_high_ns = UNKNOWN };
	*clocks = (struct bu_clock_check){ .worst_cpu = -1, .median_ns = UNKNOWN, .worst_ns = UNKNOWN };
	rc = ring_buffers(boot, ret, err);
	if (!rc)
		rc = serial_console(db, ret, err);
	if (!rc && !boot->runtime && boot->bringup_ns != UNKNOWN)
		rc = count_events(db, boot, base_ns, ret, err);
	else
		ret->events_all = ret->events_control = UNKNOWN;
	return rc ? rc : read_bounds(db, boot, clocks, err);
}

/* ---- words ---------------------------------------------------------------------------------------------------------------- */

static double share(const struct bu_boot *b, int64_t ns)
{
	return b->bringup_ns > 0 ? 100.0 * (double)ns / (double)b->bringup_ns : 0;
}

void bu_tax_text(FILE *to, const struct bu_boot *b)
{
	const struct bu_tax *t = &b->tax;
	char a[BU_NS_STRLEN], c[BU_NS_STRLEN];

	if (b->is_run || b->runtime || b->bringup_ns == UNKNOWN)
		return;
	fprintf(to, "\nThe observer's tax\n");
	if (t->rb_steps)
		fprintf(to, "  ring buffers  %s in trace_rb_cpu_prepare, %" PRId64 " times for %" PRId64 " CPUs: %.2f %% of the bring-up; "
			"most: %s for CPU %d\n", bu_boot_dur(b, t->rb_total_ns, a), t->rb_steps, t->rb_cpus,
			share(b, t->rb_total_ns), bu_boot_dur(b, t->rb_max_ns, c), t->rb_max_cpu);
	else
		fprintf(to, "  ring buffers  no step trace_rb_cpu_prepare was seen\n");
	if (t->events_all != UNKNOWN) {
		fprintf(to, "  events        %" PRId64 " recorded on CPU %d, %" PRId64 " on all", t->events_control, b->control_cpu,
			t->events_all);
		if (t->events_low_ns != UNKNOWN)
			fprintf(to, "; at %d to %d ns each, about %s to %s of CPU %d's time (%.2f to %.2f %%)", BU_TAX_EVENT_LOW_NS,
				BU_TAX_EVENT_HIGH_NS, bu_ns_str(t->events_low_ns, a), bu_ns_str(t->events_high_ns, c),
				b->control_cpu, share(b, t->events_low_ns), share(b, t->events_high_ns));
		fprintf(to, "\n");
	}
	if (t->serial && t->serial_ns != UNKNOWN)
		fprintf(to, "  serial        %" PRId64 " bytes of kernel log: at most %s at %" PRId64 " baud%s\n", t->serial_bytes,
			bu_ns_str(t->serial_ns, a), t->baud, t->baud_known ? "" : " (assumed)");
	else if (t->serial)
		fprintf(to, "  serial        the console was a serial line; what it printed meanwhile is not known\n");
	fprintf(to, "  (ring buffers: measured, spent on the control CPU before each kick. events and serial: estimates, see\n"
		    "  docs/methods.md; an emulated serial line may take no time, and a loglevel prints less.)\n");
}

void bu_clock_text(FILE *to, const struct bu_boot *b)
{
	const struct bu_clock_check *c = &b->clocks;
	char med[BU_NS_STRLEN], worst[BU_NS_STRLEN];

	if (c->contradictory || c->unsynchronised > c->corrected)
		fprintf(to, "  clocks        OFF on %" PRId64 " CPUs, see 'bringup info': what spans CPUs is wrong there\n",
			c->contradictory + c->unsynchronised);
	if (!c->cpus)
		return;
	fprintf(to, "  clocks        known to agree with CPU %d's within %s (median), %s at worst (CPU %d)%s", c->ref_cpu,
		bu_boot_dur(b, c->median_ns, med), bu_boot_dur(b, c->worst_ns, worst), c->worst_cpu,
		c->corrected ? ", corrected" : "");
	if (c->finer)
		fprintf(to, ";\n                %" PRId64 " of %" PRId64 " times across CPUs (dark, parked, starting) are finer than that",
			c->finer, c->across);
	fprintf(to, "\n");
}
