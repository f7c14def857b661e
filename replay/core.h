/* SPDX-License-Identifier: MIT */
/*
 * core.h - all that the author of a core sees: the machine it runs on, the work it is given, how it is announced.
 *
 * A core is one implementation of a kernel algorithm, written as straight-line C that reads like the kernel's own.
 * It acts only through the host operations below, keeps no state of its own outside its stack and the words it asks
 * for, and shares nothing between tasks but words. replay/cores/hotplug/serial.c is a complete small example.
 *
 * Versions: structs that cross the border begin with their size; fields are only ever appended. BU_CORE_ABI changes
 * when something breaks.
 */
#ifndef BU_REPLAY_CORE_H
#define BU_REPLAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BU_CORE_ABI 1

struct bu_host;			/* one run; opaque */

/* ---------------------------------------------------------------------------------- the machine, any family */

enum bu_when { BU_WHEN_EQ, BU_WHEN_NE, BU_WHEN_GE, BU_WHEN_LE };	/* guard of an await: word WHEN value */
enum bu_then { BU_THEN_NOTHING, BU_THEN_STORE, BU_THEN_ADD };		/* effect in the same step */

struct bu_await {
	uint32_t size;		/* sizeof(struct bu_await) */
	uint32_t word;
	enum bu_when when;
	int64_t value;
	enum bu_then then;
	int64_t operand;
	int64_t timeout_ns;	/* negative: none */
	const char *point;	/* name of the wait point, a string literal: "W1 cpu_initialized_mask" */
	int32_t cpu;		/* whom for, or -1 */
	bool spins;		/* the CPU is busy while it waits (polling), so it takes its share of an overcommitted host */
};

struct bu_host_ops {
	uint32_t size, abi;
	int64_t (*now_ns)(struct bu_host *);
	void (*delay)(struct bu_host *, int64_t ns);		/* spend time without a name */
	uint32_t (*word)(struct bu_host *, const char *name, int64_t value);	/* a new shared word */
	int64_t (*load)(struct bu_host *, uint32_t word);
	void (*store)(struct bu_host *, uint32_t word, int64_t value);
	int64_t (*add)(struct bu_host *, uint32_t word, int64_t delta);
	int64_t (*cmpxchg)(struct bu_host *, uint32_t word, int64_t old, int64_t new_value);
	/* 0 at once, 1 after having waited, -ETIMEDOUT */
	int (*await)(struct bu_host *, const struct bu_await *);
	/* hold a word made with value 1, first come first served, for a time */
	void (*serialise)(struct bu_host *, uint32_t word, int64_t ns, const char *point);
	/* a new task on a CPU, ready now */
	void (*spawn)(struct bu_host *, const char *name, int cpu, void (*fn)(struct bu_host *, void *), void *arg);
	void *(*alloc)(struct bu_host *, size_t bytes);		/* zeroed, lives as long as the run; never NULL */
	void (*fail)(struct bu_host *, const char *why);	/* a rule of the core is broken: ends the run */
	int64_t (*param)(struct bu_host *, int index);		/* value of the core's parameter by its index */
};

/* ------------------------------------------------------------------------------------------------- hotplug */

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

struct bu_hp_interval {		/* an interval of the recording, for the `recorded` core */
	uint32_t size;
	int32_t lane, cpu;	/* CPU that spent it; CPU that it was for */
	int64_t start_ns, end_ns;	/* since the start of the bring-up */
	bool end_known;
};

struct bu_hotplug_ops {
	uint32_t size, abi;
	int (*nr_cpus)(struct bu_host *);		/* CPUs 0..n-1 of the run, the control CPU among them */
	int (*control_cpu)(struct bu_host *);
	bool (*is_primary)(struct bu_host *, int cpu);	/* first thread of its core, as far as known */
	/* spend the time of one part, named and recorded as such; returns nanoseconds spent */
	int64_t (*work)(struct bu_host *, int cpu, enum bu_hp_work part);
	int64_t (*duration)(struct bu_host *, int cpu, enum bu_hp_work part);	/* without spending it */
	bool (*never_comes)(struct bu_host *, int cpu);	/* the recording has it kicked but never alive */
	int (*nr_steps)(struct bu_host *, int cpu, enum bu_hp_section);
	/* run callback i: its overhead, its duration; returns what it returned in the recording, 0 or -errno */
	int (*step)(struct bu_host *, int cpu, enum bu_hp_section, int i);
	void (*lead_in)(struct bu_host *);		/* control: smp_init up to the first cpu_up() */
	void (*mark)(struct bu_host *, int cpu, enum bu_hp_mark);
	void (*failed)(struct bu_host *, int cpu, int ret);	/* the core gives this CPU up */
	/* the recording itself, ordered by (lane, cpu, start); only the `recorded` core uses it */
	int (*nr_recorded)(struct bu_host *);
	void (*recorded)(struct bu_host *, int i, struct bu_hp_interval *ret);
	void (*replay_interval)(struct bu_host *, int i);	/* sleep to its start, spend it as recorded */
	void (*recorded_marks)(struct bu_host *, int cpu);	/* take this CPU's instants from the recording */
};

/* The host's tables, as the first words of every struct bu_host. */
struct bu_host_tables {
	const struct bu_host_ops *ops;
	const struct bu_hotplug_ops *hotplug;	/* NULL in runs of other families */
};

static inline const struct bu_host_ops *bu_ops(struct bu_host *h)
{
	return ((const struct bu_host_tables *)h)->ops;
}

static inline const struct bu_hotplug_ops *bu_hp(struct bu_host *h)
{
	return ((const struct bu_host_tables *)h)->hotplug;
}

/* ------------------------------------------------------------------------------------------ announcing a core */

struct bu_param {
	const char *name, *unit, *help;
	int64_t def, min, max;
};

struct bu_core_def {
	uint32_t size, abi;
	const char *family;		/* "hotplug" */
	const char *name, *summary;
	const char *source;		/* kernel version, commit or mail that it follows */
	const struct bu_param *params;	/* ends with name NULL; or NULL */
	/* Required. The control CPU's task: brings the secondary CPUs up. Everything else is spawned by it. */
	void (*control)(struct bu_host *);
};

#ifdef BU_PLUGIN
#define BU_CORE_DEFINE(family, name) const struct bu_core_def bu_core_plugin
#else
#define BU_CORE_DEFINE(family, name) \
	extern const struct bu_core_def bu_core_##family##_##name; \
	const struct bu_core_def bu_core_##family##_##name
#endif

#endif
