// SPDX-License-Identifier: GPL-2.0-only
/*
 * family_text.c - what text cores are given (replay/core_text.h): batches of sites in the time of the recorded boot, and
 * interrupts that execute sites meanwhile.
 *
 * Flow: schedule -> [family_text: the core's operations on the machine, timer interrupts and NMIs] -> struct bu_run.
 *
 * The timer interrupt of a CPU comes every period from a phase on that is drawn for each run (that of the first CPU is as
 * recorded where the run is no sample). Between batches only the phase counts: whole periods but one are
 * left out. A handler executes
 * the sites that the schedule says are at risk, in the order of their numbers; after boot all sites of the batches so far: which
 * functions they are in the trace does not show, so every one is taken to be on the way of the tick.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/family_text.h"
#include "replay/host_int.h"
#include "replay/machine/atomic.h"
#include "replay/machine/kthread.h"
#include "replay/machine/stop.h"
#include "replay/machine/text.h"
#include "replay/machine/timer.h"
#include "replay/registry.h"
#include "replay/schedule/text.h"
#include "schemas/base/ns.h"

enum { RANDOM_PHASE = 1 << 17, RANDOM_PLACE, RANDOM_FETCH };	/* streams, beside those of cores and the machine */

struct ticker {
	struct bu_machine *m;
	int cpu;
	bu_obj timer;
	int64_t due_ns;
};

struct text_run {
	const struct bu_text_schedule *schedule;
	struct bu_text_site *sites;
	int *path;		/* sites of the first batch that a timer interrupt executes, in order */
	int n_path;
	struct ticker *tickers;	/* by CPU */
	bu_word_id jiffies;
	int batch;		/* that is being patched; -1: none */
	int reached;		/* the last that was begun; -1: none */
	int64_t begun_ns;
	struct bu_text_outcome out;
	bool others_run;
};

static struct text_run *run_of(struct bu_machine *m)
{
	return host_of(m)->run_of_family;
}

static const struct bu_text_patch *batch_of(struct bu_machine *m, int batch)
{
	const struct bu_text_schedule *s = run_of(m)->schedule;

	if (batch < 0 || batch >= s->n_batches)
		host_core_error(host_of(m), "there is no batch number %d", batch);
	return &s->batches[batch];
}

/* ---------------------------------------------------------------------------------------------------- executing */

/* The front end may have either part of a site first. */
static void execute(struct bu_machine *m, int site)
{
	const int len = run_of(m)->sites[site].len;
	const bool rest_first = bu_rng_u64(bu_engine_random(bu_machine_engine(m), RANDOM_FETCH)) & 1;

	if (len > 1)
		bu_text_fetch(m, site, rest_first ? 1 : 0, rest_first ? len - 1 : 1);
	bu_work(m, run_of(m)->schedule->ahead_ns);
	bu_text_execute(m, site);
}

/* Sites 2 * i and 2 * i + 1 do one thing together; half of it the old way and half the new is neither. */
static void execute_pair(struct bu_machine *m, int i)
{
	const struct bu_text_site *s = &run_of(m)->sites[2 * i];
	bool done;

	execute(m, 2 * i);
	done = bu_text_peek(m, 2 * i) == s[0].after;
	execute(m, 2 * i + 1);
	if (done != (bu_text_peek(m, 2 * i + 1) == s[1].after))
		bu_crash(m, "two sites that belong together, one patched and one not", s[0].name);
}

static void execute_path(struct bu_machine *m)
{
	const struct text_run *r = run_of(m);
	const struct bu_text_schedule *s = r->schedule;
	const struct bu_text_batch *b = r->reached < 0 ? NULL : &s->batches[r->reached].at;
	int i, first;

	if (!b)
		return;
	for (i = 0; b->boot && i < r->n_path; i++)
		execute(m, r->path[i]);
	for (i = 0; b->boot && i < s->n_pairs; i++)
		execute_pair(m, i);
	if (b->boot)
		return;
	first = s->batches[0].at.boot ? s->batches[0].at.n : 0;
	for (i = first; i < b->first + b->n; i++)
		execute(m, i);
}

/* The timer interrupt: counts what it is late, executes what lies on its way. */
static int64_t tick(struct bu_machine *m, void *arg)
{
	struct ticker *t = arg;
	struct text_run *r = run_of(m);
	const int64_t period = r->schedule->tick_period_ns, missed = (bu_now(m) - t->due_ns) / period;

	if (r->batch >= 0) {
		r->out.ticks++;
		r->out.missed += missed;
	}
	t->due_ns += (missed + 1) * period;
	if (!t->cpu)
		bu_atomic_add_return(m, r->jiffies, missed + 1);
	if (r->schedule->tick_work_ns)
		bu_work(m, r->schedule->tick_work_ns);
	execute_path(m);
	return period;
}

static void nmi(struct bu_machine *m, void *arg)
{
	struct text_run *r = run_of(m);

	if (r->batch < 0)
		return;
	r->out.nmis++;
	execute_path(m);
	bu_nmi_send(m, bu_this_cpu(m), "nmi_handler", r->schedule->nmi_period_ns, nmi, arg);
}

static void start_ticking(struct bu_machine *m, int cpu, int64_t first_ns)
{
	struct text_run *r = run_of(m);
	struct ticker *t = &r->tickers[cpu];

	if (!r->schedule->tick_period_ns)
		return;
	*t = (struct ticker){ m, cpu, bu_hrtimer(m, r->schedule->tick_name, tick, t), bu_now(m) + first_ns };
	bu_hrtimer_start_on(m, t->timer, cpu, first_ns);
}

static int64_t drawn_phase(struct bu_machine *m)
{
	const int64_t period = run_of(m)->schedule->tick_period_ns;

	return period ? (int64_t)bu_rng_below(bu_engine_random(bu_machine_engine(m), RANDOM_PHASE), (uint64_t)period) : 0;
}

/* ------------------------------------------------------------------------------------------ operations of the family */

static int tx_nr_batches(struct bu_machine *m)
{
	return run_of(m)->schedule->n_batches;
}

static void start_secondary(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_set_cpu_online(m, bu_this_cpu(m), true);
	bu_stop_machine_unpark(m, bu_this_cpu(m));
	bu_cpu_startup_entry(m);
}

static void start_others(struct bu_machine *m)
{
	struct text_run *r = run_of(m);
	int cpu;

	bu_cpu_stop_init(m);	/* an early_initcall: before smp_init() */
	for (cpu = 1; cpu < r->schedule->cpus; cpu++) {
		bu_smpboot_create_threads(m, cpu);
		bu_cpu_start(m, cpu, start_secondary, NULL);
		start_ticking(m, cpu, drawn_phase(m));
	}
	r->others_run = true;
	bu_sleep_ns(m, BU_NS_PER_MS);	/* they are online, and idle */
}

static void tx_begin(struct bu_machine *m, int batch, struct bu_text_batch *ret)
{
	const struct bu_text_patch *b = batch_of(m, batch);
	struct text_run *r = run_of(m);
	const struct bu_text_schedule *s = r->schedule;
	const struct bu_text_patch *before = batch ? b - 1 : NULL;
	int64_t gap = before ? b->start_ns - before->start_ns - before->ns : s->lead_in_ns;
	int cpu;

	if (!b->at.boot && !b->alone && !r->others_run)
		start_others(m);
	if (before && s->tick_period_ns && gap > 2 * s->tick_period_ns)
		gap = s->tick_period_ns + gap % s->tick_period_ns;
	if (gap > 0)
		bu_work(m, gap);
	r->batch = r->reached = batch;
	r->begun_ns = bu_now(m);
	for (cpu = 0; s->nmi_period_ns && cpu < (b->at.boot ? 1 : s->cpus); cpu++)
		bu_nmi_send(m, cpu, "nmi_handler",
			    (int64_t)bu_rng_below(bu_engine_random(bu_machine_engine(m), RANDOM_PHASE), (uint64_t)s->nmi_period_ns),
			    nmi, NULL);
	*ret = b->at;
}

static void tx_end(struct bu_machine *m, int batch)
{
	const struct bu_text_patch *b = batch_of(m, batch);
	struct text_run *r = run_of(m);

	if (r->batch != batch)
		host_core_error(host_of(m), "ends batch %d, which has not begun", batch);
	r->batch = -1;
	r->out.patching_ns += bu_now(m) - r->begun_ns;
	if (b->at.boot)
		r->out.window_ns = bu_now(m) - r->begun_ns;
	r->out.batches++;
	r->out.sites += b->at.n;
	host_add_interval(host_of(m), &(struct bu_run_interval){
		.phase = BU_PHASE_OVERHEAD, .name = host_name(host_of(m), b->name), .start_ns = r->begun_ns, .end_ns = bu_now(m),
		.recorded_start_ns = BU_NS_UNKNOWN, .recorded_end_ns = BU_NS_UNKNOWN });
}

static const struct bu_text_site *tx_site(struct bu_machine *m, int site)
{
	if (site < 0 || site >= run_of(m)->schedule->n_sites)
		host_core_error(host_of(m), "there is no site number %d", site);
	return &run_of(m)->sites[site];
}

static int64_t tx_cost(struct bu_machine *m, int site)
{
	tx_site(m, site);
	return run_of(m)->schedule->cost_ns[site];
}

static bool tx_lpj_known(struct bu_machine *m)
{
	return run_of(m)->schedule->lpj_known;
}

static bu_word_id tx_jiffies(struct bu_machine *m)
{
	return run_of(m)->jiffies;
}

static const struct bu_text_ops ops = {
	.size = sizeof(ops), .abi = BU_CORE_ABI, .nr_batches = tx_nr_batches, .begin = tx_begin, .end = tx_end, .site = tx_site,
	.cost = tx_cost, .lpj_known = tx_lpj_known, .jiffies = tx_jiffies,
};

static void start(struct bu_host *h)
{
	struct text_run *r = h->run_of_family;

	bu_text_init(h->machine, r->sites, (uint32_t)r->schedule->n_sites);
	r->jiffies = bu_atomic(h->machine, "jiffies", 0);
	start_ticking(h->machine, 0, r->out.phase_ns);
}

static void waited(struct bu_host *h, const struct bu_waited *w)
{
	if (w->point || *w->name)	/* else a thread without work */
		host_add_wait(h, w, w->cpu, w->for_cpu);
}

static const struct bu_family text = { .name = "text", .ops = &ops, .start = start, .waited = waited };

/* ------------------------------------------------------------------------------------------------ one replay */

/* Number of the phase of the first batch called @name, NULL: any; -1: none. */
static int phase_named(const struct bu_text_schedule *s, const char *name)
{
	const struct bu_text_patch *boot = &s->batches[0];
	int i;

	for (i = boot->first_phase; name && i < boot->first_phase + boot->n_phases; i++)
		if (!strcmp(s->phases[i].name, name))
			return i;
	return name ? -1 : boot->first_phase;
}

/* The sites of the first batch by phase: those of phase p are [first[p], first[p + 1]) of the array returned. NULL: no memory. */
static int *sites_by_phase(const struct bu_text_schedule *s, int *first)
{
	const int n = s->batches[0].at.n, phases = s->batches[0].n_phases;
	int *sites = calloc((size_t)n + 1, sizeof(*sites));
	int i;

	for (i = 0; i < n; i++)
		first[s->phase[i] + 1]++;
	for (i = 0; i < phases; i++)
		first[i + 1] += first[i];
	for (i = n; sites && i-- > 0;)
		sites[--first[s->phase[i] + 1]] = i;
	/* Now first[p + 1] is where phase p begins. */
	for (i = 0; i < phases; i++)
		first[i] = first[i + 1];
	first[phases] = n;
	return sites;
}

static int int_compare(const void *a, const void *b)
{
	const int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Where the sites at risk stand among those of the first batch: as known, or drawn. Each gets its name. */
static int place_risks(struct text_run *r, struct bu_replay_result *out, uint64_t seed)
{
	const struct bu_text_schedule *s = r->schedule;
	_cleanup_free_ int *sites = NULL, *first = NULL;
	_cleanup_free_ char *taken = calloc((size_t)s->n_sites + 1, 1);
	struct bu_rng rng;
	char name[160];
	int i, rank;

	if (!s->n_batches || !s->batches[0].at.boot)
		return 0;
	r->path = bu_arena_alloc(&out->arena, ((size_t)s->n_risks + 1) * sizeof(*r->path));
	first = calloc((size_t)s->batches[0].n_phases + 2, sizeof(*first));
	sites = first ? sites_by_phase(s, first) : NULL;
	if (!taken || !r->path || !sites)
		return -ENOMEM;
	memset(taken, 1, 2 * (size_t)s->n_pairs);
	bu_rng_init(&rng, seed, RANDOM_PLACE);
	for (i = 0; i < s->n_risks; i++) {
		const struct bu_text_risk *k = &s->risks[i];
		const int phase = phase_named(s, k->phase), n = phase < 0 ? 0 : s->phases[phase].n;
		int at = -1, tries = 0;

		if (!n)
			continue;	/* the recorded boot patched none of these */
		rank = (int)(k->of ? (__int128)k->rank * n / k->of : (int64_t)bu_rng_below(&rng, (uint64_t)n));
		for (; tries < n && taken[at = sites[first[phase] + (rank + tries) % n]]; tries++)
			;
		if (tries == n)
			continue;	/* all of them are at risk already */
		taken[at] = 1;
		r->path[r->n_path++] = at;
		snprintf(name, sizeof(name), "%.100s (%.40s)", k->function, s->phases[phase].name);
		r->sites[at] = bu_text_kind(s->phases[phase].name, k->len ? k->len : s->sites[at].len);
		r->sites[at].name = bu_arena_strdup(&out->arena, name);
		if (!r->sites[at].name)
			return -ENOMEM;
	}
	if (r->n_path)
		qsort(r->path, (size_t)r->n_path, sizeof(*r->path), int_compare);
	return 0;
}

static int set_up(struct bu_host *h, struct text_run *r)
{
	const struct bu_text_schedule *s = r->schedule;
	struct bu_run *run = &h->out->run;
	struct bu_rng rng;

	run->capture_name = s->capture_name;
	run->capture_sha256 = s->capture_sha256;
	run->kernel_release = s->kernel_release;
	run->recorded_algorithm = "int3";
	run->machine = s->figures ? bu_arena_strdup(&h->out->arena, s->figures) : "{}";
	run->recorded_machine = "{}";
	run->recorded_cpus = run->cpus = s->cpus;
	run->sampled = h->options->sampled;
	run->recorded_bringup_ns = BU_NS_UNKNOWN;
	run->ap_latency_p50_ns = run->ap_latency_p99_ns = run->ap_latency_max_ns = BU_NS_UNKNOWN;
	r->sites = bu_arena_alloc(&h->out->arena, ((size_t)s->n_sites + 1) * sizeof(*r->sites));
	r->tickers = bu_arena_alloc(&h->out->arena, (size_t)s->cpus * sizeof(*r->tickers));
	if (!r->sites || !r->tickers || !run->machine)
		return -ENOMEM;
	if (s->n_sites)
		memcpy(r->sites, s->sites, (size_t)s->n_sites * sizeof(*r->sites));
	bu_rng_init(&rng, h->options->seed, RANDOM_PHASE);
	if (s->tick_period_ns) {
		r->out.phase_ns = (int64_t)bu_rng_below(&rng, (uint64_t)s->tick_period_ns);
		if (!h->options->sampled && s->tick_first_ns != BU_NS_UNKNOWN)
			r->out.phase_ns = (s->lead_in_ns + s->tick_first_ns) % s->tick_period_ns;
	}
	return place_risks(r, h->out, h->options->seed);
}

static void add_metrics(struct bu_host *h, const struct text_run *r)
{
	const struct bu_text_outcome *o = &r->out;
	char name[192];
	int i;

	host_add_metric(h, "window", "ns", -1, (double)o->window_ns);
	host_add_metric(h, "patching", "ns", -1, (double)o->patching_ns);
	host_add_metric(h, "tick_phase", "ns", -1, (double)o->phase_ns);
	host_add_metric(h, "sites", "sites", -1, o->sites);
	host_add_metric(h, "batches", "batches", -1, o->batches);
	host_add_metric(h, "ticks", "ticks", -1, (double)o->ticks);
	host_add_metric(h, "ticks_missed", "ticks", -1, (double)o->missed);
	host_add_metric(h, "nmis", "NMIs", -1, (double)o->nmis);
	host_add_metric(h, "executed", "sites", -1, (double)o->executed);
	host_add_metric(h, "emulated", "sites", -1, (double)o->emulated);
	host_add_metric(h, "unpatched", "sites", -1, o->unpatched);
	for (i = 0; i < r->n_path; i++) {
		const struct bu_text_site *site = &r->sites[r->path[i]];

		snprintf(name, sizeof(name), "at risk: %s", site->name);
		if (r->schedule->risks[0].phase && bu_text_tearable(site))
			host_add_metric(h, name, "site", -1, r->path[i]);
	}
}

int bu_replay_text(const struct bu_core_def *core, const struct bu_text_schedule *schedule,
		   const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_text_outcome *ret_outcome,
		   struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct text_run r = { .schedule = schedule, .batch = -1, .reached = -1 };
	struct bu_host h = { .family = &text, .core = core, .options = options, .out = &out, .run_of_family = &r };
	struct bu_machine_config config = { .n_cpus = (uint32_t)schedule->cpus, .n_online = 1, .seed = options->seed,
					    .ipi_ns = schedule->ipi_ns, .max_events = options->max_events,
					    .check_state = options->check };
	int rc;

	if (!config.max_events)	/* per site a handful, and per CPU and batch those of its ticks */
		config.max_events = 1000000 + 20 * (uint64_t)schedule->n_sites +
				    2000 * (uint64_t)schedule->cpus * (uint64_t)schedule->n_batches;
	h.alloc_limit = (size_t)64 << 20;
	rc = set_up(&h, &r);
	h.alloc_limit += out.arena.used;
	if (!rc)
		rc = host_run(&h, &config, err);
	if (!rc) {
		const struct bu_text_counts c = bu_text_counts(h.machine);

		r.out.executed = c.executed;
		r.out.emulated = c.emulated;
		r.out.unpatched = (int)c.unpatched;
		add_metrics(&h, &r);
		out.run.n_names = h.n_names;
		out.run.bringup_ns = strcmp(out.run.verdict, "ok") ? BU_NS_UNKNOWN : r.out.patching_ns;
		out.run.bp_busy_ns = r.out.patching_ns;
	}
	out.run.names = h.names;	/* the result owns them, also after a failure */
	host_fini(&h);
	if (rc) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc, "replay with core %s", core->name);
	}
	*ret = out;
	*ret_outcome = r.out;
	return 0;
}
