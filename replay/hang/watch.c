// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch.c - see watch.h. A task of the engine that is no thread of the machine: it costs no CPU time there.
 *
 * Per CPU, thread and grace period it is kept since when the condition has lasted that was reported last, so that each
 * is said once. CPUs that cross the same threshold within one sample are one report. A sample passes over CPUs or threads
 * while none of them can be over its threshold: what lasts is known from the last look, what begins later lasts less long.
 */
#include "replay/hang/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/hang/hang_int.h"
#include "replay/machine/rcu.h"
#include "replay/machine/waits.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define NEVER_SAID INT64_MIN

struct said {
	int64_t since_ns[BU_WATCHDOG_NR];
};

struct bu_watch {
	struct bu_machine *m;
	struct said *cpu;	/* per CPU */
	struct said *thread;	/* per thread id */
	size_t cap_threads;
	int64_t cpus_due_ns, threads_due_ns;	/* before this instant nothing can be over its threshold */
	int64_t gp_said_ns;
	struct bu_watch_report *report;
	size_t n_reports, cap_reports;
	size_t open[BU_WATCHDOG_NR];	/* report of this sample + 1; 0: none yet */
	struct cpu_text cpus[BU_WATCHDOG_NR];	/* in it */
	int rc;			/* -ENOMEM: reports were lost */
};

static void report(struct bu_watch *w, enum bu_watchdog dog, int64_t since_ns, int cpu, bu_thread t)
{
	struct bu_watch_report *r;
	const char *const *path;
	uint32_t len;

	if (!w->open[dog]) {
		if (bu_grow(&w->report, w->n_reports, &w->cap_reports, sizeof(*w->report))) {
			w->rc = -ENOMEM;
			return;
		}
		w->open[dog] = ++w->n_reports;
		w->cpus[dog] = (struct cpu_text){ .text = "" };
		len = t ? bu_call_path(w->m, t, &path) : 0;
		w->report[w->n_reports - 1] = (struct bu_watch_report){
			.dog = dog, .since_ns = since_ns, .at_ns = since_ns + bu_watchdogs[dog].threshold_ns,
			.thread = t, .where = len ? path[len - 1] : "",
		};
	}
	r = &w->report[w->open[dog] - 1];
	if (since_ns < r->since_ns) {
		r->since_ns = since_ns;
		r->at_ns = since_ns + bu_watchdogs[dog].threshold_ns;
	}
	r->n++;
	cpu_text_add(&w->cpus[dog], cpu);
	memcpy(r->cpus, w->cpus[dog].text, sizeof(r->cpus));
}

/*
 * Whether a condition is to be reported now. One that is not over its threshold yet, or is and for now is not to be seen
 * (@holds), makes @due the instant when it will be.
 */
static bool is_news(const struct bu_watch *w, struct said *s, enum bu_watchdog dog, bool holds, int64_t since_ns, int64_t *due)
{
	const int64_t at = since_ns + bu_watchdogs[dog].threshold_ns;

	if (s->since_ns[dog] == since_ns)
		return false;
	*due = at < *due ? at : *due;
	if (!holds || bu_now(w->m) < at)
		return false;
	s->since_ns[dog] = since_ns;
	return true;
}

static void look_at_cpus(struct bu_watch *w)
{
	int64_t gp = bu_rcu_gp_start(w->m);
	bool stall = gp != BU_NS_UNKNOWN && gp != w->gp_said_ns &&
		     bu_now(w->m) - gp >= bu_watchdogs[BU_WATCHDOG_RCU_STALL].threshold_ns;
	int64_t *due = &w->cpus_due_ns;
	struct bu_cpu_state c;
	bu_thread t;
	uint32_t i;

	if (!stall && bu_now(w->m) < *due)
		return;
	*due = bu_now(w->m) + bu_watchdogs[BU_WATCHDOG_HARD_LOCKUP].threshold_ns;	/* the shortest of CPUs */
	for (i = 0; i < bu_nr_cpus(w->m); i++) {
		struct said *s = &w->cpu[i];

		if (!bu_cpu_state(w->m, (int)i, &c))
			continue;
		if (stall && bu_rcu_cpu_owes(w->m, (int)i))
			report(w, BU_WATCHDOG_RCU_STALL, gp, (int)i, c.curr);
		if (!c.online) {
			if (!c.alive && is_news(w, s, BU_WATCHDOG_AP_TIMEOUT, true, c.started_ns, due))
				report(w, BU_WATCHDOG_AP_TIMEOUT, c.started_ns, (int)i, c.curr);
			continue;
		}
		if (c.irqs_off && is_news(w, s, BU_WATCHDOG_HARD_LOCKUP, true, c.irqs_off_since_ns, due))
			report(w, BU_WATCHDOG_HARD_LOCKUP, c.irqs_off_since_ns, (int)i, c.curr);
		if (is_news(w, s, BU_WATCHDOG_SOFT_LOCKUP, !c.irqs_off, c.no_stopper_since_ns, due))
			report(w, BU_WATCHDOG_SOFT_LOCKUP, c.no_stopper_since_ns, (int)i, c.curr);
	}
	for (t = 1; stall && t <= bu_nr_threads(w->m); t++)
		if (bu_rcu_thread_blocks(w->m, t))
			report(w, BU_WATCHDOG_RCU_STALL, gp, bu_thread_cpu(w->m, t), t);
	if (stall)
		w->gp_said_ns = gp;
}

/* What was said of a thread; NULL: out of memory. */
static struct said *said_of_thread(struct bu_watch *w, bu_thread t)
{
	size_t cap = w->cap_threads, d;

	while (t >= w->cap_threads)
		if (bu_grow(&w->thread, w->cap_threads, &w->cap_threads, sizeof(*w->thread)))
			return NULL;
	for (; cap < w->cap_threads; cap++)
		for (d = 0; d < BU_WATCHDOG_NR; d++)
			w->thread[cap].since_ns[d] = NEVER_SAID;
	return &w->thread[t];
}

static void look_at_threads(struct bu_watch *w)
{
	int64_t *due = &w->threads_due_ns;
	struct bu_wait_info i;
	struct said *s;
	bu_thread t;

	if (bu_now(w->m) < *due)
		return;
	*due = bu_now(w->m) + bu_watchdogs[BU_WATCHDOG_CSD_LOCK].threshold_ns;	/* the shortest of threads */
	for (t = 1; t <= bu_nr_threads(w->m); t++) {
		if (!bu_wait_brief(w->m, t, &i))
			continue;
		s = said_of_thread(w, t);
		if (!s) {
			w->rc = -ENOMEM;
			return;
		}
		if (i.kind == BU_WAITS_IPI && is_news(w, s, BU_WATCHDOG_CSD_LOCK, i.on_cpu, i.since_ns, due) &&
		    bu_wait_of(w->m, t, &i))
			report(w, BU_WATCHDOG_CSD_LOCK, i.since_ns, i.n_by_cpus ? i.by_cpu[0] : -1, t);
		if (i.kind != BU_WAITS_CPU && i.kind != BU_WAITS_BANDWIDTH && i.kind != BU_WAITS_SLEEP &&
		    bu_thread_state(w->m, t) == BU_TASK_UNINTERRUPTIBLE &&
		    is_news(w, s, BU_WATCHDOG_HUNG_TASK, !i.on_cpu, i.since_ns, due))
			report(w, BU_WATCHDOG_HUNG_TASK, i.since_ns, i.cpu, t);
	}
}

static void watch_main(struct bu_engine *e, void *arg)
{
	struct bu_watch *w = arg;

	while (bu_engine_pending(e)) {
		bu_engine_delay(e, BU_WATCH_SAMPLE_NS);
		memset(w->open, 0, sizeof(w->open));
		look_at_cpus(w);
		look_at_threads(w);
	}
}

int bu_watch_start(struct bu_machine *m, struct bu_watch **ret, struct bu_err *err)
{
	struct bu_watch *w = calloc(1, sizeof(*w));
	uint32_t i, d;

	if (w)
		w->cpu = calloc(bu_nr_cpus(m), sizeof(*w->cpu));
	if (!w || !w->cpu || !bu_task_spawn(bu_machine_engine(m), "watchdogs", -1, watch_main, w)) {
		bu_watch_destroy(w);
		return bu_fail_errno(err, -ENOMEM, "watchdogs");
	}
	w->m = m;
	w->gp_said_ns = NEVER_SAID;
	for (i = 0; i < bu_nr_cpus(m); i++)
		for (d = 0; d < BU_WATCHDOG_NR; d++)
			w->cpu[i].since_ns[d] = NEVER_SAID;
	*ret = w;
	return 0;
}

void bu_watch_destroy(struct bu_watch *w)
{
	if (!w)
		return;
	free(w->cpu);
	free(w->thread);
	free(w->report);
	free(w);
}

static int by_time(const void *a, const void *b)
{
	const struct bu_watch_report *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns) : (int)x->dog - (int)y->dog;
}

size_t bu_watch_reports(const struct bu_watch *w, const struct bu_watch_report **ret)
{
	if (w->n_reports)
		qsort(w->report, w->n_reports, sizeof(*w->report), by_time);
	*ret = w->report;
	return w->n_reports;
}

static void say(const struct bu_watch *w, const struct bu_watch_report *r, char *buf, size_t size)
{
	char at[BU_NS_STRLEN], since[BU_NS_STRLEN];

	snprintf(buf, size, "%s at %s%s%s, since %s%s%s%s%s", bu_watchdogs[r->dog].name, bu_ns_str(r->at_ns, at),
		 *r->cpus ? " on CPU " : "", r->cpus, bu_ns_str(r->since_ns, since), r->thread ? ": " : "", r->thread ? bu_thread_name(w->m, r->thread) : "",
		 *r->where ? " in " : "", r->where);
}

void bu_watch_judge(const struct bu_watch *w, struct bu_hang_verdict *v)
{
	const struct bu_watch_report *r;
	size_t i = 0, n = bu_watch_reports(w, &r);

	while (i < n && r[i].dog == BU_WATCHDOG_AP_TIMEOUT)	/* the kernel gives that CPU up and goes on */
		i++;
	if ((v->class != BU_HANG_NONE && v->class != BU_HANG_LIMIT) || i == n)
		return;
	r += i;
	v->class = BU_HANG_LOCKUP;
	v->watchdog = r->dog;
	v->watchdog_at_ns = r->at_ns;
	say(w, r, v->summary, sizeof(v->summary));
}

void bu_watch_print(const struct bu_watch *w, FILE *to)
{
	const struct bu_watch_report *r;
	size_t i, n = bu_watch_reports(w, &r);
	char line[512];

	for (i = 0; i < n; i++) {
		say(w, &r[i], line, sizeof(line));
		fprintf(to, "%s\n", line);
	}
	if (w->rc)
		fputs("some reports of watchdogs are lost: out of memory\n", to);
}
