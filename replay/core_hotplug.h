/* SPDX-License-Identifier: MIT */
/*
 * core_hotplug.h - what hotplug cores are given besides the machine: the work of each CPU's way up and down, and the marks
 * that reports are made of.
 *
 * CPUs are numbered as the machine numbers them, 0 being the CPU that controls the bring-up. The core's control function
 * runs there as the thread kernel_init; all other CPUs are dead when a boot begins, and online when a recording of runtime
 * hotplug does.
 */
#ifndef BU_REPLAY_CORE_HOTPLUG_H
#define BU_REPLAY_CORE_HOTPLUG_H

#include "replay/core.h"

/* The parts of one CPU's way up, in the order of the way; docs/methods.md says how each is taken from a trace. */
enum bu_hp_work {
	BU_HP_ENTRY,		/* control: into cpu_up() for the first step (locks, idle task) */
	BU_HP_KICK_ENTRY,	/* control: from the last prepare step into the kick step */
	BU_HP_KICK,		/* control: the kick step up to INIT/SIPI */
	BU_HP_KICK_TAIL,	/* control: the rest of the kick step, the CPU already starting */
	BU_HP_DARK,		/* CPU: INIT/SIPI to the first word that the control CPU can see */
	BU_HP_BRINGUP_ENTRY,	/* control: into cpu_up() again for the online pass (split start-up) */
	BU_HP_RELEASE,		/* control: from finding the CPU alive to releasing it */
	BU_HP_RELEASED,		/* CPU: from its release to the first work afterwards */
	BU_HP_STARTING,		/* CPU: identify, topology, STARTING callbacks */
	BU_HP_TSC_JOIN,		/* partner: from the CPU's arrival at the TSC check to its own */
	BU_HP_TSC_SYNC,		/* both: the TSC check */
	BU_HP_ONLINE,		/* CPU: set_cpu_online, tick, to cpuhp_online_idle */
	BU_HP_UNPARK,		/* control: wake up, unpark cpuhp/N, kick it */
	BU_HP_THREAD_WAKE,	/* CPU: cpuhp/N wakes up */
	BU_HP_DONE,		/* control: wakes up after the last online step, leaves the bring-up step */
	BU_HP_EXIT,		/* control: after the CPU's last step, before the next cpu_up() */
	BU_HP_NR_WORK
};

enum bu_hp_section { BU_HP_PREPARE, BU_HP_ONLINE_STEPS };	/* callbacks on the control CPU; on the CPU itself */

enum bu_hp_mark {		/* instants of a CPU that reports are made of */
	BU_HP_AT_PREPARE, BU_HP_AT_KICK, BU_HP_AT_ALIVE, BU_HP_AT_RELEASE, BU_HP_AT_IDLE, BU_HP_AT_ONLINE,
	BU_HP_NR_MARKS
};

struct bu_hotplug_ops {
	uint32_t size, abi;
	bool (*is_primary)(struct bu_machine *, int cpu);	/* first thread of its core, as far as known */
	/* spend the time of one part on the CPU that runs this, named and recorded as such; returns ns of CPU time */
	int64_t (*work)(struct bu_machine *, int cpu, enum bu_hp_work part);
	int64_t (*duration)(struct bu_machine *, int cpu, enum bu_hp_work part);	/* without spending it */
	bool (*never_comes)(struct bu_machine *, int cpu);	/* the recording has it kicked but never alive */
	int (*nr_steps)(struct bu_machine *, int cpu, enum bu_hp_section);
	/* run callback i: its overhead, its duration; returns what it returned in the recording, 0 or -errno */
	int (*step)(struct bu_machine *, int cpu, enum bu_hp_section, int i);
	void (*lead_in)(struct bu_machine *);		/* control: smp_init up to the first cpu_up() */
	void (*mark)(struct bu_machine *, int cpu, enum bu_hp_mark);
	void (*failed)(struct bu_machine *, int cpu, int ret);	/* the core gives this CPU up */
	void (*replay_recording)(struct bu_machine *);	/* every interval and mark at its recorded time */
};

static inline const struct bu_hotplug_ops *bu_hp(struct bu_machine *m)
{
	return (const struct bu_hotplug_ops *)bu_tables(m)->family;
}

#endif
