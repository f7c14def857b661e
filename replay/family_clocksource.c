// SPDX-License-Identifier: GPL-2.0-only
/*
 * family_clocksource.c - what clocksource cores are given (replay/core_clocksource.h), and what their runs come to.
 *
 * Flow: schedule -> [family_clocksource: the core's operations on the machine] -> struct bu_run, its figures in metrics.
 *
 * A run ends at the schedule's end_ns whatever hangs: what hung is read off the accounts. Verdicts, the first that applies:
 *   lockup       watchdog_timer_fn() of a CPU spoke
 *   livelock     a CPU has been in one read for a second and more: its retries do not end
 *   failed       the control thread never got on: stop_machine waits, or its CPU does nothing but ticks
 *   saturation   ticks were left out because the clock could not answer in time
 * A run of which none holds is ok; ticks that were held off for more than a tick are told of it all the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/clock_model.h"
#include "replay/core_clocksource.h"
#include "replay/host_int.h"
#include "replay/schedule/clocksource.h"
#include "schemas/base/ns.h"

#define ENDLESS_NS BU_NS_PER_S
#define SATURATED_SHARE 0.95	/* of the ticks that are due: when fewer come, and the clock is asked more than it can answer */
#define SATURATED_BUSY 0.9	/* or serves so much of the time, it cannot keep up; those that hang_detected puts off ask nothing */

#define SWITCH_TO_NOTIFY "switch_to_notify"

struct clocksource_run {
	const struct bu_cs_schedule *schedule;
	struct bu_cs_account *accounts;
	int64_t mark_ns[BU_CS_NR_MARKS];
	int64_t *arrived_ns, *left_ns;	/* by CPU: in multi_cpu_stop(), out of it */
	int64_t jiffies_late_ns;
	uint64_t ticks_before;		/* the switch */
	uint64_t jiffies_updates;	/* since the switch */
	int64_t unstable_ns, unstable_delay_ns;	/* the clocksource watchdog gave the clock up: when, for which delay */
};

static struct clocksource_run *run_of(struct bu_machine *m)
{
	return host_of(m)->run_of_family;
}

/* ------------------------------------------------------------------------------------------------ the operations */

static const struct bu_cs_config *cs_config(struct bu_machine *m)
{
	return &run_of(m)->schedule->config;
}

static struct bu_cs_account *cs_accounts(struct bu_machine *m)
{
	return run_of(m)->accounts;
}

static void cs_mark(struct bu_machine *m, int cpu, enum bu_cs_mark mark)
{
	struct clocksource_run *r = run_of(m);
	int32_t i;

	(void)cpu;
	if (r->mark_ns[mark] != BU_NS_UNKNOWN)
		return;		/* a second switch, away from an unstable clock */
	r->mark_ns[mark] = bu_now(m);
	if (mark == BU_CS_AT_RAN)
		for (i = 0; i < r->schedule->cpus; i++)
			r->ticks_before += r->accounts[i].ticks;
}

static void cs_recorded_ticks(struct bu_machine *m, bu_thread_fn handler)
{
	const struct bu_cs_schedule *s = run_of(m)->schedule;
	size_t i;

	for (i = 0; i < s->n_ticks; i++)
		bu_irq_send(m, s->ticks[i].cpu, "apic_timer_interrupt", s->ticks[i].at_ns - bu_now(m), handler, &s->ticks[i]);
}

static int64_t cs_read_ns(struct bu_machine *m, const struct bu_cs_tick *call, int i)
{
	return run_of(m)->schedule->read_ns[call->first_read + (uint32_t)(i < call->reads ? i : call->reads - 1)];
}

static void cs_jiffies(struct bu_machine *m, int64_t late_ns)
{
	struct clocksource_run *r = run_of(m);

	if (r->mark_ns[BU_CS_AT_RAN] == BU_NS_UNKNOWN)
		return;
	r->jiffies_updates++;
	if (late_ns > r->jiffies_late_ns)
		r->jiffies_late_ns = late_ns;
}

static void cs_unstable(struct bu_machine *m, int64_t delay_ns)
{
	struct clocksource_run *r = run_of(m);

	r->unstable_ns = bu_now(m);
	r->unstable_delay_ns = delay_ns;
}

static const struct bu_clocksource_ops ops = {
	.size = sizeof(ops), .abi = BU_CORE_ABI, .config = cs_config, .accounts = cs_accounts, .mark = cs_mark,
	.recorded_ticks = cs_recorded_ticks, .read_ns = cs_read_ns, .jiffies = cs_jiffies, .unstable = cs_unstable,
};

static const struct bu_family clocksource = { .name = "clocksource", .ops = &ops };

enum { PREPARE = 1, EXIT = 4 };	/* enum multi_stop_state, kernel/stop_machine.c v6.12 */

/* Made up: all CPUs contend for the cache line of thread_ack, and the last is served last. */
static int64_t stop_lag(void *host, int cpu, int state)
{
	struct bu_host *h = host;
	struct clocksource_run *r = h->run_of_family;
	const struct bu_cs_schedule *s = r->schedule;
	const int64_t lag = s->lag_ns[state] ? s->lag_ns[state][cpu] : s->line_ns * (cpu + 1);

	if (r->mark_ns[BU_CS_AT_NOTIFIED] != BU_NS_UNKNOWN)
		return lag;	/* a second switch */
	if (state == PREPARE)
		r->arrived_ns[cpu] = bu_now(h->machine) + lag;
	else if (state == EXIT)
		r->left_ns[cpu] = bu_now(h->machine) + lag;
	return lag;
}

/* ------------------------------------------------------------------------------------------- what it comes to */

/* "3-17,19 and 4 more" of the CPUs for which @is holds. Return: how many. */
static int32_t list_cpus(const struct clocksource_run *r, bool (*is)(const struct clocksource_run *, int32_t cpu, int64_t now_ns),
			 int64_t now_ns, char *buf, size_t len)
{
	enum { RANGES = 8 };
	const int32_t cpus = r->schedule->cpus;
	int32_t i, first, n = 0, listed = 0;
	int ranges = 0;

	buf[0] = '\0';
	for (i = 0; i < cpus; i++) {
		if (!is(r, i, now_ns))
			continue;
		for (first = i; i + 1 < cpus && is(r, i + 1, now_ns); i++)
			;
		n += i - first + 1;
		if (ranges++ >= RANGES)
			continue;
		listed = n;
		snprintf(buf + strlen(buf), len - strlen(buf), first == i ? "%s%d" : "%s%d-%d", buf[0] ? "," : "", first, i);
	}
	if (listed < n)
		snprintf(buf + strlen(buf), len - strlen(buf), " and %d more", n - listed);
	return n;
}

static bool soft_locked_up(const struct clocksource_run *r, int32_t cpu, int64_t now_ns)
{
	(void)now_ns;
	return r->accounts[cpu].soft_lockup_ns >= 0;
}

static bool reads_for_ever(const struct clocksource_run *r, int32_t cpu, int64_t now_ns)
{
	const struct bu_cs_account *a = &r->accounts[cpu];

	return a->reading_since_ns >= 0 && now_ns - a->reading_since_ns >= ENDLESS_NS;
}

/* Of these: the device answers, too late, again and again. The others it never answers. */
static bool retries_for_ever(const struct clocksource_run *r, int32_t cpu, int64_t now_ns)
{
	return reads_for_ever(r, cpu, now_ns) && r->accounts[cpu].attempts_now > 0;
}

/* Longest that a tick of this CPU was held off; one that waits in a read which does not end is held off still. */
static int64_t late_ns(const struct bu_cs_account *a, int64_t now_ns)
{
	const int64_t since_ns = a->reading_since_ns >= 0 ? now_ns - a->reading_since_ns : 0;

	return a->late_max_ns > since_ns ? a->late_max_ns : since_ns;
}

static bool held_off(const struct clocksource_run *r, int32_t cpu, int64_t now_ns)
{
	return late_ns(&r->accounts[cpu], now_ns) > r->schedule->config.tick_ns;
}

/* stop_machine() has queued its work, and this CPU's stopper has not begun with it. */
static bool not_in_stop(const struct clocksource_run *r, int32_t cpu, int64_t now_ns)
{
	(void)now_ns;
	return r->arrived_ns[cpu] == BU_NS_UNKNOWN;
}

struct totals {
	uint64_t ticks, reads, attempts, hangs, device_reads, backwards, retries[4];
	int32_t in_stopper, idle, had_duty;	/* CPUs: what runs there, below interrupts; that kept jiffies */
	int64_t stopped_ns, read_ns, read_max_ns, late_max_ns, irq_ns, lockup_ns, lockup_stuck_s;
	double due;		/* ticks after the switch */
	double ticking;		/* share of the CPUs' time since then with a tick */
	double busy;		/* share of the time since then that the device served */
};

static struct totals sum_up(struct bu_host *h, int64_t now_ns)
{
	const struct clocksource_run *r = h->run_of_family;
	const struct bu_cs_config *c = &r->schedule->config;
	struct totals t = { .lockup_ns = BU_NS_UNKNOWN };
	int32_t i;
	int k;

	for (i = 0; i < r->schedule->cpus; i++) {
		const struct bu_cs_account *a = &r->accounts[i];
		const char *runs = bu_thread_name(h->machine, bu_cpu_curr(h->machine, i));

		t.in_stopper += !strncmp(runs, "migration/", 10);
		t.idle += !strncmp(runs, "swapper/", 8);
		t.ticks += a->ticks;
		t.reads += a->reads;
		t.attempts += a->attempts;
		t.hangs += a->hangs;
		t.device_reads += a->device_reads;
		t.backwards += a->backwards;
		t.had_duty += a->had_duty;
		t.stopped_ns += a->stopped_ns + (a->stopped_since_ns ? now_ns - a->stopped_since_ns : 0);
		for (k = 0; k < 4; k++)
			t.retries[k] += a->retries[k];
		t.read_ns += a->read_ns;
		t.irq_ns += a->irq_ns;
		if (a->read_max_ns > t.read_max_ns)
			t.read_max_ns = a->read_max_ns;
		if (late_ns(a, now_ns) > t.late_max_ns)
			t.late_max_ns = late_ns(a, now_ns);
		if (a->soft_lockup_ns >= 0 && (t.lockup_ns == BU_NS_UNKNOWN || a->soft_lockup_ns < t.lockup_ns)) {
			t.lockup_ns = a->soft_lockup_ns;
			t.lockup_stuck_s = a->soft_lockup_stuck_s;
		}
	}
	if (r->mark_ns[BU_CS_AT_RAN] != BU_NS_UNKNOWN) {
		const double since_ns = (double)(now_ns - r->mark_ns[BU_CS_AT_RAN]);

		t.ticking = 1 - (double)t.stopped_ns / (since_ns * r->schedule->cpus);
		t.due = t.ticking * since_ns / (double)c->tick_ns * r->schedule->cpus;
		if (t.due > 0)
			t.busy = (double)t.device_reads * (double)c->read_ns / since_ns / bu_cs_devices(r->schedule);
	}
	return t;
}

static void metrics(struct bu_host *h, const struct totals *t, int64_t now_ns, double tick_share)
{
	const struct clocksource_run *r = h->run_of_family;
	const int64_t ran_ns = r->mark_ns[BU_CS_AT_RAN], queued_ns = r->mark_ns[BU_CS_AT_QUEUED];
	static const char *const by_retries[] = { "reads_retries_0", "reads_retries_1", "reads_retries_2", "reads_retries_3_or_more" };
	int32_t i;
	int k;

	if (!r->schedule->config.recorded) {
		host_add_metric(h, "model_reads_per_tick", "reads", -1, (double)r->schedule->config.reads_permille / 1000);
		host_add_metric(h, "model_tick", "ns", -1, (double)r->schedule->config.tick_ns);
		host_add_metric(h, "model_read", "ns", -1, (double)r->schedule->config.read_ns);
	}
	host_add_metric(h, "utilisation_offered", "share", -1, bu_cs_offered(r->schedule));
	host_add_metric(h, "saturation_cpus", "CPUs", -1, bu_cs_saturation_cpus(r->schedule, 0));
	host_add_metric(h, "saturation_cpus_with_retry", "CPUs", -1, bu_cs_saturation_cpus(r->schedule, 1000));
	host_add_metric(h, "utilisation", "share", -1, t->busy);
	host_add_metric(h, "answers_per_access", "reads", -1, t->device_reads ? (double)t->attempts / (double)t->device_reads : 0);
	host_add_metric(h, "cpus_in_stopper", "CPUs", -1, t->in_stopper);
	host_add_metric(h, "cpus_idle", "CPUs", -1, t->idle);
	host_add_metric(h, "tick_share", "share", -1, tick_share);
	host_add_metric(h, "tick_stopped_share", "share", -1, (double)t->stopped_ns / ((double)now_ns * r->schedule->cpus));
	host_add_metric(h, "do_timer_cpus", "CPUs", -1, t->had_duty);
	if (r->unstable_ns != BU_NS_UNKNOWN) {
		host_add_metric(h, "unstable_after_switch", "ns", -1, (double)(r->unstable_ns - ran_ns));
		host_add_metric(h, "unstable_delay", "ns", -1, (double)r->unstable_delay_ns);
	}
	host_add_metric(h, "ticks", "ticks", -1, (double)t->ticks);
	host_add_metric(h, "reads", "reads", -1, (double)t->reads);
	host_add_metric(h, "retry_share", "share", -1, t->attempts ? 1 - (double)t->reads / (double)t->attempts : 0);
	for (k = 0; k < 4; k++)
		host_add_metric(h, by_retries[k], "reads", -1, (double)t->retries[k]);
	host_add_metric(h, "reads_backwards", "reads", -1, (double)t->backwards);
	host_add_metric(h, "read_mean", "ns", -1, t->reads ? (double)t->read_ns / (double)t->reads : 0);
	host_add_metric(h, "read_max", "ns", -1, (double)t->read_max_ns);
	host_add_metric(h, "holdoff_max_all", "ns", -1, (double)t->late_max_ns);
	host_add_metric(h, "hang_detected", "times", -1, (double)t->hangs);
	host_add_metric(h, "jiffies_late_max", "ticks", -1, (double)r->jiffies_late_ns / (double)r->schedule->config.tick_ns);
	host_add_metric(h, "jiffies_updates_share", "share", -1, t->due > 0 ? (double)r->jiffies_updates * r->schedule->cpus / t->due : 0);
	host_add_metric(h, "interrupt_share", "share", -1, (double)t->irq_ns / ((double)now_ns * r->schedule->cpus));
	if (t->lockup_ns != BU_NS_UNKNOWN) {
		if (ran_ns != BU_NS_UNKNOWN)
			host_add_metric(h, "soft_lockup_after_switch", "ns", -1, (double)(t->lockup_ns - ran_ns));
		host_add_metric(h, "soft_lockup_stuck", "s", -1, (double)t->lockup_stuck_s);
	}
	if (queued_ns != BU_NS_UNKNOWN && r->mark_ns[BU_CS_AT_RUN] != BU_NS_UNKNOWN) {
		host_add_metric(h, "stop_machine", "ns", -1, (double)(r->mark_ns[BU_CS_AT_RUN] - queued_ns));
		host_add_metric(h, "stop_machine_run", "ns", -1, (double)(ran_ns - r->mark_ns[BU_CS_AT_RUN]));
	}
	if (r->mark_ns[BU_CS_AT_NOTIFIED] != BU_NS_UNKNOWN)
		host_add_metric(h, SWITCH_TO_NOTIFY, "ns", -1, (double)(r->mark_ns[BU_CS_AT_NOTIFIED] -
			(queued_ns != BU_NS_UNKNOWN ? queued_ns : r->mark_ns[BU_CS_AT_RUN])));
	for (i = 0; i < r->schedule->cpus; i++) {
		host_add_metric(h, "holdoff_max", "ns", i, (double)late_ns(&r->accounts[i], now_ns));
		if (queued_ns == BU_NS_UNKNOWN)
			continue;
		if (r->arrived_ns[i] != BU_NS_UNKNOWN)
			host_add_metric(h, "stop_arrival", "ns", i, (double)(r->arrived_ns[i] - queued_ns));
		if (r->left_ns[i] != BU_NS_UNKNOWN)
			host_add_metric(h, "stop_exit", "ns", i, (double)(r->left_ns[i] - queued_ns));
	}
}

struct text {
	char to[1400];
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	const size_t len = strlen(t->to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->to + len, sizeof(t->to) - len, fmt, ap);
	va_end(ap);
}

/* "soft lockup of ...": what watchdog_timer_fn() would print. Return: of how many CPUs. */
static int32_t say_lockup(const struct clocksource_run *r, const struct totals *t, int64_t now_ns, struct text *to)
{
	const int64_t ran_ns = r->mark_ns[BU_CS_AT_RAN];
	char cpus[256], b[BU_NS_STRLEN];
	const int32_t n = list_cpus(r, soft_locked_up, now_ns, cpus, sizeof(cpus));

	if (!n)
		return 0;
	say(to, "soft lockup of %d CPU%s (%s): the first says \"stuck for %" PRId64 "s!\" ", n, n > 1 ? "s" : "", cpus, t->lockup_stuck_s);
	if (ran_ns != BU_NS_UNKNOWN)
		say(to, "%s after the switch", bu_ns_str(t->lockup_ns - ran_ns, b));
	else
		say(to, "at %s", bu_ns_str(t->lockup_ns, b));
	return n;
}

/* Who keeps stop_machine() from its end: the CPUs whose stoppers do not run, and what does on the first. */
static void say_stuck(struct bu_host *h, int64_t now_ns, struct text *to)
{
	const struct clocksource_run *r = h->run_of_family;
	char cpus[256];
	int32_t cpu = 0;

	if (r->mark_ns[BU_CS_AT_QUEUED] == BU_NS_UNKNOWN || !list_cpus(r, not_in_stop, now_ns, cpus, sizeof(cpus))) {
		say(to, "the switch never ran");
		return;
	}
	while (!not_in_stop(r, cpu, now_ns))
		cpu++;
	say(to, "the switch never ran: stop_machine() waits for CPU %s, which does not run its stopper; on CPU %d runs %s", cpus, cpu,
	    bu_thread_name(h->machine, bu_cpu_curr(h->machine, cpu)));
}

static void say_endless(const struct clocksource_run *r, int32_t n, const char *cpus, int64_t now_ns, struct text *to)
{
	char retrying[256];
	const int32_t retry = list_cpus(r, retries_for_ever, now_ns, retrying, sizeof(retrying));

	say(to, "reads of %d CPUs (%s) do not end, interrupts off: ", n, cpus);
	if (retry)
		say(to, "%d (%s) are answered too late and retry", retry, retrying);
	if (retry && retry < n)
		say(to, ", ");
	if (retry < n)
		say(to, "%d wait for their answer", n - retry);
}

/* The first verdict that applies, with its words in @to; NULL: the run is well, and @to says what was late nevertheless. */
static const char *judge(struct bu_host *h, const struct totals *t, int64_t now_ns, double share, struct text *to)
{
	const struct clocksource_run *r = h->run_of_family;
	const struct bu_cs_schedule *s = r->schedule;
	char cpus[256], held[256], b[BU_NS_STRLEN];
	const int32_t locked = say_lockup(r, t, now_ns, to);
	const int32_t endless = list_cpus(r, reads_for_ever, now_ns, cpus, sizeof(cpus));
	const int32_t late = list_cpus(r, held_off, now_ns, held, sizeof(held));
	const bool unfinished = r->mark_ns[BU_CS_AT_NOTIFIED] == BU_NS_UNKNOWN, ran = r->mark_ns[BU_CS_AT_RAN] != BU_NS_UNKNOWN;

	host_add_metric(h, "soft_lockup_cpus", "CPUs", -1, locked);
	host_add_metric(h, "endless_read_cpus", "CPUs", -1, endless);
	host_add_metric(h, "endless_retry_cpus", "CPUs", -1, list_cpus(r, retries_for_ever, now_ns, (char[256]){ 0 }, 256));
	host_add_metric(h, "holdoff_cpus", "CPUs", -1, late);
	if (locked && !ran)
		say(to, "; ");
	if (!ran)
		say_stuck(h, now_ns, to);
	if (locked)
		return "lockup";
	if (endless) {
		say(to, ran ? "" : "; ");
		say_endless(r, endless, cpus, now_ns, to);
		return "livelock";
	}
	if (unfinished) {
		if (ran)
			say(to, "clocksource_done_booting() never came back from the switch");
		return "failed";
	}
	if (late)
		say(to, "ticks of %d CPUs (%s) were held off for more than a tick, the longest %s", late, held, bu_ns_str(t->late_max_ns, b));
	if (share >= SATURATED_SHARE || (t->busy <= SATURATED_BUSY && t->ticking * bu_cs_offered(s) < 1))
		return NULL;
	say(to, "%s%.1f %% of the ticks that were due came", late ? "; " : "", 100 * share);
	return "saturation";
}

static int summarise(struct bu_host *h)
{
	struct bu_run *run = &h->out->run;
	const struct clocksource_run *r = h->run_of_family;
	const struct bu_cs_schedule *s = r->schedule;
	const int64_t now_ns = bu_now(h->machine);
	const struct totals t = sum_up(h, now_ns);
	const double share = t.due > 0 && !s->config.recorded ? (double)(t.ticks - r->ticks_before) / t.due : 1;
	const bool hard = !strncmp(run->verdict_detail, "hard lockup", 11);	/* by the machine's watchdog: ours know of soft ones */
	struct text detail = { "" };
	const char *verdict;

	metrics(h, &t, now_ns, share);
	if (strcmp(run->verdict, "ok") && strcmp(run->verdict, "lockup"))
		return 0;
	if (hard)
		say(&detail, "%s; ", run->verdict_detail);
	verdict = judge(h, &t, now_ns, share, &detail);
	if (!verdict && !strcmp(run->verdict, "lockup"))	/* a watchdog of the machine spoke */
		return 0;
	if (verdict)
		run->verdict = verdict;
	if (verdict && bu_cs_offered(s) >= 1)
		say(&detail, "; ticks ask %.2f times what the clock can answer, which begins at %d CPUs", bu_cs_offered(s),
		    bu_cs_saturation_cpus(s, 0));
	run->verdict_detail = bu_arena_strdup(&h->out->arena, detail.to);
	return run->verdict_detail ? 0 : -ENOMEM;
}

/* Return: 0; -ENOMEM. */
static int describe(struct bu_host *h, const struct bu_cs_schedule *s)
{
	struct bu_run *run = &h->out->run;

	run->capture_name = s->capture_name;
	run->capture_sha256 = s->capture_sha256;
	run->kernel_release = s->kernel_release;
	run->recorded_algorithm = s->config.recorded ? "stop-machine" : "none";
	run->recorded_cpus = h->options->recorded_cpus;
	run->cpus = s->cpus;
	run->bringup_ns = run->recorded_bringup_ns = BU_NS_UNKNOWN;
	run->ap_latency_p50_ns = run->ap_latency_p99_ns = run->ap_latency_max_ns = BU_NS_UNKNOWN;
	run->sampled = h->options->sampled;
	run->machine = bu_clock_model_json(s, &h->out->arena);
	run->recorded_machine = "{}";
	return run->machine ? 0 : -ENOMEM;
}

static int make_run(struct clocksource_run *r)
{
	const size_t n = (size_t)r->schedule->cpus;
	size_t i;

	r->accounts = calloc(n, sizeof(*r->accounts));
	r->arrived_ns = malloc(n * sizeof(*r->arrived_ns));
	r->left_ns = malloc(n * sizeof(*r->left_ns));
	for (i = 0; r->arrived_ns && r->left_ns && i < n; i++)
		r->arrived_ns[i] = r->left_ns[i] = BU_NS_UNKNOWN;
	for (i = 0; i < BU_CS_NR_MARKS; i++)
		r->mark_ns[i] = BU_NS_UNKNOWN;
	return r->accounts && r->arrived_ns && r->left_ns ? 0 : -ENOMEM;
}

int bu_replay_clocksource(const struct bu_core_def *core, const struct bu_cs_schedule *schedule,
			  const struct bu_replay_options *options, struct bu_replay_result *ret, struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct clocksource_run r = { .schedule = schedule, .unstable_ns = BU_NS_UNKNOWN };
	struct bu_host h = { .family = &clocksource, .core = core, .options = options, .out = &out, .run_of_family = &r };
	struct bu_machine_config config = { .n_cpus = (uint32_t)schedule->cpus, .n_online = (uint32_t)schedule->cpus,
					    .seed = options->seed, .max_events = options->max_events,
					    .check_state = options->check,
					    .end_ns = schedule->config.end_ns, .stop_lag_ns = stop_lag };
	int rc;

	h.alloc_limit = ((size_t)64 << 20) + (size_t)config.n_cpus * 65536;
	rc = make_run(&r);
	if (!rc)
		rc = describe(&h, schedule);
	if (!rc)
		rc = host_run(&h, &config, err);
	if (!rc)
		rc = summarise(&h);
	out.run.names = h.names;	/* the result owns them, also after a failure */
	out.run.n_names = h.n_names;
	host_fini(&h);
	free(r.accounts);
	free(r.arrived_ns);
	free(r.left_ns);
	if (rc || h.oom) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc ? rc : -ENOMEM, "replay with core %s", core->name);
	}
	*ret = out;
	return 0;
}

int64_t bu_clocksource_notified_ns(const struct bu_run *run)
{
	size_t i;

	for (i = 0; i < run->n_metrics; i++)
		if (!strcmp(run->names[run->metrics[i].name], SWITCH_TO_NOTIFY))
			return (int64_t)run->metrics[i].value;
	return BU_NS_UNKNOWN;
}
