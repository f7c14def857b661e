// SPDX-License-Identifier: GPL-2.0-only
/*
 * text.c - see text.h: rows of a capture become batches of sites, interrupts are taken out of their cost.
 *
 * One pass over the function events in their order. The batch at boot goes from alternative_instructions() to restart_nmi()
 * on that CPU, a site from its text_poke_early() to the next; its phase is the caller. A site within which an interrupt
 * came costs what the median of its phase does. A later batch goes from text_poke_bp_batch() to the third do_sync_core() of
 * that CPU itself; its sites are counted by __text_poke() before the first (one store each, INT3), and a store costs the
 * time up to there, shared out. What the trace shows of interrupts is their functions: hard interrupt context is a flag of
 * each event (TRACE_FLAG_HARDIRQ, include/linux/trace_events.h of v6.12).
 */
#include "replay/schedule/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

enum { HARDIRQ = 0x08, LIVE_ROUNDS = 3, MAX_FUNCTIONS = 64 };

enum what { WINDOW, WINDOW_END, SITE, BATCH, POKE, SYNC, CALIBRATE, SMP_INIT, OTHER };

static const char *const functions[] = {
	[WINDOW] = "alternative_instructions", [WINDOW_END] = "restart_nmi", [SITE] = "text_poke_early",
	[BATCH] = "text_poke_bp_batch", [POKE] = "__text_poke", [SYNC] = "do_sync_core", [CALIBRATE] = "calibrate_delay",
	[SMP_INIT] = "smp_init",
};

struct times {			/* a growing list, for medians */
	int64_t *ns;
	size_t n, cap;
};

struct loader {
	struct bu_db *db;
	struct bu_text_schedule *s;
	struct bu_err *err;
	size_t cap_sites, cap_costs, cap_phase, cap_phases, cap_batches;
	struct bu_text_patch *batches;	/* while they grow; those of the schedule are in its arena */
	struct bu_text_phase *phases;
	struct bu_text_site *sites;
	int64_t *costs;
	uint32_t *phase;
	int now;		/* phase of the sites that come */
	int64_t window_ns, window_end_ns;	/* ts of these; BU_NS_UNKNOWN */
	int window_cpu;
	int64_t calibrate_ns, smp_init_ns;
	/* the site or batch that is open */
	int64_t site_ns, poke_ns;
	bool interrupted;
	int batch_cpu, round;
	/* interrupts */
	int64_t irq_ns, irq_last_ns, tick_last_ns;
	struct times tick_gap, irq_time, ipi;
	const char *risk[MAX_FUNCTIONS];
	size_t n_risk;
	const char *tick_name;
	struct bu_text_risk *risks;
	size_t cap_risks;
};

/* From @zero to @ns, which come from a file: not negative, and not beyond all time. */
static int64_t span(int64_t ns, int64_t zero)
{
	const int64_t d = bu_ns_since(ns, zero);

	return d > 0 ? d : 0;
}

static int oom(struct loader *l)
{
	return bu_fail_errno(l->err, -ENOMEM, "%s: extract the schedule of text patching", bu_db_path(l->db));
}

static int add_time(struct loader *l, struct times *t, int64_t ns)
{
	if (bu_grow(&t->ns, t->n, &t->cap, sizeof(*t->ns)))
		return oom(l);
	t->ns[t->n++] = ns;
	return 0;
}

static int64_t median(int64_t *ns, size_t n)
{
	if (!n)
		return 0;
	qsort(ns, n, sizeof(*ns), bu_ns_compare);
	return ns[n / 2];
}

static struct bu_text_patch *last_batch(struct loader *l)
{
	return l->s->n_batches ? &l->batches[l->s->n_batches - 1] : NULL;
}


static int add_batch(struct loader *l, const char *name, bool boot, int64_t ts)
{
	if (bu_grow(&l->batches, (size_t)l->s->n_batches, &l->cap_batches, sizeof(*l->batches)))
		return oom(l);
	l->batches[l->s->n_batches++] = (struct bu_text_patch){
		.name = name, .at = { l->s->n_sites, 0, boot }, .start_ns = ts, .first_phase = l->s->n_phases,
		.alone = l->smp_init_ns == BU_NS_UNKNOWN };
	return 0;
}

/* Makes @name the phase of the sites that follow in this batch. */
static int enter_phase(struct loader *l, const char *name)
{
	const struct bu_text_patch *b = last_batch(l);
	char *copy;
	int i;

	for (i = b->first_phase; i < b->first_phase + b->n_phases; i++)
		if (!strcmp(l->phases[i].name, name)) {
			l->now = i;
			return 0;
		}
	copy = bu_arena_strdup(&l->s->arena, name);
	if (!copy || bu_grow(&l->phases, (size_t)l->s->n_phases, &l->cap_phases, sizeof(*l->phases)))
		return oom(l);
	l->now = l->s->n_phases;
	l->phases[l->s->n_phases++] = (struct bu_text_phase){ .name = copy };
	last_batch(l)->n_phases++;
	return 0;
}

static int add_site(struct loader *l, int64_t cost)
{
	struct bu_text_schedule *s = l->s;

	if (bu_grow(&l->sites, (size_t)s->n_sites, &l->cap_sites, sizeof(*l->sites)) ||
	    bu_grow(&l->costs, (size_t)s->n_sites, &l->cap_costs, sizeof(*l->costs)) ||
	    bu_grow(&l->phase, (size_t)s->n_sites, &l->cap_phase, sizeof(*l->phase)))
		return oom(l);
	l->sites[s->n_sites] = bu_text_kind(l->phases[l->now].name, 0);
	l->sites[s->n_sites].name = l->phases[l->now].name;
	l->phase[s->n_sites] = (uint32_t)l->now;
	l->costs[s->n_sites++] = cost;
	l->phases[l->now].n++;
	last_batch(l)->at.n++;
	return 0;
}

/* ---------------------------------------------------------------------------------------------- one event after the other */

static void close_site(struct loader *l, int64_t ts)
{
	if (l->site_ns == BU_NS_UNKNOWN)
		return;
	if (!l->interrupted)
		l->costs[l->s->n_sites - 1] = span(ts, l->site_ns);
	l->site_ns = BU_NS_UNKNOWN;
	l->interrupted = false;
}

static int on_site(struct loader *l, int64_t ts, const char *caller)
{
	int rc;

	close_site(l, ts);
	rc = enter_phase(l, caller);
	if (!rc)
		rc = add_site(l, BU_NS_UNKNOWN);
	l->site_ns = ts;
	return rc;
}

static void on_poke(struct loader *l, int64_t ts)
{
	l->poke_ns = ts;
	if (l->round == 0)
		last_batch(l)->at.n++;	/* counted first, made sites when their cost is known */
}

/* The patching CPU has serialised: a round is over, or the batch is. */
static int on_sync(struct loader *l, int64_t ts)
{
	struct bu_text_patch *b = last_batch(l);
	int i, n = b->at.n > 0 ? b->at.n : 1, rc = 0;	/* one at least, where __text_poke() is not traced */

	if (!l->round++) {
		b->at.n = 0;
		rc = enter_phase(l, b->name);
		for (i = 0; !rc && i < n; i++)
			rc = add_site(l, span(ts, b->start_ns) / n);
	}
	if (l->round == LIVE_ROUNDS) {
		b->ns = span(ts, b->start_ns);
		l->batch_cpu = -1;
	}
	return rc;
}

static int on_ipi(struct loader *l, int64_t ts)
{
	last_batch(l)->ipis++;
	return add_time(l, &l->ipi, span(ts, l->poke_ns));
}

static int note_risk(struct loader *l, const char *function)
{
	size_t i;

	for (i = 0; i < l->n_risk; i++)
		if (!strcmp(l->risk[i], function))
			return 0;
	if (l->n_risk == MAX_FUNCTIONS)
		return 0;
	l->risk[l->n_risk] = bu_arena_strdup(&l->s->arena, function);
	return l->risk[l->n_risk++] ? 0 : oom(l);
}

/* A function in hard interrupt context on the CPU of the batch at boot. */
static int on_irq(struct loader *l, int64_t ts, const char *function)
{
	const bool in_window = l->window_ns != BU_NS_UNKNOWN && l->window_end_ns == BU_NS_UNKNOWN;
	int rc = 0;

	if (l->irq_ns == BU_NS_UNKNOWN)
		l->irq_ns = ts;
	l->irq_last_ns = ts;
	if (in_window) {
		l->interrupted = true;
		rc = note_risk(l, function);
	}
	if (strcmp(function, l->tick_name))
		return rc;
	if (!rc && l->tick_last_ns != BU_NS_UNKNOWN)
		rc = add_time(l, &l->tick_gap, span(ts, l->tick_last_ns));
	l->tick_last_ns = ts;
	if (in_window) {
		if (!last_batch(l)->ticks++)
			l->s->tick_first_ns = span(ts, l->window_ns);
		if (last_batch(l)->n_phases)
			l->phases[l->now].ticks++;
	}
	return rc;
}

static int on_event(struct loader *l, int64_t ts, int cpu, bool hardirq, const char *function, const char *caller)
{
	enum what what = 0;
	int rc = 0;

	while (what < OTHER && strcmp(functions[what], function))
		what++;
	if (what == SYNC && l->batch_cpu >= 0)
		return cpu == l->batch_cpu ? on_sync(l, ts) : on_ipi(l, ts);
	if (cpu == l->window_cpu && hardirq)
		return on_irq(l, ts, function);
	if (cpu == l->window_cpu && l->irq_ns != BU_NS_UNKNOWN) {
		rc = add_time(l, &l->irq_time, span(l->irq_last_ns, l->irq_ns));
		l->irq_ns = BU_NS_UNKNOWN;
	}
	switch (rc ? OTHER : what) {
	case WINDOW:
		if (l->window_ns != BU_NS_UNKNOWN)
			break;
		l->window_ns = ts;
		l->window_cpu = cpu;
		rc = add_batch(l, "alternative_instructions", true, ts);
		break;
	case WINDOW_END:
		if (l->window_ns == BU_NS_UNKNOWN || l->window_end_ns != BU_NS_UNKNOWN)
			break;
		close_site(l, ts);
		l->window_end_ns = ts;
		last_batch(l)->ns = span(ts, l->window_ns);
		break;
	case SITE:
		if (l->window_ns != BU_NS_UNKNOWN && l->window_end_ns == BU_NS_UNKNOWN && cpu == l->window_cpu)
			rc = on_site(l, ts, caller);
		break;
	case BATCH:
		if (l->window_end_ns == BU_NS_UNKNOWN || l->batch_cpu >= 0)
			break;
		l->batch_cpu = cpu;
		l->round = 0;
		rc = add_batch(l, "text_poke_bp_batch", false, ts);
		break;
	case POKE:
		if (l->batch_cpu >= 0 && cpu == l->batch_cpu)
			on_poke(l, ts);
		break;
	case CALIBRATE:
		if (l->calibrate_ns == BU_NS_UNKNOWN)
			l->calibrate_ns = ts;
		break;
	case SMP_INIT:
		l->smp_init_ns = ts;
		break;
	default:
		break;
	}
	return rc;
}

static int load_events(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT e.ts_ns, e.cpu, e.ctx & 255, f.base, coalesce(c.base, '') FROM ev_func e"
			     " JOIN symbol f ON f.id = e.func LEFT JOIN symbol c ON c.id = e.caller ORDER BY e.id", &st, l->err);
	while (!rc && (rc = bu_stmt_step(st, l->err)) > 0)
		rc = on_event(l, bu_stmt_i64(st, 0), (int)bu_stmt_i64(st, 1), bu_stmt_i64(st, 2) & HARDIRQ, bu_stmt_text(st, 3),
			      bu_stmt_text(st, 4));
	return rc;
}

/* ------------------------------------------------------------------------------------------------ what it comes to */

/* A site that was interrupted costs what others of its phase do; the phase, what all of its sites do. */
static int settle_costs(struct loader *l)
{
	struct bu_text_schedule *s = l->s;
	_cleanup_free_ int64_t *known = calloc((size_t)s->n_sites + 1, sizeof(*known));
	int64_t typical;
	size_t n;
	int p, i;

	if (!known)
		return oom(l);
	for (p = 0; p < l->batches[0].n_phases; p++) {	/* those of the first batch: of the others all costs are known */
		for (i = 0, n = 0; i < l->batches[0].at.n; i++)
			if ((int)l->phase[i] == p && l->costs[i] != BU_NS_UNKNOWN)
				known[n++] = l->costs[i];
		typical = median(known, n);
		for (i = 0; i < l->batches[0].at.n; i++)
			if ((int)l->phase[i] == p && l->costs[i] == BU_NS_UNKNOWN)
				l->costs[i] = typical;
	}
	for (i = 0; i < s->n_sites; i++)
		l->phases[l->phase[i]].ns = bu_ns_add(l->phases[l->phase[i]].ns, l->costs[i]);
	return 0;
}

static void *keep(struct loader *l, void *array, int n, size_t size)
{
	void *p = bu_arena_alloc(&l->s->arena, (size_t)n * size + 1);

	if (p && n)
		memcpy(p, array, (size_t)n * size);
	return p;
}

/* A period of the timer, from the gaps between ticks that were served in time: the nearest of Kconfig.hz. */
static int64_t tick_period(struct times *gaps)
{
	static const int64_t hz[] = { 100, 250, 300, 1000 };
	const int64_t gap = median(gaps->ns, gaps->n);
	int64_t best = 0, period;
	size_t i;

	for (i = 0; gap && i < ARRAY_SIZE(hz); i++) {
		period = BU_NS_PER_S / hz[i];
		if (!best || llabs(period - gap) < llabs(best - gap))
			best = period;
	}
	return best;
}

static int load_head(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_text_schedule *s = l->s;
	const char *unit;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT c.source_sha256, coalesce(c.kernel_release, 'unknown kernel'), c.clock_unit,"
			     "(SELECT count(*) FROM cpu) FROM capture c", &st, l->err);
	if (!rc)
		rc = bu_stmt_step(st, l->err);
	if (rc < 0)
		return rc;
	unit = rc ? bu_stmt_text(st, 2) : NULL;
	if (!unit || strcmp(unit, "ns"))
		return bu_fail(l->err, -ENODATA, "%s: the rate of its trace clock is not known, so nothing can be timed; import it with "
			       "--machine, where the dmesg says it", bu_db_path(l->db));
	s->capture_sha256 = bu_arena_strdup(&s->arena, bu_stmt_text(st, 0));
	s->kernel_release = bu_arena_strdup(&s->arena, bu_stmt_text(st, 1));
	s->cpus = (int32_t)bu_stmt_i64(st, 3);
	s->capture_name = bu_arena_strdup(&s->arena, bu_db_path(l->db));
	if (s->cpus < 1)
		s->cpus = 1;
	return s->capture_sha256 && s->kernel_release && s->capture_name ? 0 : oom(l);
}

static bool at_risk(const struct loader *l, const char *site)
{
	const size_t len = strcspn(site, ".+");	/* "raise_softirq+0x2d", or of a part of it that the compiler made */
	size_t i;

	for (i = 0; i < l->n_risk; i++)
		if (strlen(l->risk[i]) == len && !strncmp(l->risk[i], site, len))
			return true;
	return false;
}

static int add_risk(struct loader *l, const struct bu_text_risk *k)
{
	if (bu_grow(&l->risks, (size_t)l->s->n_risks, &l->cap_risks, sizeof(*l->risks)))
		return oom(l);
	l->risks[l->s->n_risks++] = *k;
	return 0;
}

/* Lines "apply_returns 612 50858 5 raise_softirq+0x2d": phase, rank in its table, entries of that, bytes, place. */
static int risks_of_tables(struct loader *l, const char *text)
{
	char phase[64], place[128];
	long long rank, of;
	int len, rc = 0;

	for (; !rc && *text; text += strcspn(text, "\n"), text += *text == '\n') {
		struct bu_text_risk k;

		if (sscanf(text, "%63s %lld %lld %d %127s", phase, &rank, &of, &len, place) != 5 || rank < 0 || rank >= of || len < 1 ||
		    len > 8 || !at_risk(l, place))
			continue;
		k = (struct bu_text_risk){ bu_arena_strdup(&l->s->arena, place), bu_arena_strdup(&l->s->arena, phase), rank, of, len };
		rc = k.function && k.phase ? add_risk(l, &k) : oom(l);
	}
	return rc;
}

/*
 * What interrupts in the window execute: the sites that the kernel's tables have in the functions that were seen, where the
 * capture has an extract of the tables; or else one return of each, of which only that is known.
 */
static int load_risks(struct loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT content FROM machine_file WHERE name = 'text_sites'", &st, l->err);
	if (!rc)
		rc = bu_stmt_step(st, l->err);
	if (rc > 0)
		rc = risks_of_tables(l, bu_stmt_text(st, 0));
	for (i = 0; !rc && i < l->n_risk && (i || !l->s->n_risks); i++)
		rc = add_risk(l, &(struct bu_text_risk){ .function = l->risk[i], .phase = "apply_returns" });
	l->s->risks = keep(l, l->risks, l->s->n_risks, sizeof(*l->risks));
	return rc || l->s->risks ? rc : oom(l);
}

static int settle(struct loader *l)
{
	struct bu_text_schedule *s = l->s;
	int64_t lpj = 0;
	int rc, i;

	if (!s->n_batches)
		return bu_fail(l->err, -ENODATA, "%s has no text patching in it. Trace the boot with ftrace_filter=alternative_instructions,"
			       "restart_nmi,text_poke_early,text_poke_bp_batch,__text_poke,do_sync_core,timer_interrupt and more "
			       "(datasets/lab/functions-text.txt)", bu_db_path(l->db));
	if (l->batch_cpu >= 0)	/* the trace ends inside it */
		s->n_batches--;
	rc = settle_costs(l);
	s->lead_in_ns = l->calibrate_ns == BU_NS_UNKNOWN || l->window_ns == BU_NS_UNKNOWN || l->calibrate_ns > l->window_ns ? 0 :
			span(l->window_ns, l->calibrate_ns);
	for (i = s->n_batches; i-- > 0;)
		l->batches[i].start_ns = span(l->batches[i].start_ns, l->batches[0].start_ns);
	s->tick_name = l->tick_name;
	s->tick_period_ns = tick_period(&l->tick_gap);
	s->tick_work_ns = median(l->irq_time.ns, l->irq_time.n);
	s->ipi_ns = median(l->ipi.ns, l->ipi.n);
	s->ahead_ns = BU_TEXT_AHEAD_NS;
	if (rc >= 0)
		rc = bu_db_i64(l->db, "SELECT count(*) FROM machine_file WHERE name = 'dmesg' AND"
			       " content LIKE '%Calibrating delay loop (skipped)%'", &lpj, l->err);
	s->lpj_known = lpj > 0;
	s->sites = keep(l, l->sites, s->n_sites, sizeof(*l->sites));
	s->cost_ns = keep(l, l->costs, s->n_sites, sizeof(*l->costs));
	s->phase = keep(l, l->phase, s->n_sites, sizeof(*l->phase));
	s->phases = keep(l, l->phases, s->n_phases, sizeof(*l->phases));
	s->batches = keep(l, l->batches, s->n_batches, sizeof(*l->batches));
	if (rc >= 0 && (!s->sites || !s->cost_ns || !s->phase || !s->phases || !s->batches))
		rc = oom(l);
	return rc < 0 ? rc : load_risks(l);
}

int bu_text_schedule_load(struct bu_db *db, struct bu_text_schedule *ret, struct bu_err *err)
{
	struct bu_text_schedule s = { .tick_first_ns = BU_NS_UNKNOWN };
	struct loader l = { .db = db, .s = &s, .err = err, .window_ns = BU_NS_UNKNOWN, .window_end_ns = BU_NS_UNKNOWN,
			    .calibrate_ns = BU_NS_UNKNOWN, .smp_init_ns = BU_NS_UNKNOWN, .site_ns = BU_NS_UNKNOWN, .batch_cpu = -1,
			    .irq_ns = BU_NS_UNKNOWN, .tick_last_ns = BU_NS_UNKNOWN, .tick_name = "timer_interrupt" };
	int rc;

	rc = load_head(&l);
	if (!rc)
		rc = load_events(&l);
	if (!rc)
		rc = settle(&l);
	free(l.batches);
	free(l.phases);
	free(l.sites);
	free(l.costs);
	free(l.phase);
	free(l.risks);
	free(l.tick_gap.ns);
	free(l.irq_time.ns);
	free(l.ipi.ns);
	if (rc)
		bu_text_schedule_fini(&s);
	else
		*ret = s;
	return rc;
}
