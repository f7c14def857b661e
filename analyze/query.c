// SPDX-License-Identifier: GPL-2.0-only
/*
 * query.c - see query.h: which kind of file it is, the parts that both readers share, and putting steps in
 * order. The readers themselves are query_capture.c and query_run.c.
 */
#include "analyze/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/query_int.h"
#include "schemas/store/db.h"

static const char *const phase_names[BU_PHASE_N] = { "prepare", "kick",	  "dark", "parked", "starting",
						     "tsc",	"online", "wait", "partner", "overhead",
						     "down",	"stop",	  "dying", "dead" };
static const char *const outcome_names[] = { "ok", "failed", "open", "lost" };
static const char *const direction_names[BU_DIRECTION_N] = { "up", "down", "rollback" };

const char *bu_phase_name(enum bu_phase phase)
{
	return phase_names[phase];
}

const char *bu_outcome_name(enum bu_outcome outcome)
{
	return outcome_names[outcome];
}

const char *bu_direction_name(enum bu_direction direction)
{
	return direction_names[direction];
}

bool bu_phase_on_control(enum bu_phase phase)
{
	return phase == BU_PHASE_PREPARE || phase == BU_PHASE_KICK || phase == BU_PHASE_WAIT ||
	       phase == BU_PHASE_PARTNER || phase == BU_PHASE_OVERHEAD || phase == BU_PHASE_DEAD;
}

bool bu_phase_parse(const char *word, enum bu_phase *ret)
{
	size_t i;

	for (i = 0; i < BU_PHASE_N; i++)
		if (word && !strcmp(word, phase_names[i])) {
			*ret = (enum bu_phase)i;
			return true;
		}
	return false;
}

enum bu_outcome bu_outcome_parse(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outcome_names); i++)
		if (word && !strcmp(word, outcome_names[i]))
			return (enum bu_outcome)i;
	return BU_LOST;
}

const char *bu_boot_dur(const struct bu_boot *boot, int64_t ns, char *buf)
{
	if (!boot->ticks || ns == BU_NS_UNKNOWN)
		return bu_ns_str(ns, buf);
	snprintf(buf, BU_NS_STRLEN, "%" PRId64 " ticks", ns);
	return buf;
}

const struct bu_boot_cpu *bu_boot_cpu_find(const struct bu_boot *boot, int cpu)
{
	size_t lo = 0, hi = boot->n_cpu;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (boot->cpu[mid].cpu == cpu)
			return &boot->cpu[mid];
		if (boot->cpu[mid].cpu < cpu)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- shared by the readers ---------------------------------------------------------------------------- */

const char *bu_boot_text(struct bu_boot_builder *b, struct bu_stmt *st, int col, int *rc, struct bu_err *err)
{
	const char *text = bu_stmt_text(st, col);
	char *copy;

	if (!text)
		return NULL;
	copy = bu_arena_strdup(&b->boot->arena, text);
	if (!copy)
		*rc = bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	return copy;
}

int64_t bu_boot_ns(const struct bu_boot_builder *b, struct bu_stmt *st, int col)
{
	return bu_ns_since(bu_stmt_ns(st, col), b->base_ns);
}

struct bu_boot_cpu *bu_boot_add_cpu(struct bu_boot_builder *b, int cpu, struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	struct bu_boot_cpu *c;

	if (bu_grow(&boot->cpu, boot->n_cpu, &b->cap_cpu, sizeof(*boot->cpu))) {
		bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
		return NULL;
	}
	c = &boot->cpu[boot->n_cpu++];
	*c = (struct bu_boot_cpu){
		.cpu = cpu, .prepare_ns = BU_NS_UNKNOWN, .kick_ns = BU_NS_UNKNOWN, .first_sign_ns = BU_NS_UNKNOWN,
		.alive_ns = BU_NS_UNKNOWN, .turn_ns = BU_NS_UNKNOWN, .release_ns = BU_NS_UNKNOWN,
		.starting_ns = BU_NS_UNKNOWN, .tsc_ns = BU_NS_UNKNOWN, .idle_ns = BU_NS_UNKNOWN,
		.thread_ns = BU_NS_UNKNOWN, .online_ns = BU_NS_UNKNOWN, .done_ns = BU_NS_UNKNOWN,
		.recorded_online_ns = BU_NS_UNKNOWN, .last_nr = -1, .last_start_ns = BU_NS_UNKNOWN,
	};
	return c;
}

static bool step_is(const struct bu_step_name *s, enum bu_phase phase, int nr, const char *name)
{
	return s->phase == phase && s->nr == nr && !strcmp(s->name, name);
}

/* Steps of one CPU follow one another as those of the CPU before did, so the next one is the first guess. */
static int find_step(struct bu_boot_builder *b, enum bu_phase phase, int nr, const char *name,
		     struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	struct bu_step_name *s;
	size_t i;

	for (i = 0; i < 2 && b->last_step + i < boot->n_step; i++)
		if (step_is(&boot->step[b->last_step + i], phase, nr, name)) {
			b->last_step += (unsigned int)i;
			return 0;
		}
	for (i = 0; i < boot->n_step; i++)
		if (step_is(&boot->step[i], phase, nr, name)) {
			b->last_step = (unsigned int)i;
			return 0;
		}
	if (bu_grow(&boot->step, boot->n_step, &b->cap_step, sizeof(*boot->step)))
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	s = &boot->step[boot->n_step];
	*s = (struct bu_step_name){ .phase = phase, .nr = nr, .name = bu_arena_strdup(&boot->arena, name),
				    .waiting = phase == BU_PHASE_WAIT || phase == BU_PHASE_PARKED };
	if (!s->name)
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	b->last_step = (unsigned int)boot->n_step++;
	return 0;
}

int bu_boot_add_interval(struct bu_boot_builder *b, int lane, int cpu, enum bu_phase phase, int nr,
			 const char *name, int64_t start_ns, int64_t end_ns, enum bu_outcome outcome,
			 struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	int rc;

	if (start_ns == BU_NS_UNKNOWN)
		return 0;
	rc = find_step(b, phase, nr, name ? name : "(no name)", err);
	if (rc)
		return rc;
	if (bu_grow(&boot->interval, boot->n_interval, &b->cap_interval, sizeof(*boot->interval)))
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	boot->interval[boot->n_interval++] = (struct bu_interval){
		.start_ns = bu_ns_since(start_ns, b->base_ns), .end_ns = bu_ns_since(end_ns, b->base_ns),
		.lane = lane, .cpu = cpu, .step = b->last_step, .phase = phase, .outcome = outcome,
	};
	return 0;
}

/* ---- order of steps ------------------------------------------------------------------------------------- */

struct step_rank {
	unsigned int index;
	enum bu_phase phase;
	int nr;
	double place;	/* mean position in the sequence of its CPU and phase, where numbers are not known */
};

static int by_execution(const void *pa, const void *pb)
{
	const struct step_rank *a = pa, *b = pb;

	if (a->phase != b->phase)
		return a->phase < b->phase ? -1 : 1;
	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	if (a->place < b->place || a->place > b->place)
		return a->place < b->place ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/*
 * A file of runs has names without numbers; there a step's place is how long after the first step of its
 * phase it begins, on average over the CPUs. In one phase the order of steps is the same on every CPU, so
 * that this gives the order of execution.
 */
static int order_steps(struct bu_boot_builder *b, struct bu_err *err)
{
	struct bu_boot *boot = b->boot;
	size_t n = boot->n_step, n_first = boot->n_cpu * BU_PHASE_N, i;
	_cleanup_free_ struct step_rank *rank = calloc(n + 1, sizeof(*rank));
	_cleanup_free_ size_t *count = calloc(n + 1, sizeof(*count));
	_cleanup_free_ unsigned int *to = calloc(n + 1, sizeof(*to));
	_cleanup_free_ struct bu_step_name *sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_free_ int64_t *first = calloc(n_first + 1, sizeof(*first));

	if (!rank || !count || !to || !sorted || !first)
		return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(b->db));
	for (i = 0; i < n_first; i++)
		first[i] = INT64_MAX;
	for (i = 0; i < 2 * boot->n_interval; i++) {
		const struct bu_interval *v = &boot->interval[i % boot->n_interval];
		const struct bu_boot_cpu *c = bu_boot_cpu_find(boot, v->cpu);
		int64_t *f = c ? &first[(size_t)(c - boot->cpu) * BU_PHASE_N + v->phase] : NULL;

		if (!f)
			continue;
		if (i < boot->n_interval) {
			if (v->start_ns < *f)
				*f = v->start_ns;
		} else {
			rank[v->step].place += (double)(v->start_ns - *f);
			count[v->step]++;
		}
	}
	for (i = 0; i < n; i++) {
		rank[i].index = (unsigned int)i;
		rank[i].phase = boot->step[i].phase;
		rank[i].nr = boot->step[i].nr;
		if (count[i])
			rank[i].place /= (double)count[i];
	}
	qsort(rank, n, sizeof(*rank), by_execution);
	for (i = 0; i < n; i++) {
		sorted[i] = boot->step[rank[i].index];
		to[rank[i].index] = (unsigned int)i;
	}
	if (n)
		memcpy(boot->step, sorted, n * sizeof(*sorted));
	for (i = 0; i < boot->n_interval; i++)
		boot->interval[i].step = to[boot->interval[i].step];
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static void boot_fini(struct bu_boot *boot)
{
	free(boot->cpu);
	free(boot->interval);
	free(boot->step);
	free(boot->wait);
	free(boot->figure);
	free(boot->op);
	free(boot->op_step);
	free(boot->loss);
	free(boot->note);
	free(boot->rendezvous);
	bu_arena_fini(&boot->arena);
}

void bu_boots_fini(struct bu_boots *boots)
{
	size_t i;

	for (i = 0; i < boots->n; i++)
		boot_fini(&boots->boot[i]);
	free(boots->boot);
	*boots = (struct bu_boots){ 0 };
}

static int read_one(struct bu_boot *boot, struct bu_db *db, bool is_runs, int64_t run, struct bu_err *err)
{
	struct bu_boot_builder b = { .boot = boot, .db = db };
	int rc;

	boot->file = bu_db_path(db);
	boot->is_run = is_runs;
	rc = is_runs ? bu_boot_read_run(&b, run, err) : bu_boot_read_capture(&b, err);
	return rc ? rc : order_steps(&b, err);
}

/* The ids of the runs to read, in order; their number in the file goes to @ret_file. */
static int list_runs(struct bu_db *db, int64_t run, size_t limit, int64_t **ret, size_t *ret_n,
		     size_t *ret_file, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	_cleanup_free_ int64_t *ids = NULL;
	size_t n = 0, cap = 0;
	int rc;

	*ret_file = 0;
	rc = bu_stmt_prepare(db, "SELECT id FROM run ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) > 0) {
		int64_t id = bu_stmt_i64(st, 0);

		rc = 0;
		++*ret_file;
		if ((run && id != run) || (limit && n >= limit))
			continue;
		if (bu_grow(&ids, n, &cap, sizeof(*ids)))
			return bu_fail_errno(err, -ENOMEM, "reading %s", bu_db_path(db));
		ids[n++] = id;
	}
	if (rc)
		return rc;
	if (!*ret_file)
		return bu_fail(err, -ENODATA, "%s holds no run; make one with 'bringup replay'", bu_db_path(db));
	if (!n)
		return bu_fail(err, -ENODATA, "%s has no run %" PRId64 "; 'bringup report' without --run lists its %zu",
			       bu_db_path(db), run, *ret_file);
	*ret = take_ptr(ids);
	*ret_n = n;
	return 0;
}

int bu_boots_load(const char *path, int64_t run, size_t limit, struct bu_boots *ret, struct bu_err *err)
{
	const struct bu_db_format *format = bu_db_format_of(path, err);
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_free_ int64_t *ids = NULL;
	struct bu_boots boots = { .n_file = 1 };
	size_t n = 1, i;
	int rc;

	if (!format)
		return err && err->code ? err->code : -EPROTO;
	boots.is_runs = format == &bu_run_format;
	if (run && !boots.is_runs)
		return bu_fail(err, -ENOTSUP, "%s is a capture, which has no runs; leave --run out", path);
	rc = bu_db_open(path, format, &db, err);
	if (!rc && boots.is_runs)
		rc = list_runs(db, run, limit, &ids, &n, &boots.n_file, err);
	if (rc)
		return rc;
	boots.boot = calloc(n, sizeof(*boots.boot));
	if (!boots.boot)
		return bu_fail_errno(err, -ENOMEM, "reading %s", path);
	for (i = 0; i < n && !rc; i++) {
		boots.n = i + 1;
		rc = read_one(&boots.boot[i], db, boots.is_runs, ids ? ids[i] : 0, err);
		boots.boot[i].file = path;
	}
	if (rc) {
		bu_boots_fini(&boots);
		return rc;
	}
	*ret = boots;
	return 0;
}
