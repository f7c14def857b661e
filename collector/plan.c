// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan.c - see plan.h: from a profile and a machine to a command line, with its sizes and findings.
 *
 * Flow: plan_lists.c -> [plan] -> plan_traps.c -> cmd_plan.c. A plan is checked by the same traps as a line that somebody
 * typed, so that the planner cannot print what the checker would refuse.
 *
 * Top level or instance: the top level is the default, since only there the function tracer and trace_clock= work from
 * the command line (kernel/trace/trace.c, 6.12: trace_clock= sets global_trace, instances start on "local").
 */
#include "collector/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/plan_int.h"

/* The buffer is made half as large again as predicted, and at least so large. */
enum { RESERVE_PERCENT = 150, LEAST_BUFFER_KIB = 64 };

/*
 * Per CPU of a persistent buffer: enough for the newest events, which are what a hang is about. 8 pages hold about a
 * thousand records; the split is even, so more would only cost.
 */
#define PERSISTENT_PER_CPU (8 * BU_PLAN_SUBBUF)
#define PERSISTENT_NAME	   "bringup"
#define PERSISTENT_EVENTS  "cpuhp:*"

int bu_plan_kernel_parse(const char *release, const char *machine, struct bu_plan_kernel *ret,
			 struct bu_err *err)
{
	struct bu_plan_kernel k = { .major = 0 };
	int end = 0;

	if (sscanf(release, "%d.%d%n", &k.major, &k.minor, &end) < 2 || k.major < 1 ||
	    k.minor < 0 || strlen(release) >= sizeof(k.release))
		return bu_fail(
			err, -EINVAL,
			"'%s' is no kernel release; give what uname -r prints, like 6.12.113",
			release);
	if (!bu_plan_kernel_since(&k, 5, 10))
		return bu_fail(err, -EINVAL,
			       "kernel %s: nothing is known about kernels before 5.10", release);
	k.x86 = !strcmp(machine, "x86_64") || (machine[0] == 'i' && !strcmp(machine + 2, "86"));
	if (!k.x86 && strcmp(machine, "aarch64"))
		return bu_fail(err, -EINVAL,
			       "nothing is known about kernels for '%s'; x86_64, i686 and aarch64 "
			       "are known",
			       machine);
	snprintf(k.release, sizeof(k.release), "%s", release);
	/* PREEMPT_RT's lazy preemption count makes the common fields longer, until 6.12 took RT in without it. */
	k.rt = strstr(release, "-rt") && !bu_plan_kernel_since(&k, 6, 12);
	*ret = k;
	return 0;
}

/*
 * COMMAND_LINE_SIZE is 2048 with the NUL on x86 (arch/x86/include/asm/setup.h) and arm64 (include/uapi/asm/setup.h), 6.1
 * and 6.12. One byte less was never tried, so one is left.
 */
size_t bu_plan_line_max(const struct bu_plan_kernel *kernel)
{
	(void)kernel;
	return 2046;
}

/* ---- strings in the plan's arena ---- */

static char *join(struct bu_arena *arena, const char *a, const char *separator, const char *b)
{
	size_t n = strlen(a) + strlen(separator) + strlen(b) + 1;
	char *s = bu_arena_alloc(arena, n);

	if (s)
		snprintf(s, n, "%s%s%s", a, *a && *b ? separator : "", b);
	return s;
}

/* Appends to *@list; false when memory is out. */
static bool append(struct bu_arena *arena, const char **list, const char *separator,
		   const char *item)
{
	char *s = join(arena, *list, separator, item);

	if (!s)
		return false;
	*list = s;
	return true;
}

/* ---- the line ---- */

static bool choose(const struct bu_plan_input *in, struct bu_arena *arena, const char **events,
		   const char **functions)
{
	size_t i;

	*events = *functions = "";
	for (i = 0; i < bu_plan_n_sections; i++) {
		const struct bu_plan_section *s = &bu_plan_sections[i];

		if (!bu_plan_section_in(s, in->profile))
			continue;
		if (s->events && !append(arena, events, ",", s->events))
			return false;
		if (s->functions && !append(arena, functions, ",", s->functions))
			return false;
	}
	if (in->user_faults && !append(arena, events, ",", "exceptions:page_fault_user"))
		return false;
	if (in->no_functions || in->instance)
		*functions = NULL;
	return true;
}

/* 64, 96, 128, 192, ...: sizes that people recognise, with little waste. */
static int64_t round_kib(int64_t kib)
{
	int64_t size = LEAST_BUFFER_KIB;

	while (size < kib) {
		if (size + size / 2 >= kib)
			return size + size / 2;
		size *= 2;
	}
	return size;
}

static int64_t choose_buffer_kib(const struct bu_plan_input *in, const struct bu_plan_prediction *p)
{
	int64_t most = p->boot_bytes > p->other_bytes ? p->boot_bytes : p->other_bytes;

	return in->buffer_kib ? in->buffer_kib
			      : round_kib((most * RESERVE_PERCENT / 100 + 1023) / 1024);
}

static const char *make_addition(const struct bu_plan_input *in, struct bu_plan *plan)
{
	const char *events, *functions, *add = "";
	struct bu_arena *arena = &plan->arena;
	struct bu_plan_prediction p;
	char part[128];

	if (!choose(in, arena, &events, &functions))
		return NULL;
	bu_plan_predict(&in->kernel, in->cpus, events, functions, &p);
	if (!in->instance) {
		snprintf(part, sizeof(part), "trace_clock=%s",
			 in->kernel.x86 ? "x86-tsc" : "local");
		if (!append(arena, &add, " ", part))
			return NULL;
	}
	snprintf(part, sizeof(part), "trace_buf_size=%" PRId64 "K", choose_buffer_kib(in, &p));
	if (!append(arena, &add, " ", part) ||
	    !append(arena, &add, " ", in->instance ? "trace_instance=" : "trace_event=") ||
	    (in->instance &&
	     (!append(arena, &add, "", in->instance) || !append(arena, &add, "", ","))) ||
	    !append(arena, &add, "", events))
		return NULL;
	if (functions && (!append(arena, &add, " ", "ftrace=function ftrace_filter=") ||
			  !append(arena, &add, "", functions)))
		return NULL;
	if (in->persistent) {
		int64_t mib = (PERSISTENT_PER_CPU * in->cpus + (1 << 20) - 1) >> 20;

		snprintf(part, sizeof(part), "reserve_mem=%" PRId64 "M:4096:" PERSISTENT_NAME, mib);
		plan->next_boot =
			join(arena, part, " ",
			     "trace_instance=" PERSISTENT_NAME "_prev^traceoff@" PERSISTENT_NAME);
		if (!plan->next_boot || !append(arena, &add, " ", part) ||
		    !append(arena, &add, " ",
			    "trace_instance=" PERSISTENT_NAME "_prev@" PERSISTENT_NAME
			    "," PERSISTENT_EVENTS))
			return NULL;
	}
	return add;
}

/*
 * The present line with @add: in front of a "--", and once where the machine already runs with some of it, as it does
 * after the reboot that a plan was for.
 */
static const char *whole_line(const char *present, const char *add, struct bu_arena *arena)
{
	const char *pos = present, *line = "", *rest = "";
	size_t n;

	while (*(pos += strspn(pos, " \t\n"))) {
		n = strcspn(pos, " \t\n");
		if (n == 2 && !strncmp(pos, "--", 2)) {
			rest = pos;
			break;
		}
		/* A word with quotes is never one of ours, so cutting at its blanks does no harm. */
		char *word = bu_arena_alloc(arena, n + 1), *at;

		if (!word)
			return NULL;
		memcpy(word, pos, n);
		pos += n;
		at = strstr(add, word);
		if (at && (at == add || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			continue;
		if (!append(arena, &line, " ", word))
			return NULL;
	}
	if (!append(arena, &line, " ", add) || !append(arena, &line, " ", rest))
		return NULL;
	n = strlen(line);
	while (n && strchr(" \t\n", line[n - 1]))
		n--;
	((char *)line)[n] = 0;
	return line;
}

/* ---- the findings ---- */

static int find_traps(const struct bu_plan_input *in, struct bu_plan *plan)
{
	struct bu_trap_ctx ctx;
	size_t i;
	int rc;

	rc = bu_trap_ctx_init(&ctx, in, plan->line, &plan->arena);
	if (rc)
		return rc;
	plan->line_bytes = strlen(plan->line);
	plan->buffer_bytes = ctx.buffer_bytes;
	plan->memory_bytes = ctx.memory_bytes;
	plan->predicted = ctx.predicted;
	plan->wrap_cpus = bu_plan_wrap_cpus(&ctx.predicted, ctx.buffer_bytes);
	for (i = 0; i < bu_n_traps; i++) {
		struct bu_plan_finding f = { bu_traps[i].id, bu_traps[i].level, "",
					     bu_traps[i].instead, bu_traps[i].source };

		if (!bu_traps[i].found(&ctx, f.what, sizeof(f.what)))
			continue;
		if (bu_grow(&plan->findings, plan->n_findings, &plan->cap_findings, sizeof(f)))
			return -ENOMEM;
		plan->findings[plan->n_findings++] = f;
		if (f.level == BU_PLAN_REFUSE)
			plan->refused = true;
	}
	return 0;
}

/* How many CPUs a kernel with @line counts as possible: nrcpus() in kernel/smp.c, 6.1. maxcpus= only leaves them offline. */
static int64_t possible_cpus(const struct bu_plan_input *in, const char *line, struct bu_arena *arena)
{
	struct bu_kline parsed;
	const char *v;
	int64_t n;

	if (bu_kline_parse(line, arena, &parsed))
		return in->cpus;
	v = bu_kline_get(&parsed, "nr_cpus");
	n = v ? strtoll(v, NULL, 0) : 0;
	return n > 0 && n < in->cpus ? n : in->cpus;
}

int bu_plan_check(const struct bu_plan_input *in, const char *line, struct bu_plan *ret,
		  struct bu_err *err)
{
	struct bu_plan_input with = *in;

	memset(ret, 0, sizeof(*ret));
	with.cpus = ret->cpus = possible_cpus(in, line, &ret->arena);
	ret->line = bu_arena_strdup(&ret->arena, line);
	if (!ret->line || find_traps(&with, ret))
		return bu_fail_errno(err, -ENOMEM, "checking a command line");
	return 0;
}

int bu_plan_make(const struct bu_plan_input *in, struct bu_plan *ret, struct bu_err *err)
{
	struct bu_plan_input with = *in;

	memset(ret, 0, sizeof(*ret));
	if (!bu_plan_profile_known(in->profile))
		return bu_fail(err, -EINVAL,
			       "there is no profile '%s'; take hotplug, clock, pgd, text or all",
			       in->profile);
	with.cpus = ret->cpus = possible_cpus(in, in->present, &ret->arena);
	ret->add = make_addition(&with, ret);
	ret->line = ret->add ? whole_line(in->present, ret->add, &ret->arena) : NULL;
	if (!ret->line || find_traps(&with, ret))
		return bu_fail_errno(err, -ENOMEM, "making a plan");
	return 0;
}

void bu_plan_fini(struct bu_plan *plan)
{
	free(plan->findings);
	bu_arena_fini(&plan->arena);
	memset(plan, 0, sizeof(*plan));
}
