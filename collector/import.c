// SPDX-License-Identifier: GPL-2.0-only
/* import.c - see import.h. */
#include "collector/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/clock_doctor.h"
#include "collector/decode.h"
#include "collector/import_int.h"
#include "collector/isolate.h"
#include "collector/merge.h"
#include "collector/text_import.h"
#include "schemas/base/ns.h"
#include "schemas/base/version.h"
#include "schemas/store/ddl.h"

/* Whether events are in the database, from the beginning, as they are going to stay there. */
static bool order_is_final(const struct bu_import_state *s)
{
	return !s->text && !s->params->fix_clocks;
}

static void prepare_hotplug(struct bu_import_state *s)
{
	s->hotplug.states = s->machine.states;
	s->hotplug.n_states = s->machine.n_states;
	s->hotplug.ops.first_ids = s->first_ids;
	s->hotplug.ops.n_first_ids = s->n_first_ids;
}

/* ---- events -------------------------------------------------------------------------------------------------- */

/* The ring buffer says that events before this one are missing. */
static int note_hole(struct bu_import_state *s, struct bu_stream *st, const struct bu_event *ev, int64_t missed,
		     struct bu_err *err)
{
	if (bu_grow(&s->holes, s->n_holes, &s->cap_holes, sizeof(*s->holes)))
		return bu_fail_errno(err, -ENOMEM, "holes");
	if (missed > 0) {
		st->marked += missed;
	} else {
		st->open_holes++;
		st->open_hole = s->n_holes;
	}
	s->holes[s->n_holes++] = (struct bu_loss){
		.buf = st->buf, .cpu = st->cpu, .kind = "missed", .count = missed > 0 ? missed : BU_NS_UNKNOWN,
		.after_id = st->events ? st->last_id : BU_NS_UNKNOWN,
		.after_ns = st->events ? st->last_ns : BU_NS_UNKNOWN,
		.before_id = ev->id, .before_ns = ev->ts_ns,
	};
	return 0;
}

static void count_event(struct bu_import_state *s, struct bu_stream *st, const struct bu_event *ev)
{
	if (!st->events++) {
		st->first_id = ev->id;
		st->first_ns = ev->ts_ns;
		if (s->first_ids[st->cpu] == BU_NS_UNKNOWN)
			s->first_ids[st->cpu] = ev->id;
	}
	st->last_id = ev->id;
	st->last_ns = ev->ts_ns;
}

static int write_events(struct bu_import_state *s, struct bu_decoder *d, struct bu_capture_writer *w,
			struct bu_err *err)
{
	int64_t steps_back = 0, newest = INT64_MIN;
	struct bu_merge_entry first;
	struct bu_merge merge;
	struct bu_event *ev;
	int rc;

	rc = bu_merge_init(&merge, &s->source, d, err);
	while (!rc && (rc = bu_merge_next(&merge, &first, err)) == 1) {
		ev = first.event;
		if (!s->events)
			s->origin = ev->ts_raw;
		ev->id = ++s->events;
		ev->ts_ns = bu_clock_ns(&s->clock, ev->ts_raw, s->origin);
		rc = first.missed ? note_hole(s, first.stream, ev, first.missed, err) : 0;
		if (!rc)
			rc = bu_capture_write_event(w, ev, err);
		if (!rc)
			rc = bu_hotplug_add(&s->hotplug, ev, bu_decoder_symbols(d), err);
		steps_back += ev->ts_ns < newest;
		if (ev->ts_ns > newest)
			newest = ev->ts_ns;
		count_event(s, first.stream, ev);
	}
	bu_merge_fini(&merge);
	s->steps_back = steps_back;
	return rc ? rc : bu_hotplug_end(&s->hotplug, err);
}

static int write_dictionaries(struct bu_import_state *s, const struct bu_decoder *d, struct bu_err *err)
{
	const struct bu_decoder_kind *kinds;
	int64_t damaged = bu_decoder_short_records(d);
	size_t n = 0, i;
	int rc;

	rc = bu_capture_write_symbols(s->db, bu_decoder_symbols(d), err);
	if (!rc)
		rc = bu_capture_write_tasks(s->db, bu_decoder_tasks(d), err);
	kinds = bu_decoder_kinds(d, &n);
	for (i = 0; !rc && i < n; i++) {
		struct bu_event_kind k = { (uint32_t)i + 1, kinds[i].system, kinds[i].name, kinds[i].table,
					   kinds[i].events };

		rc = bu_capture_write_kind(s->db, &k, err);
	}
	if (!rc && s->steps_back)
		rc = bu_capture_note(s->db, "warning", "clock", s->steps_back, err, "%" PRId64 " events have a stamp before "
				     "that of an earlier event of their CPU; the order of the ring buffer was kept",
				     s->steps_back);
	if (!rc && damaged)
		rc = bu_capture_note(s->db, "error", "decode", damaged, err, "%" PRId64 " records are shorter than their "
				     "format says; the trace is damaged", damaged);
	return rc;
}

static int import_events(struct bu_import_state *s, struct bu_err *err)
{
	_cleanup_(bu_capture_writer_destroyp) struct bu_capture_writer *w = NULL;
	struct bu_decoder *d = NULL;
	size_t i;
	int rc;

	rc = bu_dat_formats_open(s->params->file, &s->head, &s->formats, err);
	if (!rc)
		rc = bu_dat_source_open(s->params->file, &s->head, &s->source, err);
	if (rc)
		return rc;
	for (i = 0; i < s->head.n_buffers; i++)
		if (s->head.buffers[i].cpus > s->n_first_ids)
			s->n_first_ids = s->head.buffers[i].cpus;
	s->first_ids = malloc((s->n_first_ids + 1) * sizeof(*s->first_ids));
	if (!s->first_ids)
		return bu_fail_errno(err, -ENOMEM, "import");
	for (i = 0; i < s->n_first_ids; i++)
		s->first_ids[i] = BU_NS_UNKNOWN;
	rc = bu_capture_loader_create(s->db, s->clock.raw, bu_hotplug_tables, order_is_final(s) ? BU_HOTPLUG_TABLES : 0, &w, err);
	if (!rc)
		rc = bu_decoder_create(s->formats.tep, &d, err);
	if (!rc) {
		prepare_hotplug(s);
		s->hotplug.load = order_is_final(s) ? bu_capture_load(w) : NULL;
		s->hotplug.load_first = BU_EV_TABLES;
		rc = write_events(s, d, w, err);
		s->hotplug.load = NULL;
	}
	if (!rc)
		rc = bu_capture_writer_flush(w, err);
	if (!rc)
		rc = write_dictionaries(s, d, err);
	bu_decoder_destroy(d);
	return rc;
}

/* ---- the row of capture ------------------------------------------------------------------------------------------ */

#define SHA256_HEX (2 * SHA256_DIGEST_SIZE + 1)

static int hash_file(const char *path, char hex[SHA256_HEX], struct bu_err *err)
{
	static uint8_t chunk[1 << 16];
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	ssize_t n;
	size_t i;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s", path);
	sha256_init(&ctx);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		sha256_update(&ctx, (size_t)n, chunk);
	close(fd);
	if (n < 0)
		return bu_fail_errno(err, -errno, "%s: read", path);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, SHA256_HEX - 2 * i, "%02x", digest[i]);
	return 0;
}

static int write_capture(struct bu_import_state *s, struct bu_err *err)
{
	const char *slash = strrchr(s->params->file, '/');
	char hex[SHA256_HEX], kind[32];
	int rc;

	rc = hash_file(s->params->file, hex, err);
	if (rc)
		return rc;
	snprintf(kind, sizeof(kind), "trace.dat v%d", s->head.version);
	return bu_db_row(s->db, err, "INSERT INTO capture (id, source_kind, source_name, source_sha256, source_bytes, "
			 "bringup_version, kernel_release, kernel_version, arch, cmdline, trace_clock, clock_unit, "
			 "clock_hz, clock_hz_source, ts_raw_origin, events_total, lost_total, lost_unknown, complete) "
			 "VALUES (1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "tttittttttt" "ntiiiii",
			 s->source_kind ? s->source_kind : kind, slash ? slash + 1 : s->params->file, hex,
			 (int64_t)s->head.file_bytes, bu_version,
			 s->machine.release, s->machine.version, s->machine.arch, s->machine.cmdline, s->clock.name,
			 s->clock.in_ns ? "ns" : "tick", s->clock.hz, s->clock.hz_source, (int64_t)s->origin, s->events,
			 s->lost, s->lost_unknown, (int64_t)s->complete);
}

/* Where nothing else tells the rate of the clock, its events may. */
static int find_rate(struct bu_import_state *s, struct bu_err *err)
{
	int rc;

	if (!bu_clock_lacks_rate(&s->clock))
		return 0;
	rc = bu_anchors_read(s->params->file, &s->head, &s->anchors, err);
	if (!rc && s->anchors.verdict == BU_ANCHORS_PROVE)
		bu_clock_set_rate(&s->clock, s->anchors.hz, "hrtimer_expire_entry anchors");
	return rc;
}

static int note_anchors(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_anchors_result *a = &s->anchors;

	switch (a->verdict) {
	case BU_ANCHORS_PROVE:
		return bu_capture_note(s->db, "info", "clock", a->used, err, "the rate of the clock was drawn from %" PRId64
				       " timer interrupts of the tick over %" PRId64 " ms: by CLOCK_MONOTONIC, and right to %"
				       PRId64 ".%03d ppm (%" PRId64 " ns of latency)", a->used, a->distance_ns / 1000000,
				       a->bound_ppb / 1000, (int)(a->bound_ppb % 1000), a->latency_ns);
	case BU_ANCHORS_NEAR:
		return bu_capture_note(s->db, "info", "clock", a->used, err, "the %" PRId64 " timer interrupts of the tick are "
				       "too near one another to tell the rate of the clock", a->used);
	case BU_ANCHORS_CONTRADICT:
		return bu_capture_note(s->db, "warning", "clock", a->used, err, "the %" PRId64 " timer interrupts of the tick "
				       "contradict one another on the rate of the clock: it was set, the machine slept, or the "
				       "counters of its CPUs differ", a->used);
	default:
		return 0;
	}
}

static int write_clock_notes(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_dat_buffer *b;
	int64_t others = 0;
	size_t i;
	int rc = 0;

	for (i = 0; i < s->head.n_buffers; i++) {
		b = &s->head.buffers[i];
		others += b->clock && b->bytes && s->clock.name && strcmp(b->clock, s->clock.name);
	}
	if (s->clock.warning)
		rc = bu_capture_note(s->db, "warning", "clock", 1, err, "%s", s->clock.warning);
	if (!rc && others)
		rc = bu_capture_note(s->db, "warning", "clock", others, err, "the buffers of this trace use different "
				     "clocks; times and order across buffers mean nothing");
	if (!rc && s->head.has_time_shift)
		rc = bu_capture_note(s->db, "warning", "clock", 1, err, "this is the trace of a guest, with what it takes to turn its "
				     "times into those of its host; they were left as the guest had them");
	if (!rc && s->anchors.used)
		rc = note_anchors(s, err);
	return rc;
}

/* CPU time of this process so far. */
static int64_t cpu_ns(void)
{
	struct timespec t = { 0, 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * BU_NS_PER_S + t.tv_nsec;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

/* What causality says of the clocks. Correcting them comes before anything is derived from the order of events. */
static int examine_clocks(struct bu_import_state *s, bool fix, struct bu_err *err)
{
	struct bu_clock_doctor_params p = {
		.clock = s->clock.name, .ticks = !s->clock.in_ns, .fix = fix, .steps_back = s->steps_back > 0 || s->text,
		.first_ids = s->first_ids, .n_first_ids = s->n_first_ids,
	};
	struct bu_clock_doctor_result r;
	int rc;

	if (fix != s->params->fix_clocks)
		return 0;
	rc = bu_clock_doctor(s->db, &s->hotplug.marks, &p, &r, err);
	if (!rc && r.corrected)
		rc = bu_hotplug_read(&s->hotplug, s->db, err);
	if (!rc && r.rebase_ns)
		s->origin += (uint64_t)(s->clock.raw && s->clock.in_ns ?
			(int64_t)((__int128)r.rebase_ns * s->clock.hz / BU_NS_PER_S) : r.rebase_ns);
	return rc;
}

static int derive(struct bu_import_state *s, struct bu_err *err)
{
	int rc = s->text ? bu_db_exec(s->db, bu_sql_index, err) : 0;	/* the loader made it */

	if (!rc && !order_is_final(s))
		rc = bu_hotplug_write(&s->hotplug, s->db, err);
	if (!rc)
		rc = bu_db_exec(s->db, bu_sql_derive_bringup, err);
	return rc;
}

static int fill_database(struct bu_import_state *s, struct bu_err *err)
{
	int rc;

	rc = s->text ? bu_text_import_events(s, err) : import_events(s, err);
	s->ingest_cpu_ns = cpu_ns();
	if (!rc && !s->events && !s->text)
		rc = bu_fail(err, -ENODATA, "%s holds no events", s->params->file);
	if (!rc)
		rc = s->text ? bu_text_import_account(s, err) : bu_import_account(s, err);
	if (!rc)
		rc = bu_import_emptied(s, err);
	if (!rc)
		rc = bu_import_files(s, err);
	if (!rc && s->text) {	/* its events got their numbers after they had gone by */
		prepare_hotplug(s);
		rc = bu_hotplug_read(&s->hotplug, s->db, err);
	}
	if (!rc)
		rc = examine_clocks(s, true, err);
	if (!rc)
		rc = derive(s, err);
	if (!rc)
		rc = examine_clocks(s, false, err);
	if (!rc)
		rc = bu_import_machine(s, err);
	if (!rc)
		rc = write_clock_notes(s, err);
	if (!rc)
		rc = write_capture(s, err);
	return rc;
}

static void report(struct bu_import_state *s, struct bu_import_result *ret)
{
	ret->events = s->events;
	ret->lost = s->lost;
	ret->lost_unknown = s->lost_unknown;
	ret->complete = s->complete;
	ret->ingest_cpu_ns = s->ingest_cpu_ns;
	ret->finish_cpu_ns = cpu_ns() - s->ingest_cpu_ns;
	snprintf(ret->clock, sizeof(ret->clock), "%s", s->clock.name ? s->clock.name : "");
	snprintf(ret->release, sizeof(ret->release), "%s", s->machine.release ? s->machine.release : "");
}

/* Runs in the child process. */
static int work(void *arg, void *result, struct bu_err *err)
{
	struct bu_import_state s = { .params = arg };
	struct bu_import_result *ret = result;
	enum bu_text_kind_of_file text = BU_TEXT_NONE;
	int rc;

	rc = bu_text_kind_of(s.params->file, &text, err);
	if (!rc && text == BU_TEXT_NONE)
		rc = bu_dat_head_read(s.params->file, &s.head, err);
	if (!rc)
		rc = bu_machine_read(s.params->machine, &s.machine, err);
	if (!rc && text != BU_TEXT_NONE) {
		rc = bu_text_read_facts(&s, text, err);
	} else if (!rc) {
		if (!s.machine.release && s.head.uname)
			rc = bu_machine_parse_uname(&s.machine, s.head.uname);
		bu_clock_choose(&s.head, &s.machine, &s.clock);
		if (!rc)
			rc = find_rate(&s, err);
	}
	if (!rc)
		rc = bu_db_create(s.params->output, &bu_capture_format, s.params->force, &s.db, err);
	if (!rc)
		rc = fill_database(&s, err);
	if (!rc)
		rc = bu_db_i64(s.db, "SELECT count(*) FROM cpu", &ret->cpus, err);
	if (rc >= 0)
		rc = bu_db_i64(s.db, "SELECT count(*) FROM import_note WHERE severity <> 'info'", &ret->notes, err);
	if (rc >= 0)
		rc = bu_db_finish(s.db, err);
	if (!rc)
		report(&s, ret);
	bu_db_close(s.db);
	bu_dat_source_close(&s.source);
	bu_dat_formats_close(&s.formats);
	bu_text_close(&s);
	bu_hotplug_fini(&s.hotplug);
	free(s.holes);
	free(s.first_ids);
	bu_machine_fini(&s.machine);
	bu_dat_head_fini(&s.head);
	return rc;
}

int bu_import(const struct bu_import_params *params, struct bu_import_result *ret, struct bu_err *err)
{
	_cleanup_free_ char *partial = NULL;
	struct bu_import_params copy = *params;
	int rc;

	if (asprintf(&partial, "%s.partial", params->output) < 0) {
		partial = NULL;
		return bu_fail_errno(err, -ENOMEM, "import");
	}
	rc = bu_isolated(params->file, work, &copy, ret, sizeof(*ret), err);
	if (rc)
		unlink(partial);	/* left only where the child could not clean up */
	return rc;
}
