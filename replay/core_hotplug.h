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
	/* And of its way down. */
	BU_HP_LOCK_WAIT,	/* control: asleep for the locks of the operation, up or down; not to be spent as work */
	BU_HP_DOWN_WAKE,	/* CPU: cpuhp/N wakes up */
	BU_HP_DOWN_DONE,	/* control: wakes up after the CPU's own steps */
	BU_HP_TAKEDOWN_ENTRY,	/* control: into takedown_cpu() */
	BU_HP_PARK,		/* control: until cpuhp/N is parked and it has woken up from that */
	BU_HP_STOP_MEET,	/* CPU, in its stopper: from the call of stop_machine to take_cpu_down() */
	BU_HP_DYING,		/* CPU, interrupts off: take_cpu_down() */
	BU_HP_IDLE_DEAD,	/* CPU: from there to its idle loop, which finds it offline */
	BU_HP_DEAD_IPI,		/* from there to the interrupt that tells the control CPU's task */
	BU_HP_DEAD_DONE,	/* control: wakes up from that */
	BU_HP_TAKEDOWN_EXIT,	/* control: the rest of takedown_cpu() */
	BU_HP_NR_WORK
};

enum bu_hp_section {
	BU_HP_PREPARE, BU_HP_ONLINE_STEPS,	/* up: callbacks on the control CPU; on the CPU itself */
	BU_HP_DOWN_STEPS, BU_HP_DEAD_STEPS,	/* down: on the CPU itself; on the control CPU when it is dead */
	BU_HP_NR_SECTIONS
};

enum bu_hp_mark {		/* instants of a CPU that reports are made of */
	BU_HP_AT_PREPARE, BU_HP_AT_KICK, BU_HP_AT_ALIVE, BU_HP_AT_RELEASE, BU_HP_AT_IDLE, BU_HP_AT_ONLINE,
	BU_HP_NR_MARKS
};

/*
 * What the machine is, F(name, unit, default, min, max, meaning): read from the capture, from a description file, or by default
 * (replay/describe.h; `bringup machine`). -1: as recorded, that is the recorded durations hold it already. Appended to only.
 */
#define BU_HP_MACHINE_FIELDS(F) \
	/* topology, of CPUs that the recording has not; see bu_hotplug_ops.place for each CPU */ \
	F(packages, "", 1, 1, 65536, "packages (sockets)") \
	F(dies_per_package, "", 1, 1, 1024, "dies in a package") \
	F(cores_per_die, "", 65536, 1, 65536, "cores in a die") \
	F(threads_per_core, "", 1, 1, 8, "threads in a core") \
	F(nodes, "", 1, 1, 65536, "memory nodes") \
	F(siblings_last, "bool", 0, 0, 1, "numbering: 1: first threads of all cores before the others; 0: core by core") \
	/* waking a CPU: wakeup_secondary_cpu_via_init(), arch/x86/kernel/smpboot.c v6.1 and v6.12 */ \
	F(init_udelay_ns, "ns", 0, -1, 1000000000, "INIT assert to deassert: 0, on old CPU families 10 ms; cpu_init_udelay=") \
	F(sipi_ns, "ns", 10000, 0, 1000000000, "after each STARTUP: 10 us, 300 us with a long init_udelay") \
	F(sipi_accept_ns, "ns", 10000, 0, 1000000000, "until it is accepted: 10 us, 200 us with a long init_udelay") \
	F(alive_ns, "ns", -1, -1, 60000000000, "INIT/SIPI to the first word that the control CPU can see") \
	/* TSC: tsc_sync.c; delay calibration: init/calibrate.c */ \
	F(tsc_constant, "bool", -1, -1, 1, "CONSTANT_TSC: the delay loop is calibrated once per package, if at all") \
	F(tsc_reliable, "bool", -1, -1, 1, "TSC_RELIABLE or tsc=reliable: CPUs are not checked") \
	F(tsc_adjust, "bool", -1, -1, 1, "TSC_ADJUST: only the first CPU of a package is checked, 20 ms; else each, 2 ms or 20 ms") \
	F(calibrate_ns, "ns", -1, -1, 60000000000, "calibrate_delay() of a CPU that has nobody to copy from") \
	/* microcode: load_ucode_ap() */ \
	F(microcode_primary_ns, "ns", -1, -1, 60000000000, "loading it on the first thread of a core") \
	F(microcode_sibling_ns, "ns", -1, -1, 60000000000, "finding it loaded, on the others") \
	/* waking tasks, polling, interrupts */ \
	F(wakeup_ns, "ns", -1, -1, 1000000000, "from a wake-up to the first action of the woken task; part of the work, see below") \
	F(poll_ns, "ns", 0, 0, 1000000000, "one round of a spin loop; 0: it ends at once") \
	F(sync_spin_ns, "ns", 1000000, 0, 10000000000, "cpuhp_wait_for_sync_state(): polls busily for so long") \
	F(sync_sleep_min_ns, "ns", 1000000, 0, 10000000000, "and then sleeps between looks, at least") \
	F(sync_sleep_max_ns, "ns", 2000000, 0, 10000000000, "and at most") \
	F(ipi_ns, "ns", 0, 0, 1000000000, "from sending an interrupt to its arrival") \
	F(irq_ns, "ns", 0, 0, 1000000000, "entering and leaving an interrupt") \
	F(switch_ns, "ns", 0, 0, 1000000000, "a context switch") \
	/* overcommit: replay/machine/physical.c */ \
	F(physical_cpus, "", 0, 0, 65536, "CPUs of the host that the machine's share; 0: each has its own") \
	F(host_load, "permille", 0, 0, 999, "of each of them, for other load of the host") \
	F(host_quantum_ns, "ns", 0, 0, 10000000000, "round robin with this slice; 0: by virtual runtime, as Linux") \
	F(host_latency_ns, "ns", 0, 0, 10000000000, "sched_latency; 0: as Linux 6.1 has it") \
	F(host_min_granularity_ns, "ns", 0, 0, 10000000000, "sched_min_granularity; 0: as Linux 6.1 has it") \
	F(host_wakeup_granularity_ns, "ns", 0, 0, 10000000000, "sched_wakeup_granularity; 0: as Linux 6.1 has it") \
	F(host_tick_ns, "ns", 0, 0, 1000000000, "the host's tick, at which slices end; 0: when they are used up") \
	/* work of a machine that nobody recorded; a recording has its own, so there these are refused */ \
	F(prepare_primary_ns, "ns", -1, -1, 60000000000, "control CPU: cpu_up() and all prepare steps, first thread of a core") \
	F(prepare_sibling_ns, "ns", -1, -1, 60000000000, "likewise, the other threads") \
	F(alive_sibling_ns, "ns", -1, -1, 60000000000, "INIT/SIPI to alive, the other threads; -1: as alive_ns") \
	F(starting_ns, "ns", -1, -1, 60000000000, "CPU: from its release to its idle loop, without what is named above") \
	F(online_primary_ns, "ns", -1, -1, 60000000000, "CPU: its online steps, first thread of a core") \
	F(online_sibling_ns, "ns", -1, -1, 60000000000, "likewise, the other threads") \
	F(smt_present_ns, "ns", -1, -1, 60000000000, "patching sched_smt_present, once, by the first sibling of the last package") \
	/* an emulated machine: replay/machine/physical.c */ \
	F(emulator_ns, "ns", 0, 0, 1000000000, "a CPU that polls keeps the emulator's lock from who needs it; 0: not emulated") \
	F(emulator_tick_ns, "ns", 0, 0, 1000000000, "period of timer interrupts, which need that lock too; 0: none")

struct bu_hp_machine {
	uint32_t size;
#define BU_HP_MACHINE_FIELD(name, unit, def, min, max, meaning) int64_t name;
	BU_HP_MACHINE_FIELDS(BU_HP_MACHINE_FIELD)
#undef BU_HP_MACHINE_FIELD
};

struct bu_hp_place {		/* where a CPU is; ids as sysfs has them, -1: not known */
	uint32_t size;
	int32_t package, die, core, thread, node;
};

/* A CPU taken down or brought up while the system runs. */
struct bu_hp_op {
	uint32_t size;
	int cpu;
	bool down;
};

/* A task of the recording runs, without a switch to another, while CPUs come and go. */
struct bu_hp_burst {
	uint32_t size;
	int task;			/* a number for it; bursts are ordered by task, then by start_ns */
	int cpu;
	bool bound;			/* a per-CPU thread: PF_NO_SETAFFINITY */
	int64_t start_ns, ns;		/* start: since the first operation began */
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
	const struct bu_hp_machine *(*description)(struct bu_machine *);	/* lives as long as the run */
	const struct bu_hp_place *(*place)(struct bu_machine *, int cpu);	/* likewise */
	/*
	 * Operations at runtime, in the order in which they were asked for; none: the recording is a boot, its CPUs are dead when
	 * it begins, else online. think: sleep until operation i is asked for. op_begin: from here on what is done for its CPU
	 * is that of operation i, by the calling thread. op_started: its first step begins. op_end: it is over with @ret.
	 */
	int (*nr_ops)(struct bu_machine *);
	const struct bu_hp_op *(*op)(struct bu_machine *, int i);
	void (*think)(struct bu_machine *, int i);
	void (*op_begin)(struct bu_machine *, int i);
	void (*op_started)(struct bu_machine *, int i);
	void (*op_end)(struct bu_machine *, int i, int ret);
	bool (*never_dies)(struct bu_machine *, int cpu);	/* going down, it is never found dead */
	const char *(*step_name)(struct bu_machine *, int cpu, enum bu_hp_section, int i);
	int (*step_state)(struct bu_machine *, int cpu, enum bu_hp_section, int i);	/* its number in the recorded kernel */
	int64_t (*step_sleep)(struct bu_machine *, int cpu, enum bu_hp_section, int i);	/* ns that it slept in the recording */
	/* as step(), but where it slept @wait(@arg) runs instead of sleeping as long as in the recording */
	int (*step_waiting)(struct bu_machine *, int cpu, enum bu_hp_section, int i, bu_thread_fn wait, void *arg);
	/* spend @ns on part @part, recorded as such: a duration that the core has from elsewhere than the recording */
	void (*spend)(struct bu_machine *, int cpu, enum bu_hp_work part, int64_t ns);
	/* the teardown of callback i, the last one of its section that has run and is not undone */
	void (*undo)(struct bu_machine *, int cpu, enum bu_hp_section, int i);
	void (*message)(struct bu_machine *, int cpu, const char *text);	/* what the kernel prints about @cpu; a string constant */
	/* bursts of tasks that are no part of hotplug, on CPUs that the machine has; @i from 0, NULL: no more */
	const struct bu_hp_burst *(*burst)(struct bu_machine *, int i);
};

static inline const struct bu_hotplug_ops *bu_hp(struct bu_machine *m)
{
	return (const struct bu_hotplug_ops *)bu_tables(m)->family;
}

#endif
