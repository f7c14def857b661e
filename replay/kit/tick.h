/* SPDX-License-Identifier: MIT */
/*
 * tick.h - the tick of each CPU: periodic, then high resolution; jiffies and who updates them; the soft lockup watchdog.
 *
 * Source: kernel/time/tick-common.c, tick-sched.c, hrtimer.c, clockevents.c, kernel/watchdog.c of v6.1. The five-tick rescue is
 * a1ff03cd6fb9 (v5.18). One hrtimer of the machine per CPU stands for its local APIC's timer.
 *
 * Where a tick reads the clock: hrtimer_run_queues() once while it is periodic; hrtimer_interrupt(), its handler and
 * clockevents_program_event() once each when it is not, and again for each retry. What else it reads (tick_irq_enter(),
 * sched_clock_tick() where the TSC is not stable, tick_nohz_irq_exit()) the schedule says: bu_cs_config.reads_permille.
 */
#ifndef BU_REPLAY_KIT_TICK_H
#define BU_REPLAY_KIT_TICK_H

#include "replay/kit/timekeeping.h"

#define TICK_DO_TIMER_NONE (-1)
#define MAX_STALLED_JIFFIES 5
#define HRTIMER_RETRIES 3
#define HRTIMER_HANG_NS INT64_C(100000000)
#define TICK_MIN_DELTA_NS 1000				/* clockevents_program_min_delta(): at least 1 us */
#define WATCHDOG_PERIOD_NS INT64_C(4000000000)		/* watchdog_thresh * 2 / 5, watchdog_thresh being 10 s */
#define SOFT_LOCKUP_S 20				/* get_softlockup_thresh(): 2 * watchdog_thresh */

struct tick_cpu {
	bu_obj clockevent;
	int64_t tick_at_ns, watchdog_at_ns;	/* expiry of sched_timer, of watchdog_hrtimer */
	int64_t owed_permille[BU_CS_NR_PLACES];	/* parts of reads not made yet */
	int64_t last_tick_jiffies;
	int stalled_jiffies;
	bool highres;
};

struct tick {
	struct tick_cpu *cpu;
	bu_word_id *check_clocks;	/* by CPU */
	bu_word_id jiffies, tick_next_period, tick_do_timer_cpu;
	bu_obj jiffies_lock;
};

static inline struct tick *ticks(struct bu_machine *m)
{
	return timekeeper(m)->tick;
}

/* ------------------------------------------------------------------------------------------------------- jiffies */

static inline void tick_do_update_jiffies64(struct bu_machine *m, int64_t at_ns)
{
	struct tick *t = ticks(m);
	const int64_t tick_ns = timekeeper(m)->config->tick_ns;
	int64_t next = atomic_read(m, t->tick_next_period), n;

	KERNEL_FN(m);
	if (at_ns < next)
		return;
	raw_spin_lock(m, t->jiffies_lock);
	next = atomic_read(m, t->tick_next_period);
	if (at_ns < next) {
		raw_spin_unlock(m, t->jiffies_lock);
		return;
	}
	n = 1 + (at_ns - next) / tick_ns;
	atomic_add_return(m, t->jiffies, n);
	atomic_set(m, t->tick_next_period, next + n * tick_ns);
	bu_cs(m)->jiffies(m, at_ns - next);
	raw_spin_unlock(m, t->jiffies_lock);
	timekeeping_advance(m);
}

static inline void tick_sched_do_timer(struct bu_machine *m, struct tick_cpu *tc, int64_t at_ns)
{
	struct tick *t = ticks(m);
	const int cpu = this_cpu(m);
	int64_t jiffies;

	if (atomic_read(m, t->tick_do_timer_cpu) == TICK_DO_TIMER_NONE)
		atomic_set(m, t->tick_do_timer_cpu, cpu);
	if (atomic_read(m, t->tick_do_timer_cpu) == cpu) {
		timekeeper(m)->account[cpu].had_duty = true;
		tick_do_update_jiffies64(m, at_ns);
	}
	if (!param(m, PARAM_RESCUE))
		return;
	jiffies = atomic_read(m, t->jiffies);
	if (tc->last_tick_jiffies != jiffies) {
		tc->stalled_jiffies = 0;
		tc->last_tick_jiffies = jiffies;
	} else if (++tc->stalled_jiffies == MAX_STALLED_JIFFIES) {
		tick_do_update_jiffies64(m, at_ns);
		tc->stalled_jiffies = 0;
		tc->last_tick_jiffies = atomic_read(m, t->jiffies);
	}
}

/* ------------------------------------------------------------------------------------------------------ watchdog */

static inline int softlockup_fn(struct bu_machine *m, void *arg)
{
	(void)arg;
	timekeeper(m)->account[this_cpu(m)].stopper_ns = now(m);
	return 0;
}

/* get_timestamp(): 2^30 ns pass for a second. */
static inline int64_t watchdog_s(int64_t ns)
{
	return ns >> 30;
}

static inline void watchdog_timer_fn(struct bu_machine *m, int cpu)
{
	struct bu_cs_account *a = &timekeeper(m)->account[cpu];

	stop_one_cpu_nowait(m, cpu, "softlockup_fn", softlockup_fn, NULL);
	if (a->soft_lockup_ns >= 0 || watchdog_s(now(m)) - watchdog_s(a->stopper_ns) <= SOFT_LOCKUP_S)
		return;
	a->soft_lockup_ns = now(m);
	a->soft_lockup_stuck_s = watchdog_s(now(m)) - watchdog_s(a->stopper_ns);
}

static inline void run_expired_watchdog(struct bu_machine *m, struct tick_cpu *tc, int cpu, int64_t at_ns)
{
	if (tc->watchdog_at_ns > at_ns)
		return;
	watchdog_timer_fn(m, cpu);
	tc->watchdog_at_ns += ((at_ns - tc->watchdog_at_ns) / WATCHDOG_PERIOD_NS + 1) * WATCHDOG_PERIOD_NS;
}

/* -------------------------------------------------------------------------------------------------- one interrupt */

/* Reads of this tick that the schedule puts here. */
static inline void tick_reads(struct bu_machine *m, struct tick_cpu *tc, enum bu_cs_place place, int64_t permille)
{
	const bool coarse = param(m, PARAM_READER) == READER_COARSE;

	for (tc->owed_permille[place] += permille; tc->owed_permille[place] >= 1000; tc->owed_permille[place] -= 1000)
		coarse ? ktime_get_coarse(m) : ktime_get(m);
}

/* Those besides the ones that the algorithm makes by itself. */
static inline int64_t other_reads(const struct bu_cs_config *c, int64_t own_permille)
{
	return c->reads_permille > own_permille ? c->reads_permille - own_permille : 0;
}

/* The work of a tick besides its reads. */
static inline void tick_work(struct bu_machine *m, int cpu)
{
	struct bu_cs_account *a = &timekeeper(m)->account[cpu];
	const int64_t ns = timekeeper(m)->config->tick_work_ns + a->owed_ns;

	a->owed_ns = 0;
	work(m, ns);
}

/* clockevents_program_event(): false when the instant has passed and it is not forced. */
static inline bool clockevents_program_event(struct bu_machine *m, struct tick_cpu *tc, int64_t at_ns, bool force)
{
	int64_t delta = at_ns - ktime_get(m);

	if (delta <= 0 && !force)
		return false;
	hrtimer_start(m, tc->clockevent, delta > TICK_MIN_DELTA_NS ? delta : TICK_MIN_DELTA_NS);
	return true;
}

static inline void tick_sched_timer(struct bu_machine *m, struct tick_cpu *tc)
{
	const struct bu_cs_config *c = timekeeper(m)->config;
	struct bu_cs_account *a = &timekeeper(m)->account[this_cpu(m)];
	const int64_t at_ns = ktime_get(m);

	KERNEL_FN(m);
	if (at_ns - tc->tick_at_ns > a->late_max_ns)
		a->late_max_ns = at_ns - tc->tick_at_ns;
	a->ticks++;
	tick_sched_do_timer(m, tc, at_ns);
	tick_reads(m, tc, BU_CS_TICK, other_reads(c, 3000 + c->place_permille[BU_CS_ENTER] + c->place_permille[BU_CS_EXIT]));
	tick_work(m, this_cpu(m));
	if (tc->tick_at_ns <= at_ns)
		tc->tick_at_ns += ((at_ns - tc->tick_at_ns) / c->tick_ns + 1) * c->tick_ns;
}

static inline void hrtimer_interrupt(struct bu_machine *m, struct tick_cpu *tc)
{
	const int cpu = this_cpu(m);
	int64_t entry_ns = ktime_get(m), at_ns = entry_ns, next, spent;
	int tries = 0;

	KERNEL_FN(m);
	for (;;) {
		if (tc->tick_at_ns <= at_ns)
			tick_sched_timer(m, tc);
		run_expired_watchdog(m, tc, cpu, at_ns);
		next = tc->tick_at_ns < tc->watchdog_at_ns ? tc->tick_at_ns : tc->watchdog_at_ns;
		if (clockevents_program_event(m, tc, next, false))
			return;
		at_ns = ktime_get(m);
		if (++tries == HRTIMER_RETRIES)
			break;
	}
	timekeeper(m)->account[cpu].hangs++;
	spent = at_ns - entry_ns;
	clockevents_program_event(m, tc, at_ns + (spent < HRTIMER_HANG_NS ? spent : HRTIMER_HANG_NS), true);
}

/* tick_init_highres(), tick_setup_sched_timer(): the first tick that finds check_clocks set. */
static inline void hrtimer_switch_to_hres(struct bu_machine *m, struct tick_cpu *tc)
{
	const int64_t tick_ns = timekeeper(m)->config->tick_ns, at_ns = ktime_get(m);

	KERNEL_FN(m);
	tc->highres = true;
	tc->tick_at_ns = (at_ns / tick_ns + 1) * tick_ns;	/* tick_init_jiffy_update(): all on one grid */
	if (!clockevents_program_event(m, tc, tc->tick_at_ns, false))
		hrtimer_interrupt(m, tc);
}

/* tick_handle_periodic(), tick_periodic(), hrtimer_run_queues() */
static inline void tick_periodic(struct bu_machine *m, struct tick_cpu *tc)
{
	const struct bu_cs_config *c = timekeeper(m)->config;
	struct tick *t = ticks(m);
	const int cpu = this_cpu(m);

	KERNEL_FN(m);
	timekeeper(m)->account[cpu].ticks++;
	if (atomic_read(m, t->tick_do_timer_cpu) == cpu)
		tick_do_update_jiffies64(m, now(m));
	tick_reads(m, tc, BU_CS_TICK, other_reads(c, 1000));
	tick_work(m, cpu);
	if (c->highres && atomic_read(m, t->check_clocks[cpu]))
		hrtimer_switch_to_hres(m, tc);
	else
		run_expired_watchdog(m, tc, cpu, ktime_get(m));
}

/*
 * tick_nohz_irq_enter(), tick_nohz_irq_exit(): the tick of an idle CPU waits for its next timer, which is the watchdog's, and leaves the
 * timekeeping to whoever ticks next. An interrupt that finds another thread has the tick go on, and jiffies are brought up to date
 * first: tick_nohz_update_jiffies(). What wakes that thread does not start the tick, as the kernel would (tick_nohz_idle_exit()).
 */
static inline void tick_nohz_irq_enter(struct bu_machine *m, struct tick_cpu *tc)
{
	struct bu_cs_account *a = &timekeeper(m)->account[this_cpu(m)];
	const int64_t tick_ns = timekeeper(m)->config->tick_ns;
	int64_t at_ns;

	if (!a->stopped_since_ns)
		return;
	at_ns = ktime_get(m);
	tick_do_update_jiffies64(m, at_ns);
	if (is_idle_task(m, this_cpu(m)))
		return;
	tc->tick_at_ns = (at_ns / tick_ns + 1) * tick_ns;
	a->stopped_ns += now(m) - a->stopped_since_ns;
	a->stopped_since_ns = 0;
}

static inline void tick_nohz_irq_exit(struct bu_machine *m, struct tick_cpu *tc)
{
	struct tick *t = ticks(m);
	const int cpu = this_cpu(m);

	if (!param(m, PARAM_NOHZ) || !is_idle_task(m, cpu))
		return;
	if (atomic_read(m, t->tick_do_timer_cpu) == cpu)
		atomic_set(m, t->tick_do_timer_cpu, TICK_DO_TIMER_NONE);
	if (!timekeeper(m)->account[cpu].stopped_since_ns)
		timekeeper(m)->account[cpu].stopped_since_ns = now(m);
	tc->tick_at_ns = INT64_MAX;
	hrtimer_start(m, tc->clockevent, tc->watchdog_at_ns - now(m) > TICK_MIN_DELTA_NS ? tc->watchdog_at_ns - now(m) : TICK_MIN_DELTA_NS);
}

static inline int64_t apic_timer_interrupt(struct bu_machine *m, void *arg)
{
	struct tick_cpu *tc = arg;
	const struct bu_cs_config *c = timekeeper(m)->config;
	struct bu_cs_account *a = &timekeeper(m)->account[this_cpu(m)];
	const int64_t begin = now(m);

	if (!tc->highres) {
		/* The APIC reloads its counter by itself: when it expires while this runs, the next interrupt is pending already. */
		if (begin - tc->tick_at_ns > a->late_max_ns)
			a->late_max_ns = begin - tc->tick_at_ns;
		tc->tick_at_ns += ((begin - tc->tick_at_ns) / c->tick_ns + 1) * c->tick_ns;
		hrtimer_start(m, tc->clockevent, tc->tick_at_ns - begin);
		tick_periodic(m, tc);
		a->irq_ns += now(m) - begin;
		return 0;
	}
	tick_nohz_irq_enter(m, tc);
	tick_reads(m, tc, BU_CS_ENTER, c->place_permille[BU_CS_ENTER]);
	hrtimer_interrupt(m, tc);
	tick_reads(m, tc, BU_CS_EXIT, c->place_permille[BU_CS_EXIT]);
	tick_nohz_irq_exit(m, tc);
	a->irq_ns += now(m) - begin;
	return 0;
}

/* What the recording has of ticks and of whatever else reads the clock, each at its time. */
static inline void recorded_tick(struct bu_machine *m, void *arg)
{
	const struct bu_cs_tick *r = arg;
	struct timekeeper *tk = timekeeper(m);
	struct bu_cs_account *a = &tk->account[this_cpu(m)];

	if (r->update) {
		raw_spin_lock(m, tk->timekeeper_lock);
		tk_write(m, tk, now(m));
		raw_spin_unlock(m, tk->timekeeper_lock);
		return;
	}
	a->call = r;
	a->attempt = 0;
	ktime_get(m);
	a->call = NULL;
}

/* tick_clock_notify() */
static inline void tick_clock_notify(struct bu_machine *m)
{
	int i, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	for (i = 0; i < n; i++)
		atomic_set(m, ticks(m)->check_clocks[i], true);
}

/* On the CPU that dies, all others being in multi_cpu_stop(): cpumask_first(cpu_online_mask) is CPU 0, which does not. */
static inline void tick_handover_do_timer(struct bu_machine *m)
{
	if (atomic_read(m, ticks(m)->tick_do_timer_cpu) == this_cpu(m))
		atomic_set(m, ticks(m)->tick_do_timer_cpu, 0);
}

static inline void tick_shutdown(struct bu_machine *m)
{
	const int cpu = this_cpu(m);
	struct bu_cs_account *a = &timekeeper(m)->account[cpu];

	hrtimer_cancel(m, ticks(m)->cpu[cpu].clockevent);
	if (!a->stopped_since_ns)
		a->stopped_since_ns = now(m);
}

/* Every CPU ticks periodically from now on, each at a phase of its own as its timer was started when it came up. */
static inline void tick_init(struct bu_machine *m)
{
	enum { PHASES };	/* random stream */
	const struct bu_cs_config *c = timekeeper(m)->config;
	struct tick *t = alloc(m, sizeof(*t));
	int i, n = (int)nr_cpus(m);

	timekeeper(m)->tick = t;
	t->cpu = alloc_percpu(m, sizeof(*t->cpu));
	t->check_clocks = alloc(m, (size_t)n * sizeof(*t->check_clocks));
	for (i = 0; i < n; i++)
		t->check_clocks[i] = atomic(m, "check_clocks", false);
	t->jiffies = atomic(m, "jiffies", 0);
	t->tick_next_period = atomic(m, "tick_next_period", c->tick_ns);
	t->tick_do_timer_cpu = atomic(m, "tick_do_timer_cpu", 0);
	t->jiffies_lock = raw_spinlock(m, "jiffies_lock", BU_SPIN_QUEUED);
	if (c->recorded) {
		bu_cs(m)->recorded_ticks(m, recorded_tick);
		return;
	}
	for (i = 0; i < n; i++) {
		struct tick_cpu *tc = &t->cpu[i];

		tc->clockevent = hrtimer(m, "apic_timer_interrupt", apic_timer_interrupt, tc);
		tc->tick_at_ns = (int64_t)(random_u64(m, PHASES) % (uint64_t)c->tick_ns);
		tc->watchdog_at_ns = WATCHDOG_PERIOD_NS + tc->tick_at_ns;
	}
	for (i = 0; i < n; i++)
		hrtimer_start_on(m, t->cpu[i].clockevent, i, t->cpu[i].tick_at_ns);
}

#endif
