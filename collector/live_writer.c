// SPDX-License-Identifier: GPL-2.0-only
/* live_writer.c - see live_writer.h. Memory: one page per CPU, and 16 bytes for each page that waits its turn. */
#include "collector/live_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "collector/clock.h"
#include "collector/dat_formats.h"
#include "collector/dat_head.h"
#include "collector/decode.h"
#include "collector/live_spool.h"
#include "collector/ring_page.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"
#include "schemas/base/version.h"
#include "schemas/store/capture_db.h"

#define NOTE "this recording was not finished: it holds the events up to the last batch, in order of time, and neither " \
	     "steps nor operations; 'bringup record --recover' makes the whole of it where the recording broke off"

#define BATCH_EVENTS 16384

struct waiting {		/* a page in the spool */
	int64_t offset;
	uint32_t len;
};

struct lane {			/* one CPU */
	uint32_t cpu;
	struct waiting *queue;
	size_t first, n, cap;
	char *page;		/* NULL: none is open */
	struct bu_ring_page in;	/* what is to come of it */
	bool has_event;		/* the next one is known */
	struct bu_ring_event event;
	int64_t events, last_id, last_ns;
};

struct writer {
	struct bu_dat_head head;
	struct bu_machine machine;
	struct bu_clock clock;
	struct bu_dat_formats formats;
	struct bu_decoder *decoder;
	struct bu_db *db;
	struct bu_capture_writer *rows;
	int spool;
	int64_t offset;
	struct lane *lanes;
	size_t n_lanes;
	struct lane **heap;
	size_t n_heap;
	uint64_t seen, bound;	/* newest page of this round; and of the round before */
	bool has_origin;
	uint64_t origin;
	int64_t events, batches, lost, lost_unknown;
	size_t symbols, tasks;	/* written */
};

/* ---- pages to events, in order ------------------------------------------------------------------------------- */

static bool before(const struct lane *a, const struct lane *b)
{
	return a->event.stamp != b->event.stamp ? a->event.stamp < b->event.stamp : a->cpu < b->cpu;
}

static void sink(struct writer *w, size_t i)
{
	struct lane *l = w->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < w->n_heap; i = child) {
		if (child + 1 < w->n_heap && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], l))
			break;
		w->heap[i] = w->heap[child];
	}
	w->heap[i] = l;
}

static void rise(struct writer *w, struct lane *l)
{
	size_t i = w->n_heap++;

	for (; i && before(l, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = l;
}

static int next_page(struct writer *w, struct lane *l, struct bu_err *err)
{
	struct waiting p = l->queue[l->first++];

	l->n--;
	if (!l->n)
		l->first = 0;
	if (!l->page)
		l->page = malloc(w->head.page_bytes);
	if (!l->page)
		return bu_fail_errno(err, -ENOMEM, "writer");
	memset(l->page, 0, w->head.page_bytes);
	if (pread(w->spool, l->page, p.len, p.offset) != (ssize_t)p.len)
		return bu_fail_errno(err, errno ? -errno : -EIO, "writer: read the spool");
	if (bu_ring_page_sound(l->page, w->head.page_bytes))
		bu_ring_page_open(&l->in, &bu_ring_native, l->page, w->head.page_bytes);
	else
		l->in.missed = -1;
	return 0;
}

/* To the next event of the lane, or to none when it has no more pages. */
static int advance(struct writer *w, struct lane *l, struct bu_err *err)
{
	int rc = 0;

	while (!rc && !(l->has_event = bu_ring_page_next(&l->in, &bu_ring_native, &l->event) > 0) && l->n)
		rc = next_page(w, l, err);
	return rc;
}

static int enqueue(struct writer *w, uint32_t cpu, int64_t offset, uint32_t len, struct bu_err *err)
{
	struct lane *l;
	uint64_t stamp;
	int rc = 0;

	if (cpu >= w->n_lanes || len < sizeof(stamp) || pread(w->spool, &stamp, sizeof(stamp), offset) != sizeof(stamp))
		return bu_fail(err, -EILSEQ, "writer: the spool is damaged");
	l = &w->lanes[cpu];
	if (l->first && l->first + l->n == l->cap) {
		memmove(l->queue, l->queue + l->first, l->n * sizeof(*l->queue));
		l->first = 0;
	}
	if (bu_grow(&l->queue, l->first + l->n, &l->cap, sizeof(*l->queue)))
		return bu_fail_errno(err, -ENOMEM, "writer");
	l->queue[l->first + l->n++] = (struct waiting){ offset, len };
	if (stamp > w->seen)
		w->seen = stamp;
	if (!l->has_event) {
		rc = advance(w, l, err);
		if (!rc && l->has_event)
			rise(w, l);
	}
	return rc;
}

/* ---- events to rows ------------------------------------------------------------------------------------------ */

static int note_hole(struct writer *w, const struct lane *l, const struct bu_event *ev, struct bu_err *err)
{
	const int64_t missed = l->event.missed;
	struct bu_loss loss = {
		.cpu = (int32_t)l->cpu, .kind = "missed", .count = missed > 0 ? missed : BU_NS_UNKNOWN,
		.after_id = l->events ? l->last_id : BU_NS_UNKNOWN, .after_ns = l->events ? l->last_ns : BU_NS_UNKNOWN,
		.before_id = ev->id, .before_ns = ev->ts_ns,
	};

	if (missed > 0)
		w->lost += missed;
	else
		w->lost_unknown++;
	return bu_capture_write_loss(w->db, &loss, err);
}

static int write_first(struct writer *w, struct bu_err *err)
{
	struct lane *l = w->heap[0];
	struct bu_event ev;
	int rc;

	memset(&ev, 0, sizeof(ev));
	rc = bu_decode(w->decoder, &l->event, &ev, err);
	if (rc)
		return rc;
	if (!w->has_origin) {
		w->has_origin = true;
		w->origin = l->event.stamp;
	}
	ev.cpu = (int32_t)l->cpu;
	ev.ts_raw = l->event.stamp;
	ev.ts_ns = bu_clock_ns(&w->clock, l->event.stamp, w->origin);
	ev.id = ++w->events;
	if (l->event.missed)
		rc = note_hole(w, l, &ev, err);
	if (!rc)
		rc = bu_capture_write_event(w->rows, &ev, err);
	l->events++;
	l->last_id = ev.id;
	l->last_ns = ev.ts_ns;
	if (!rc)
		rc = advance(w, l, err);
	if (!rc && !l->has_event)
		w->heap[0] = w->heap[--w->n_heap];
	if (!rc && w->n_heap)
		sink(w, 0);
	return rc;
}

static int write_dictionaries(struct writer *w, struct bu_err *err)
{
	const struct bu_dict *symbols = bu_decoder_symbols(w->decoder), *tasks = bu_decoder_tasks(w->decoder);
	const struct bu_decoder_kind *kinds;
	_cleanup_free_ char *base = NULL;
	size_t n = 0, i;
	int rc = 0;

	for (; !rc && w->symbols < symbols->n; w->symbols++) {
		const char *name = symbols->entries[w->symbols].text;

		free(take_ptr(base));
		base = strndup(name, strcspn(name, "."));
		rc = bu_db_row(w->db, err, "INSERT INTO symbol (id, name, base) VALUES (?,?,?)", "itt",
			       (int64_t)w->symbols + 1, name, base && *base ? base : name);
	}
	for (; !rc && w->tasks < tasks->n; w->tasks++)
		rc = bu_db_row(w->db, err, "INSERT INTO task (id, pid, comm) VALUES (?,?,?)", "iit",
			       (int64_t)w->tasks + 1, tasks->entries[w->tasks].number, tasks->entries[w->tasks].text);
	kinds = bu_decoder_kinds(w->decoder, &n);
	if (!rc)
		rc = bu_db_exec(w->db, "DELETE FROM event_kind", err);
	for (i = 0; !rc && i < n; i++) {
		struct bu_event_kind k = { (uint32_t)i + 1, kinds[i].system, kinds[i].name, kinds[i].table,
					   kinds[i].events };

		rc = bu_capture_write_kind(w->db, &k, err);
	}
	return rc;
}

static int write_account(struct writer *w, struct bu_err *err)
{
	size_t i;
	int rc;

	rc = bu_db_row(w->db, err, "UPDATE capture SET source_bytes = ?, ts_raw_origin = ?, events_total = ?, lost_total = ?, "
		       "lost_unknown = ?", "iiiii", w->offset, (int64_t)w->origin, w->events, w->lost, w->lost_unknown);
	if (!rc)
		rc = bu_db_row(w->db, err, "UPDATE import_note SET count = ? WHERE id = 1", "i", w->batches);
	for (i = 0; !rc && i < w->n_lanes; i++)
		if (w->lanes[i].events)
			rc = bu_db_row(w->db, err, "INSERT OR REPLACE INTO cpu_account (buf, cpu, imported) VALUES (0,?,?)",
				       "ii", (int64_t)w->lanes[i].cpu, w->lanes[i].events);
	return rc;
}

/* One transaction, of events that are certain to be complete. */
static int write_batch(struct writer *w, struct bu_err *err)
{
	int64_t end = w->events + BATCH_EVENTS;
	int rc;

	w->batches++;
	rc = bu_db_begin(w->db, err);
	while (!rc && w->n_heap && w->heap[0]->event.stamp <= w->bound && w->events < end)
		rc = write_first(w, err);
	if (!rc)
		rc = bu_capture_writer_flush(w->rows, err);
	if (!rc)
		rc = write_dictionaries(w, err);
	if (!rc)
		rc = write_account(w, err);
	return rc ? rc : bu_db_commit(w->db, err);
}

static int follow(struct writer *w, struct bu_err *err)
{
	uint32_t cpu, len;
	int rc = 0;

	while (!rc && bu_spool_next(w->spool, w->head.page_bytes, &w->offset, &cpu, &len)) {
		if (cpu != BU_SPOOL_ROUND) {
			rc = enqueue(w, cpu, w->offset - len, len, err);
			continue;
		}
		while (!rc && w->n_heap && w->heap[0]->event.stamp <= w->bound)
			rc = write_batch(w, err);
		w->bound = w->seen;
	}
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* Under its name it is a capture database from the first instant on. */
static int begin_database(struct writer *w, const char *path, struct bu_err *err)
{
	_cleanup_free_ char *partial = NULL;
	int rc;

	if (asprintf(&partial, "%s.partial", path) < 0) {
		partial = NULL;
		return bu_fail_errno(err, -ENOMEM, "writer");
	}
	rc = bu_db_append(partial, &bu_capture_format, &w->db, err);
	if (!rc)
		rc = bu_db_row(w->db, err, "INSERT INTO capture (id, source_kind, source_name, source_sha256, source_bytes, "
			       "bringup_version, kernel_release, kernel_version, arch, cmdline, trace_clock, clock_unit, clock_hz, "
			       "clock_hz_source, ts_raw_origin, events_total, lost_total, lost_unknown, complete) "
			       "VALUES (1, 'live recording', 'pages', '', 0,?,?,?,?,?,?,?,?,?, 0, 0, 0, 0, 0)", "ttttttt" "nt",
			       bu_version, w->machine.release, w->machine.version, w->machine.arch, w->machine.cmdline,
			       w->clock.name, w->clock.in_ns ? "ns" : "tick", w->clock.hz, w->clock.hz_source);
	if (!rc)
		rc = bu_db_exec(w->db, "INSERT INTO buffer (id, name) VALUES (0, '')", err);
	if (!rc)
		rc = bu_capture_note(w->db, "warning", "record", 0, err, "%s", NOTE);
	if (!rc)
		rc = bu_db_commit(w->db, err);
	bu_db_close(take_ptr(w->db));
	if (!rc && rename(partial, path))
		rc = bu_fail_errno(err, -errno, "%s: rename into place", path);
	if (!rc)
		rc = bu_db_append(path, &bu_capture_format, &w->db, err);
	/* Rows of events come before those of what they refer to, in the same transaction. */
	if (!rc)
		rc = bu_db_exec(w->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF", err);
	return rc ? rc : bu_capture_writer_create(w->db, w->clock.raw, &w->rows, err);
}

static int prepare(struct writer *w, const char *folder, struct bu_err *err)
{
	_cleanup_free_ char *head = NULL, *machine = NULL, *pages = NULL, *db = NULL;
	size_t i;
	int rc;

	if (asprintf(&head, "%s/head.dat", folder) < 0 || asprintf(&machine, "%s/machine", folder) < 0 ||
	    asprintf(&pages, "%s/pages", folder) < 0 || asprintf(&db, "%s/live.db", folder) < 0)
		return bu_fail_errno(err, -ENOMEM, "writer");
	w->spool = open(pages, O_RDONLY | O_CLOEXEC);
	if (w->spool < 0)
		return bu_fail_errno(err, -errno, "%s", pages);
	rc = bu_dat_head_read(head, &w->head, err);
	if (!rc)
		rc = bu_machine_read(machine, &w->machine, err);
	if (rc)
		return rc;
	bu_clock_choose(&w->head, &w->machine, &w->clock);
	rc = bu_dat_formats_open(head, &w->head, &w->formats, err);
	if (rc)
		return rc;
	w->n_lanes = w->head.buffers[0].cpus;
	w->lanes = calloc(w->n_lanes + 1, sizeof(*w->lanes));
	w->heap = calloc(w->n_lanes + 1, sizeof(struct lane *));
	if (!w->lanes || !w->heap)
		return bu_fail_errno(err, -ENOMEM, "writer");
	for (i = 0; i < w->n_lanes; i++)
		w->lanes[i].cpu = (uint32_t)i;
	rc = bu_decoder_create(w->formats.tep, &w->decoder, err);
	return rc ? rc : begin_database(w, db, err);
}

static void fini(struct writer *w)
{
	size_t i;

	for (i = 0; i < w->n_lanes; i++) {
		free(w->lanes[i].queue);
		free(w->lanes[i].page);
	}
	free(w->lanes);
	free(w->heap);
	bu_capture_writer_destroy(w->rows);
	bu_db_close(w->db);
	bu_decoder_destroy(w->decoder);
	bu_dat_formats_close(&w->formats);
	bu_machine_fini(&w->machine);
	bu_dat_head_fini(&w->head);
	if (w->spool >= 0)
		close(w->spool);
}

int bu_live_writer_run(const char *folder, int pipe_fd, struct bu_err *err)
{
	struct writer w = { .spool = -1 };
	char words[64];
	ssize_t n = 1;
	int rc;

	rc = prepare(&w, folder, err);
	while (!rc && n > 0) {
		n = read(pipe_fd, words, sizeof(words));
		if (n < 0 && errno == EINTR)
			n = 1;
		rc = follow(&w, err);
	}
	fini(&w);
	return rc;
}

int bu_live_writer_start(const char *folder, pid_t *ret_pid, int *ret_pipe, struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return bu_fail_errno(err, -errno, "writer");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return bu_fail_errno(err, -errno, "writer: start a process");
	}
	if (!pid) {
		/* It must not keep the recorder's lock and readers when that is killed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[0], 3);
		close_range(4, ~0U, 0);
		_exit(bu_live_writer_run(folder, 3, &e) ? 1 : 0);
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);	/* a writer that is behind need not be told twice */
	*ret_pid = pid;
	*ret_pipe = ends[1];
	return 0;
}
