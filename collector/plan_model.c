// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_model.c - how much a boot will write into its trace buffers.
 *
 * Flow: events and functions of a line + plan_counts.c -> [plan_model] -> sizes in plan.c, verdicts in plan_traps.c.
 *
 * Each hook fires so many times per boot, and so many more for each further CPU. Both numbers come from one line through
 * two real boots, of 8 and of 64 CPUs. What does not grow with the CPUs is mostly the work of the init task, which runs
 * wherever the scheduler puts it; all of it is therefore charged to the boot CPU, and once more to the fullest of the
 * others. So the prediction for one CPU is an upper bound by intent, the one for all CPUs together is not.
 *
 * Record sizes are 4 bytes of ring-buffer header plus the record rounded up to 4 (kernel/trace/ring_buffer.c, 6.1), with
 * 1.5 % added for the time extensions between distant events; that is what is missing in the captures.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "collector/plan_int.h"

enum { SMALL = 8, LARGE = 64 }; /* CPUs of the boots in plan_counts.c */

/* Bytes of one record in the buffer: of kernels in general, and of 6.1-rt, whose common fields end at 12, not 8. */
static const struct record_size {
	const char *hook;
	int bytes, bytes_rt;
} record_sizes[] = {
	{ "cpuhp:cpuhp_enter", 36, 36 },
	{ "cpuhp:cpuhp_multi_enter", 36, 36 },
	{ "cpuhp:cpuhp_exit", 28, 32 },
	{ "initcall:initcall_level", 24, 28 },
	{ "initcall:initcall_start", 20, 28 },
	{ "initcall:initcall_finish", 24, 32 },
	{ "irq_vectors:", 16, 20 },
	{ "exceptions:", 36, 44 },
	{ "sched:sched_switch", 68, 76 },
	{ "sched:", 52, 56 },
	{ "percpu:", 20, 28 },
	{ "vmalloc:", 60, 64 },
	{ "", 28, 36 }, /* a function and its caller */
};

bool bu_plan_kernel_since(const struct bu_plan_kernel *kernel, int major, int minor)
{
	return kernel->major > major || (kernel->major == major && kernel->minor >= minor);
}

/* CONFIG_HOTPLUG_PARALLEL is selected by x86 since 6.5 (arch/x86/Kconfig); Debian's 6.1 has no passes. */
bool bu_plan_parallel(const struct bu_plan_kernel *kernel)
{
	return kernel->x86 && bu_plan_kernel_since(kernel, 6, 5);
}

const char *bu_plan_basis(const struct bu_plan_kernel *kernel)
{
	if (!kernel->x86)
		return "counted in boots of x86 guests of 8 and 64 CPUs (QEMU TCG), Debian 6.1: a "
		       "guess for this architecture";
	if (bu_plan_parallel(kernel))
		return "counted in boots of 8 and 64 CPUs of Debian 6.12 (x86, QEMU TCG); upper bound "
		       "for one CPU; until init starts";
	return "counted in boots of 8 and 64 CPUs of Debian 6.1 (x86, QEMU TCG); upper bound for one "
	       "CPU; until init starts";
}

static int record_bytes(const struct bu_plan_kernel *kernel, const char *hook)
{
	const struct record_size *s = record_sizes;

	while (strncmp(hook, s->hook, strlen(s->hook)))
		s++;
	return kernel->rt ? s->bytes_rt : s->bytes;
}

bool bu_plan_event_matches(const char *item, const char *hook)
{
	const char *colon = strchr(hook, ':'), *event = colon + 1, *item_colon = strchr(item, ':');
	size_t system_len = (size_t)(colon - hook);

	if (!item_colon) /* either the system or the event is called so */
		return !strcmp(item, event) ||
		       (strlen(item) == system_len && !strncmp(item, hook, system_len));
	if ((size_t)(item_colon - item) != system_len || strncmp(item, hook, system_len))
		return false;
	return !item_colon[1] || !strcmp(item_colon + 1, "*") || !strcmp(item_colon + 1, event);
}

/* Whether @word stands in the comma-separated lists of one column of the sections. */
static bool is_ours(const char *word, bool event)
{
	const char *pos;
	char item[128];
	size_t i;

	for (i = 0; i < bu_plan_n_sections; i++) {
		pos = event ? bu_plan_sections[i].events : bu_plan_sections[i].functions;
		while (pos && bu_list_next(&pos, ",", item, sizeof(item)))
			if (!strcmp(item, word))
				return true;
	}
	return false;
}

static void note_unmeasured(struct bu_plan_prediction *p, const char *item)
{
	if (!p->unmeasured++)
		snprintf(p->first_unmeasured, sizeof(p->first_unmeasured), "%s", item);
}

/* Counts what in the lists no measurement covers. A pattern of our own lists that never fired is measured: as never. */
static void find_unmeasured(const char *events, const char *functions, struct bu_plan_prediction *p)
{
	const char *pos = events;
	char item[128];
	bool known;
	size_t i;

	while (bu_list_next(&pos, ",", item, sizeof(item))) {
		known = is_ours(item, true);
		for (i = 0; i < bu_plan_n_counts && !known; i++)
			known = strchr(bu_plan_counts[i].hook, ':') &&
				bu_plan_event_matches(item, bu_plan_counts[i].hook);
		if (!known)
			note_unmeasured(p, item);
	}
	pos = functions;
	while (pos && bu_list_next(&pos, ",", item, sizeof(item))) {
		p->patterns++;
		known = is_ours(item, false);
		for (i = 0; i < bu_plan_n_counts && !known; i++)
			known = !strcmp(bu_plan_counts[i].hook, item);
		if (!known)
			note_unmeasured(p, item);
	}
}

static bool traced(const char *hook, const char *events, const char *functions)
{
	bool event = strchr(hook, ':');
	const char *pos = event ? events : functions;
	char item[128];

	while (pos && bu_list_next(&pos, ",", item, sizeof(item)))
		if (event ? bu_plan_event_matches(item, hook) : !fnmatch(item, hook, 0))
			return true;
	return false;
}

/* Adds one hook, of which @small and @large were counted, to sums that are kept times (LARGE - SMALL). */
static void add_hook(int64_t cpus, int64_t bytes, int small_boot, int small_other, int large_boot,
		     int large_other, struct bu_plan_prediction *p)
{
	int64_t grow_boot = large_boot > small_boot ? large_boot - small_boot : 0;
	int64_t grow_other = large_other > small_other ? large_other - small_other : 0;
	int64_t grow = (int64_t)large_boot + large_other - small_boot - small_other;
	int64_t fixed = (int64_t)(small_boot + small_other) * (LARGE - SMALL) - (SMALL - 1) * grow;
	int64_t further = cpus - 1;

	if (fixed < 0)
		fixed = 0;
	if (grow < 0)
		grow = 0;
	/* Fixed work that happened to run on another CPU in the larger boot is no growth. */
	if (grow_boot > grow)
		grow_boot = grow;
	if (grow_other > grow)
		grow_other = grow;
	p->boot_events += fixed + further * grow_boot;
	p->boot_bytes += (fixed + further * grow_boot) * bytes;
	p->fixed_bytes += fixed * bytes;
	p->per_cpu_bytes += grow_boot * bytes;
	p->other_bytes += further ? (fixed + grow_other) * bytes : 0;
	p->total_events += fixed + further * grow;
	p->total_bytes += (fixed + further * grow) * bytes;
}

static int64_t with_extensions(int64_t bytes)
{
	return (bytes + bytes * 15 / 1000) / (LARGE - SMALL);
}

void bu_plan_predict(const struct bu_plan_kernel *kernel, int64_t cpus, const char *events,
		     const char *functions, struct bu_plan_prediction *ret)
{
	struct bu_plan_prediction p = { 0 };
	int era = bu_plan_parallel(kernel);
	size_t i;

	for (i = 0; i < bu_plan_n_counts; i++) {
		const struct bu_plan_count *c = &bu_plan_counts[i];

		if (traced(c->hook, events, functions))
			add_hook(cpus, record_bytes(kernel, c->hook), c->n[era][0].boot,
				 c->n[era][0].other, c->n[era][1].boot, c->n[era][1].other, &p);
	}
	p.boot_events /= LARGE - SMALL;
	p.total_events /= LARGE - SMALL;
	p.boot_bytes = with_extensions(p.boot_bytes);
	p.other_bytes = with_extensions(p.other_bytes);
	p.total_bytes = with_extensions(p.total_bytes);
	p.fixed_bytes = with_extensions(p.fixed_bytes);
	p.per_cpu_bytes = with_extensions(p.per_cpu_bytes);
	find_unmeasured(events, functions, &p);
	*ret = p;
}

int64_t bu_plan_wrap_cpus(const struct bu_plan_prediction *p, int64_t bytes)
{
	if (bytes < p->fixed_bytes)
		return 1;
	if (!p->per_cpu_bytes)
		return 0;
	return 1 + (bytes - p->fixed_bytes) / p->per_cpu_bytes;
}
