// SPDX-License-Identifier: GPL-2.0-only
/*
 * import_account.c - what the kernel produced, what is here, and what became of the difference.
 *
 * The statistics of a CPU's buffer (Documentation/trace/ftrace.rst, per_cpu/cpu0/stats) say how many events were in
 * it and how many were overwritten or dropped. They come from the machine folder, taken before the buffer was read
 * out, or from the trace.dat itself, taken after: there, what was read counts as entries. The ring buffer marks
 * holes at their place, often without a number; where a CPU has one such hole, the overwritten events are it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/import_int.h"
#include "schemas/base/ns.h"

#define UNKNOWN BU_NS_UNKNOWN

static int64_t known(int64_t v)
{
	return v == UNKNOWN ? 0 : v;
}

/* Statistics after reading, seen as they were before it. */
static void rewind_stats(struct bu_machine_stat *stats, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (stats[i].entries != UNKNOWN && stats[i].read_events != UNKNOWN) {
			stats[i].entries += stats[i].read_events;
			stats[i].read_events = UNKNOWN;
			stats[i].bytes = stats[i].oldest = UNKNOWN;	/* of what was left, not of what was */
		}
}

/* Statistics of one buffer. @ret_owned: true when the caller has to free them. */
static int stats_of(struct bu_import_state *s, size_t buf, struct bu_machine_stat **ret, size_t *ret_n,
		    bool *ret_owned)
{
	int64_t junk = 0;
	size_t cap = 0;
	int rc;

	*ret = NULL;
	*ret_n = 0;
	*ret_owned = false;
	if (buf == 0 && s->machine.n_stats) {
		*ret = s->machine.stats;
		*ret_n = s->machine.n_stats;
		return 0;
	}
	if (!s->head.buffers[buf].cpustats)
		return 0;
	*ret_owned = true;
	rc = bu_machine_parse_stats(s->head.buffers[buf].cpustats, ret, ret_n, &cap, &junk);
	rewind_stats(*ret, *ret_n);
	return rc;
}

static int add_loss(struct bu_import_state *s, struct bu_loss loss, struct bu_err *err)
{
	if (loss.count == UNKNOWN)
		s->lost_unknown++;
	else
		s->lost += loss.count;
	return bu_capture_write_loss(s->db, &loss, err);
}

static struct bu_loss loss_of(const struct bu_stream *st, const char *kind, int64_t count)
{
	return (struct bu_loss){ .buf = st->buf, .cpu = st->cpu, .kind = kind, .count = count, .after_id = UNKNOWN,
				 .before_id = UNKNOWN, .after_ns = UNKNOWN, .before_ns = UNKNOWN };
}

/* Somewhere between the first and the last: nobody knows where. Before all: @at_start. After all: @at_end. */
static struct bu_loss placed(struct bu_loss l, const struct bu_stream *st, bool at_start, bool at_end)
{
	if (at_start && st->events) {
		l.before_id = st->first_id;
		l.before_ns = st->first_ns;
	}
	if (at_end && st->events) {
		l.after_id = st->last_id;
		l.after_ns = st->last_ns;
	}
	return l;
}

/* Gives the one hole without a number the @rest of the overwritten events. Return: whether there was just one. */
static bool fill_one_hole(struct bu_import_state *s, const struct bu_stream *st, int64_t rest)
{
	if (st->open_holes != 1)
		return false;
	s->holes[st->open_hole].count = rest;
	return true;
}

/* One CPU whose statistics are known. */
static int account_for(struct bu_import_state *s, const struct bu_stream *st, const struct bu_machine_stat *stat,
		       bool *balanced, struct bu_err *err)
{
	int64_t rest = known(stat->overrun) - st->marked, unread = known(stat->entries) - st->events;
	int rc = 0;

	if (rest > 0 && !fill_one_hole(s, st, rest))
		rc = add_loss(s, placed(loss_of(st, "overrun", rest), st, true, false), err);
	if (!rc && known(stat->commit_overrun) > 0)
		rc = add_loss(s, loss_of(st, "commit overrun", stat->commit_overrun), err);
	if (!rc && known(stat->dropped) > 0)
		rc = add_loss(s, placed(loss_of(st, "dropped", stat->dropped), st, false, true), err);
	if (!rc && stat->entries != UNKNOWN && unread > 0)
		rc = add_loss(s, placed(loss_of(st, "unread", unread), st, false, true), err);
	if (!rc && stat->entries != UNKNOWN && unread < 0) {
		*balanced = false;
		rc = bu_capture_note(s->db, "warning", "account", -unread, err, "CPU %d has %" PRId64
				     " events and its statistics only %" PRId64 ": they were taken at another time",
				     (int)st->cpu, st->events, stat->entries);
	}
	return rc;
}

static int account_cpu(struct bu_import_state *s, const struct bu_stream *st, const struct bu_machine_stat *stat,
		       bool *balanced, struct bu_err *err)
{
	static const struct bu_machine_stat none = { false, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
						     UNKNOWN, UNKNOWN };
	int rc = 0;

	if (!stat)
		stat = &none;
	else
		rc = account_for(s, st, stat, balanced, err);
	if (rc)
		return rc;
	return bu_db_row(s->db, err, "INSERT INTO cpu_account (buf, cpu, imported, entries, overrun, commit_overrun, "
			 "dropped, read_before, bytes, oldest_raw, now_raw) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			 "iiinnnnnnnn", (int64_t)st->buf, (int64_t)st->cpu, st->events, stat->entries, stat->overrun,
			 stat->commit_overrun, stat->dropped, stat->read_events, stat->bytes, stat->oldest, stat->now);
}

/* A CPU that the statistics name and the file has no place for. */
static int account_missing(struct bu_import_state *s, size_t buf, size_t cpu, const struct bu_machine_stat *stat,
			   bool *balanced, struct bu_err *err)
{
	struct bu_stream st = { .buf = (uint32_t)buf, .cpu = (int32_t)cpu };

	return account_cpu(s, &st, stat, balanced, err);
}

static int account_buffer(struct bu_import_state *s, size_t buf, bool *balanced, struct bu_err *err)
{
	const struct bu_dat_buffer *b = &s->head.buffers[buf];
	struct bu_machine_stat *stats = NULL;
	int64_t silent = 0;
	size_t n = 0, i;
	bool owned = false;
	int rc;

	rc = bu_db_row(s->db, err, "INSERT INTO buffer (id, name) VALUES (?, ?)", "it", (int64_t)buf, b->name);
	if (!rc) {
		rc = stats_of(s, buf, &stats, &n, &owned);
		if (rc)
			bu_fail_errno(err, rc, "account");
	}
	for (i = 0; !rc && i < s->source.n_streams; i++) {
		struct bu_stream *st = &s->source.streams[i];
		const struct bu_machine_stat *stat = NULL;

		if (st->buf != buf)
			continue;
		if ((size_t)st->cpu < n && stats[st->cpu].seen)
			stat = &stats[st->cpu];
		else
			silent += st->events > 0;
		rc = account_cpu(s, st, stat, balanced, err);
	}
	for (i = b->cpus; !rc && i < n; i++)
		if (stats[i].seen)
			rc = account_missing(s, buf, i, &stats[i], balanced, err);
	if (!rc && silent) {
		*balanced = false;
		rc = bu_capture_note(s->db, "warning", "account", silent, err, "no statistics for %" PRId64
				     " CPUs of buffer '%s': events lost at the ends of the trace would not show", silent,
				     b->name);
	}
	if (owned)
		free(stats);
	return rc;
}

int bu_import_account(struct bu_import_state *s, struct bu_err *err)
{
	bool balanced = true;
	size_t i;
	int rc = 0;

	s->lost = s->lost_unknown = 0;
	for (i = 0; !rc && i < s->head.n_buffers; i++)
		rc = account_buffer(s, i, &balanced, err);
	for (i = 0; !rc && i < s->n_holes; i++)
		rc = add_loss(s, s->holes[i], err);
	if (rc)
		return rc;
	s->complete = balanced && !s->lost && !s->lost_unknown;
	if (s->lost || s->lost_unknown)
		rc = bu_capture_note(s->db, "warning", "account", s->lost, err, "%" PRId64 " events were lost%s; "
				     "larger buffers (trace_buf_size=) or fewer events keep them", s->lost,
				     s->lost_unknown ? ", and more of which the number is not known" : "");
	return rc;
}

/*
 * tracing_set_default_clock() empties the top-level buffer where it has to change the clock (kernel/trace/trace.c, 6.1 and
 * 6.12), which no statistics show: they begin anew. A buffer that is still on that clock, of a kernel that was told to trace
 * from its beginning, has lost the boot that way.
 */
int bu_import_emptied(struct bu_import_state *s, struct bu_err *err)
{
	const char *line = s->machine.cmdline;
	struct bu_loss loss = { .buf = 0, .cpu = -1, .kind = "missed", .count = UNKNOWN, .after_id = UNKNOWN, .before_id = UNKNOWN,
				.after_ns = UNKNOWN, .before_ns = 0 };
	int rc;

	if (!s->machine.clock_switched || !line || !s->clock.name || strcmp(s->clock.name, "global") != 0 ||
	    strstr(line, "trace_clock=") || (!strstr(line, "trace_event=") && !strstr(line, "ftrace=")))
		return 0;
	s->complete = false;
	rc = add_loss(s, loss, err);
	return rc ? rc : bu_capture_note(s->db, "error", "clock", 1, err, "as its boot ended the kernel changed the trace clock to 'global', "
					 "because sched_clock is not stable here, and that emptied the buffer: what it had recorded "
					 "of the bring-up is gone; boot with trace_clock=x86-tsc or trace_clock=local ('bringup plan')");
}
