/* SPDX-License-Identifier: MIT */
/*
 * core_clocksource.h - what clocksource cores are given besides the machine: the clock that is switched to and what reading
 * it costs, the ticks, when stoppers arrive; and the accounts that reports are made of.
 *
 * The core's control function runs as the thread kernel_init on CPU 0; all CPUs are online and idle. It starts the ticks,
 * switches the clocksource as its algorithm does, and lets the machine run on.
 */
#ifndef BU_REPLAY_CORE_CLOCKSOURCE_H
#define BU_REPLAY_CORE_CLOCKSOURCE_H

#include "replay/core.h"

enum bu_cs_clock {
	BU_CS_TSC,		/* a register of the CPU */
	BU_CS_HPET,		/* one counter behind uncached MMIO */
	BU_CS_ACPI_PM,		/* one counter behind port I/O */
	BU_CS_PIT,		/* the same, three accesses under i8253_lock */
	BU_CS_RTC,		/* an MMR of each node's hub */
	BU_CS_KVM,		/* the TSC, scaled by a page of the host */
	BU_CS_KVM_UNSTABLE,	/* and made monotonic by one word that all CPUs exchange (no PVCLOCK_TSC_STABLE_BIT) */
	BU_CS_NR_CLOCKS
};

/* Reads of a tick besides those that its handlers make by themselves (kit/tick.h). */
enum bu_cs_place { BU_CS_ENTER, BU_CS_TICK, BU_CS_EXIT, BU_CS_NR_PLACES };

struct bu_cs_config {
	uint32_t size;
	int64_t tick_ns;		/* 1 / HZ */
	enum bu_cs_clock clock;
	int64_t read_ns;		/* one access of it */
	int32_t cpus_per_node;		/* RTC, per-node readers */
	enum bu_arbitration arbitration;	/* of the device; it is nearest to CPU 0 */
	int64_t hop_ns;			/* added to an access for each CPU that lies between */
	const int64_t *accesses_ns;	/* accesses take one of these, drawn; NULL: read_ns. Static */
	uint32_t n_accesses;
	int64_t reads_permille;		/* of a tick, all together, on a CPU without timekeeping duty */
	int64_t place_permille[BU_CS_NR_PLACES];	/* of these, before and after the handler of a high resolution tick */
	int64_t tick_work_ns;		/* CPU time of a tick without its reads */
	int64_t update_ns;		/* timekeeping_update(): how long tk_core.seq is odd */
	int64_t switch_at_ns, end_ns;	/* clocksource_done_booting(), and when the run ends */
	int64_t wake_ns;		/* recorded: from the last CPU's leaving the stop to stop_machine()'s return */
	bool highres;			/* ticks become high resolution ones after the switch (not highres=off) */
	bool recorded;			/* reads and updates come as in the recording: recorded_ticks() */
};

/* What came of a CPU's ticks and reads. Whoever does it adds to it; nobody acts upon it. */
struct bu_cs_account {
	uint64_t ticks, reads, attempts, hangs;	/* attempts - reads: retries; hangs: hang_detected */
	uint64_t device_reads;			/* accesses of the device, each read_ns of it */
	uint64_t retries[4];			/* reads that took 0, 1, 2, 3 or more of them */
	int64_t read_ns, read_max_ns;		/* in ktime_get(), all together and the longest */
	int64_t late_max_ns;			/* longest from the expiry of a tick to its handler */
	int64_t irq_ns;				/* in tick handlers */
	int64_t stopped_ns, stopped_since_ns;	/* without a tick, while idle (nohz); since then; 0: it ticks */
	bool had_duty;				/* has kept jiffies */
	int64_t reading_since_ns;		/* a read that goes on now; -1: none */
	uint64_t attempts_now;			/* of that one */
	uint64_t backwards;			/* reads whose answer was before that of the CPU's last */
	int64_t last_ns;			/* that answer */
	const struct bu_cs_tick *call;		/* recorded: that reads now, */
	int attempt;				/* for so many times already */
	int64_t owed_ns;				/* CPU time of reads that is spent with the next work */
	int64_t stopper_ns;			/* when its stopper ran last */
	int64_t soft_lockup_ns;			/* when watchdog_timer_fn() spoke; -1: never */
	int64_t soft_lockup_stuck_s;		/* as it says */
};

enum bu_cs_mark {
	BU_CS_AT_QUEUED, BU_CS_AT_ARRIVED, BU_CS_AT_RUN, BU_CS_AT_RAN, BU_CS_AT_DONE, BU_CS_AT_NOTIFIED, BU_CS_NR_MARKS
};

struct bu_cs_tick {		/* of the recording: a call that read the clock, or an update of the timekeeper */
	int64_t at_ns;
	int32_t cpu;
	uint32_t first_read;	/* of its attempts, see read_ns() */
	uint16_t reads;		/* attempts that it took */
	bool update;
};

struct bu_clocksource_ops {
	uint32_t size, abi;
	const struct bu_cs_config *(*config)(struct bu_machine *);
	struct bu_cs_account *(*accounts)(struct bu_machine *);	/* by CPU */
	void (*mark)(struct bu_machine *, int cpu, enum bu_cs_mark);
	/* sends each recorded call and update as an interrupt; the handler is given its struct bu_cs_tick, constant */
	void (*recorded_ticks)(struct bu_machine *, bu_thread_fn handler);
	/* recorded: how long attempt @i of the call took; of those that it did not take, as long as its last */
	int64_t (*read_ns)(struct bu_machine *, const struct bu_cs_tick *, int i);
	void (*jiffies)(struct bu_machine *, int64_t late_ns);	/* jiffies were brought up to date, so late */
	void (*unstable)(struct bu_machine *, int64_t delay_ns);	/* the clocksource watchdog gave the clock up, for such a delay */
};

static inline const struct bu_clocksource_ops *bu_cs(struct bu_machine *m)
{
	return (const struct bu_clocksource_ops *)bu_tables(m)->family;
}

#endif
