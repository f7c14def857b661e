/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug_int.h - what the loaders of a schedule share: hotplug.c (the boot) and hotplug_ops.c (operations at runtime).
 */
#ifndef BU_REPLAY_SCHEDULE_HOTPLUG_INT_H
#define BU_REPLAY_SCHEDULE_HOTPLUG_INT_H

#include "replay/schedule/hotplug.h"
#include "schemas/base/ns.h"

/* loop_timeout(), arch/x86/kernel/tsc_sync.c v6.12: the first CPU of a package, others. */
#define HOTPLUG_TSC_LOOP_PACKAGE_NS (20 * BU_NS_PER_MS)
#define HOTPLUG_TSC_LOOP_NS (2 * BU_NS_PER_MS)

/* The milestones of one CPU's way up (schemas/derive_bringup.sql), since the start of the recording. */
struct milestones {
	int64_t prepare, kick, kick_last, kick_end, first_sign, alive, bringup, release, starting, tsc_target,
		tsc_source, tsc_end, idle, kick_thread, thread, online, done, rollback_end;
};

struct stretch;
struct busy_edge;
struct turns;

struct loader {
	struct bu_db *db;
	struct bu_hp_schedule *s;
	struct bu_err *err;
	int64_t origin;		/* ts_ns of the start of the recording */
	struct stretch *stretches;
	size_t n_stretches, cap_stretches;
	struct milestones *miles;	/* one per CPU of the schedule */
	int64_t *ops;		/* hotplug_op.id per CPU of the schedule */
	int64_t host_cpus;	/* of the host of the machine that was recorded; 0: as many as it wanted */
	int64_t host_milli;	/* what others left of them, in thousandths */
	int64_t emulator_ns, emulator_tick_ns;	/* as in struct bu_hp_machine */
	struct busy_edge *edges;
	size_t n_edges, cap_edges;
	struct turns *turns;	/* one per CPU of the schedule, or NULL */
};

static inline bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

static inline int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;	/* unknown is the smallest value there is */
}

/* How much later @to is than @from; 0 where it is not, or either is unknown. */
static inline int64_t gap_between(int64_t from, int64_t to)
{
	return known(from) && known(to) ? later(to - from, 0) : 0;
}

int hotplug_oom(struct loader *l);
int64_t hotplug_rebase(const struct loader *l, int64_t ts_ns);
/* Index into the schedule's names of the text in a column, or of @text. Return: 0; -EILSEQ when it is none of them. */
int hotplug_name(struct loader *l, const char *text, uint32_t *ret);
/* From milestones to the parts of one way up. */
void hotplug_parts(struct bu_hp_cpu *cpu, const struct milestones *m, bool parallel);
/* A stretch of time that is known to hold the @n parts, which follow one another: the first gets all of it. */
void hotplug_share(struct bu_hp_part **parts, size_t n, int64_t whole);
enum bu_cpu_verdict hotplug_verdict(const char *text);

/**
 * hotplug_to_service_time() - Milestones become service time, in which no CPU ever had to share (hotplug_shared.c).
 * Return: 0; -ENOMEM.
 */
int hotplug_to_service_time(struct loader *l);
/* What a busy CPU could have done on a CPU of its own up to @at. */
int64_t hotplug_service_at(const struct loader *l, int64_t at);
/* Parts become shorter by what they waited for the emulator. */
void hotplug_take_turns_out(struct loader *l);

/**
 * hotplug_load_ops() - The operations of a recording of runtime hotplug, and its timeline, into l->s.
 * Return: 0, also when it has none; -ENOMEM, -EILSEQ, errors of the store.
 */
int hotplug_load_ops(struct loader *l);

/**
 * hotplug_load_readers() - What other tasks ran meanwhile, into l->s->bursts.
 * Return: 0; -ENOMEM; errors of the store.
 */
int hotplug_load_readers(struct loader *l);

#endif
