/* SPDX-License-Identifier: MIT */
/*
 * timekeeping.h - clocks and who reads them: the devices, the ways to read one, tk_core, ktime_get().
 *
 * Source: kernel/time/timekeeping.c of v6.12 (ktime_get, timekeeping_advance, change_clocksource), struct tk_fast of the same
 * (4396e058c52e, v3.17) for the latch; arch/x86/kernel/hpet.c since v4.9 (f99fd22e4d4b) for the combining reader;
 * drivers/clocksource/i8253.c, arch/x86/platform/uv/uv_time.c, arch/x86/kernel/pvclock.c of v6.12 for the other devices.
 */
#ifndef BU_REPLAY_KIT_TIMEKEEPING_H
#define BU_REPLAY_KIT_TIMEKEEPING_H

#include "replay/core_clocksource.h"
#include "replay/kit/kernel.h"

enum clock_reader { READER_PLAIN, READER_COMBINING, READER_PER_NODE, READER_COARSE };

/* Parameters that all clocksource cores have, in this order; those of a core come after them. 0: as the schedule has it. */
enum { PARAM_READER, PARAM_RESCUE, PARAM_FREEZE, PARAM_NMI_READER, PARAM_STUCK, PARAM_STUCK_CPU, PARAM_NOHZ,
       PARAM_WATCHDOG, PARAM_DYING, NR_TIMEKEEPING_PARAMS };

enum { STUCK_NONE, STUCK_PREEMPT_OFF, STUCK_IRQS_OFF };
enum { DYING_NONE, DYING_HANDS_OVER, DYING_KEEPS };

#define TIMEKEEPING_PARAMS \
	{ "reader", "plain|combining|per-node|coarse", "who reads the device: every CPU; one for all that wait (4.9); one per " \
	  "node; no CPU where the time of the last tick will do, in a tick besides its handlers", 0, 0, 3 }, \
	{ "rescue", "bool", "a CPU that sees jiffies stand still for five ticks updates them (5.18)", 1, 0, 1 }, \
	{ "freeze-ns", "ns", "the CPU with timekeeping duty is away for so long, a second after the switch", 0, 0, INT64_C(60000000000) }, \
	{ "nmi-reader", "bool", "an NMI reads the clock in the middle of the next timekeeping update after the switch", 0, 0, 1 }, \
	{ "stuck", "no|preempt-off|irqs-off", "from before the switch on a CPU spins so for ever, and cannot run its stopper", STUCK_NONE, \
	  STUCK_NONE, STUCK_IRQS_OFF }, \
	{ "stuck-cpu", "CPU", "that one", 1, 1, 65535 }, \
	{ "nohz", "bool", "idle CPUs stop their tick once it is a high resolution one; off as with nohz=off", 0, 0, 1 }, \
	{ "watchdog-ns", "ns", "the clocksource watchdog reads the clock between two reads of the TSC and gives it up when they are always " \
	  "farther apart (6.1: 100000); 0: there is none", 0, 0, INT64_C(1000000000) }, \
	{ "dying", "no|hands-over|keeps-duty", "the last CPU has timekeeping duty and is taken down, a second after the switch: as the " \
	  "kernel does it, or without tick_handover_do_timer()", DYING_NONE, DYING_NONE, DYING_KEEPS }

struct clocksource {
	enum bu_cs_clock id;
	bu_obj *device;			/* by node where there is one per node; NULL: none */
	bu_obj lock;			/* PIT: i8253_lock */
	bu_word_id *shared;		/* combining: value << 1 | locked, by node */
	int32_t cpus_per_node, cpus_per_reader;	/* that share a device; that combine their reads */
	bool jiffies;			/* before the switch: no device at all */
};

enum tk_clock { TK_JIFFIES, TK_DEVICE, TK_TSC };

struct timekeeper {
	const struct bu_cs_config *config;
	struct bu_cs_account *account;
	struct clocksource jiffies_clock, device_clock, tsc_clock;	/* tsc_clock: what is left when device_clock is given up */
	bool latch;			/* readers are let in while it is written */
	bu_obj seq, timekeeper_lock;
	bu_word_id clock;		/* enum tk_clock */
	bu_word_id next_clock;		/* that change_clocksource() is to switch to */
	bu_word_id base_ns;		/* time of the last update */
	bu_word_id nmi_wanted;		/* in the next update */
	void *tick;			/* struct tick of kit/tick.h */
};

static inline struct timekeeper *timekeeper(struct bu_machine *m)
{
	return core_data(m);
}

static inline void clocksource_init(struct bu_machine *m, struct clocksource *cs, const struct bu_cs_config *c, int reader)
{
	static const char *const names[BU_CS_NR_CLOCKS] = { "tsc", "hpet", "acpi_pm", "pit", "rtc mmr", "kvm-clock",
							    "kvm-clock last_value" };
	const int32_t cpus = (int32_t)nr_cpus(m), per_node = c->cpus_per_node > 0 ? c->cpus_per_node : cpus;
	const bool own = c->clock == BU_CS_TSC || c->clock == BU_CS_KVM;
	int32_t i, n;

	cs->id = c->clock;
	cs->cpus_per_node = c->clock == BU_CS_RTC ? per_node : cpus;
	cs->cpus_per_reader = reader == READER_PER_NODE || c->clock == BU_CS_RTC ? per_node : cpus;
	n = (cpus + cs->cpus_per_node - 1) / cs->cpus_per_node;
	if (!own && !c->recorded) {
		cs->device = alloc(m, (size_t)n * sizeof(*cs->device));
		for (i = 0; i < n; i++) {
			cs->device[i] = mmio_device(m, names[c->clock], c->read_ns, c->arbitration, i * cs->cpus_per_node);
			mmio_distance(m, cs->device[i], c->hop_ns);
			mmio_durations(m, cs->device[i], c->accesses_ns, c->n_accesses);
		}
	}
	if (c->clock == BU_CS_PIT)
		cs->lock = raw_spinlock(m, "i8253_lock", BU_SPIN_QUEUED);
	n = (cpus + cs->cpus_per_reader - 1) / cs->cpus_per_reader;
	if (!own && (reader == READER_COMBINING || reader == READER_PER_NODE)) {
		cs->shared = alloc(m, (size_t)n * sizeof(*cs->shared));
		for (i = 0; i < n; i++)
			cs->shared[i] = atomic(m, "hpet.lockval", 0);
	}
}

/* One access of the device by this CPU; returns the instant that it answered with. */
static inline int64_t clock_device_read(struct bu_machine *m, const struct clocksource *cs)
{
	struct timekeeper *tk = timekeeper(m);
	bool on;

	if (!cs->device && !tk->config->recorded) {	/* some cycles of this CPU's own: spent with the tick's next work */
		tk->account[this_cpu(m)].owed_ns += tk->config->read_ns;
		return now(m);
	}
	if (!cs->device) {
		struct bu_cs_account *a = &tk->account[this_cpu(m)];

		work(m, a->call ? bu_cs(m)->read_ns(m, a->call, a->attempt++) : tk->config->read_ns);
		return now(m);
	}
	tk->account[this_cpu(m)].device_reads += cs->lock ? 3 : 1;
	if (!cs->lock) {
		mmio_access(m, cs->device[this_cpu(m) / cs->cpus_per_node]);
		return now(m);
	}
	on = raw_spin_lock_irqsave(m, cs->lock);
	mmio_access(m, cs->device[0]);		/* the latch command */
	mmio_access(m, cs->device[0]);		/* low byte */
	mmio_access(m, cs->device[0]);		/* high byte */
	raw_spin_unlock_irqrestore(m, cs->lock, on);
	return now(m);
}

/* read_hpet() since v4.9: who finds the lock taken waits for the holder's value instead of reading. */
static inline int64_t clock_read_combined(struct bu_machine *m, const struct clocksource *cs)
{
	const bu_word_id word = cs->shared[this_cpu(m) / cs->cpus_per_reader];
	int64_t old, value;
	bool on;

	if (in_nmi(m))
		return clock_device_read(m, cs);
	old = atomic_read(m, word);
	if (!(old & 1)) {
		on = local_irq_save(m);
		if (atomic_cmpxchg(m, word, old, old | 1) == old) {
			value = clock_device_read(m, cs);
			atomic_set(m, word, value << 1);
			local_irq_restore(m, on);
			return value;
		}
		local_irq_restore(m, on);
	}
	spin_until(m, word, BU_GUARD_NE, old | 1, -1, "hpet.lockval", -1);
	return atomic_read(m, word) >> 1;
}

static inline const struct clocksource *tk_clock(const struct timekeeper *tk, int64_t which)
{
	return which == TK_DEVICE ? &tk->device_clock : which == TK_TSC ? &tk->tsc_clock : &tk->jiffies_clock;
}

static inline int64_t clocksource_read(struct bu_machine *m)
{
	struct timekeeper *tk = timekeeper(m);
	const struct clocksource *cs = tk_clock(tk, atomic_read(m, tk->clock));

	if (cs->jiffies)
		return atomic_read(m, tk->base_ns);
	return cs->shared ? clock_read_combined(m, cs) : clock_device_read(m, cs);
}

static inline int64_t tk_read_begin(struct bu_machine *m, const struct timekeeper *tk)
{
	return tk->latch ? raw_read_seqcount_latch(m, tk->seq) : read_seqcount_begin(m, tk->seq);
}

static inline bool tk_read_retry(struct bu_machine *m, const struct timekeeper *tk, int64_t start)
{
	return tk->latch ? read_seqcount_latch_retry(m, tk->seq, start) : read_seqcount_retry(m, tk->seq, start);
}

/* ktime_get(), ktime_get_update_offsets_now(): each attempt reads the clock. */
static inline int64_t ktime_get(struct bu_machine *m)
{
	struct timekeeper *tk = timekeeper(m);
	struct bu_cs_account *a = &tk->account[this_cpu(m)];
	const int64_t outer = a->reading_since_ns, begin = now(m);
	const uint64_t outer_attempts = a->attempts_now;
	uint64_t attempts = 0;
	int64_t seq, value;

	KERNEL_FN(m);
	a->reading_since_ns = begin;
	do {
		seq = tk_read_begin(m, tk);
		value = clocksource_read(m);
		a->attempts_now = ++attempts;
	} while (tk_read_retry(m, tk, seq));
	a->reading_since_ns = outer;
	a->attempts_now = outer_attempts;
	a->reads++;
	a->attempts += attempts;
	a->retries[attempts <= 3 ? attempts - 1 : 3]++;
	a->backwards += value < a->last_ns;
	a->last_ns = value;
	a->read_ns += now(m) - begin;
	if (now(m) - begin > a->read_max_ns)
		a->read_max_ns = now(m) - begin;
	return value;
}

/* ktime_get_coarse(): the time of the last update, no clock is read. */
static inline int64_t ktime_get_coarse(struct bu_machine *m)
{
	const struct timekeeper *tk = timekeeper(m);
	int64_t seq, value;

	do {
		seq = tk_read_begin(m, tk);
		value = atomic_read(m, tk->base_ns);
	} while (tk_read_retry(m, tk, seq));
	return value;
}

static inline void nmi_reads_clock(struct bu_machine *m, void *arg)
{
	(void)arg;
	ktime_get(m);
}

/* timekeeping_update() between write_seqcount_begin() and _end(); with the latch once per copy. */
static inline void tk_write(struct bu_machine *m, struct timekeeper *tk, int64_t at_ns)
{
	int copy;

	if (!tk->latch)
		write_seqcount_begin(m, tk->seq);
	for (copy = 0; copy < 1 + tk->latch; copy++) {
		if (tk->latch)
			raw_write_seqcount_latch(m, tk->seq);
		if (atomic_read(m, tk->nmi_wanted)) {
			atomic_set(m, tk->nmi_wanted, false);
			nmi_send(m, this_cpu(m), "watchdog_overflow_callback", 0, nmi_reads_clock, NULL);
		}
		work(m, tk->config->update_ns / (1 + tk->latch));
		atomic_set(m, tk->base_ns, at_ns);
	}
	if (!tk->latch)
		write_seqcount_end(m, tk->seq);
}

/* The clock is read once, outside of the write section. */
static inline void timekeeping_advance(struct bu_machine *m)
{
	struct timekeeper *tk = timekeeper(m);
	bool on = raw_spin_lock_irqsave(m, tk->timekeeper_lock);
	int64_t at_ns;

	KERNEL_FN(m);
	at_ns = atomic_read(m, tk->clock) ? clocksource_read(m) : now(m);
	tk_write(m, tk, at_ns);
	raw_spin_unlock_irqrestore(m, tk->timekeeper_lock, on);
}

/* Within tk_core.seq both clocks are read: the old one a last time, the new one for its first cycle_last. */
static inline int change_clocksource(struct bu_machine *m, void *arg)
{
	struct timekeeper *tk = timekeeper(m);
	bool on = raw_spin_lock_irqsave(m, tk->timekeeper_lock);
	int64_t next;

	(void)arg;
	KERNEL_FN(m);
	if (!tk->latch)
		write_seqcount_begin(m, tk->seq);
	else
		raw_write_seqcount_latch(m, tk->seq);
	work(m, tk->config->update_ns);
	next = atomic_read(m, tk->next_clock);
	atomic_set(m, tk->clock, next);
	atomic_set(m, tk->base_ns, clock_device_read(m, tk_clock(tk, next)));
	if (!tk->latch)
		write_seqcount_end(m, tk->seq);
	else
		raw_write_seqcount_latch(m, tk->seq);
	atomic_set(m, tk->nmi_wanted, param(m, PARAM_NMI_READER));
	raw_spin_unlock_irqrestore(m, tk->timekeeper_lock, on);
	return 0;
}

static inline struct timekeeper *timekeeping_init(struct bu_machine *m, bool latch)
{
	struct timekeeper *tk = alloc(m, sizeof(*tk));
	int i, n = (int)nr_cpus(m);

	set_core_data(m, tk);
	tk->config = bu_cs(m)->config(m);
	tk->account = bu_cs(m)->accounts(m);
	for (i = 0; i < n; i++)
		tk->account[i].reading_since_ns = tk->account[i].soft_lockup_ns = -1;
	tk->latch = latch;
	tk->seq = latch ? seqcount_latch(m, "tk_core.seq") : seqcount(m, "tk_core.seq");
	tk->timekeeper_lock = raw_spinlock(m, "timekeeper_lock", BU_SPIN_QUEUED);
	tk->clock = atomic(m, "tk_core.clock", 0);
	tk->base_ns = atomic(m, "tk_core.base", 0);
	tk->jiffies_clock.jiffies = true;
	tk->next_clock = atomic(m, "next clock", TK_DEVICE);
	tk->nmi_wanted = atomic(m, "NMI wanted", false);
	clocksource_init(m, &tk->device_clock, tk->config, (int)param(m, PARAM_READER));
	return tk;
}

#endif
