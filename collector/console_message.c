// SPDX-License-Identifier: GPL-2.0-only
/* console_message.c - see console_message.h. Words as of 6.12; where 5.10 or 6.1 differ, both are there. */
#include "collector/console_message.h"

#include <errno.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* ---- kinds --------------------------------------------------------------------------------------------------- */

static const struct {
	const char *words;	/* a message has these... */
	bool anywhere;		/* ...at any place, else at its beginning */
	const char *cpu_after;	/* the CPU's number stands behind these words; NULL: none */
	const char *kind;
} known[] = {
	/* kernel/panic.c, arch/x86/kernel/dumpstack.c, mm/fault.c, traps.c, lib/bug.c */
	{ "Kernel panic - not syncing", false, NULL, "panic" },
	{ "---[ end Kernel panic", false, NULL, "end" },
	{ "Oops: ", false, NULL, "oops" },
	{ "Internal error: ", false, NULL, "oops" },
	{ "BUG: unable to handle", false, NULL, "oops" },
	{ "BUG: kernel NULL pointer", false, NULL, "oops" },
	{ "BUG: spinlock", false, "on CPU#", "oops" },
	{ "kernel BUG at ", false, NULL, "oops" },
	{ "general protection fault", false, NULL, "oops" },
	{ "stack segment: ", false, NULL, "oops" },
	{ "invalid opcode: ", false, NULL, "oops" },
	{ "divide error: ", false, NULL, "oops" },
	{ "double fault: ", false, NULL, "oops" },
	{ "int3: ", false, NULL, "oops" },
	{ "mce: [Hardware Error]: CPU ", false, "CPU ", "oops" },
	{ "WARNING: CPU: ", false, "CPU: ", "warning" },
	/* kernel/watchdog.c, kernel/watchdog_perf.c (watchdog_hld.c before 6.5) */
	{ "BUG: soft lockup - CPU#", true, "CPU#", "soft lockup" },
	{ "Watchdog detected hard LOCKUP on cpu ", true, "on cpu ", "hard lockup" },
	/* kernel/rcu/tree_stall.h */
	{ "detected stalls on CPUs/tasks", true, NULL, "rcu stall" },
	{ "self-detected stall on CPU", true, NULL, "rcu stall" },
	{ "detected expedited stalls on CPUs/tasks", true, NULL, "rcu stall" },
	{ "kthread starved for ", true, "->cpu=", "rcu stall" },
	/* kernel/hung_task.c, kernel/smp.c */
	{ "blocked for more than ", true, NULL, "hung task" },
	{ "csd: Detected non-responsive CSD lock", true, "for CPU#", "csd lock" },
	{ "csd: Re-sending CSD lock", true, "to CPU#", "csd lock" },
	/* arch/x86/kernel/nmi.c, lib/nmi_backtrace.c, lib/dump_stack.c, kernel/stop_machine.c */
	{ "NMI received for unknown reason ", true, "on CPU ", "nmi" },
	{ "NMI backtrace for cpu ", false, "for cpu ", "nmi backtrace" },
	{ "Sending NMI from CPU ", false, NULL, "nmi backtrace" },
	{ "CPU: ", false, "CPU: ", "context" },
	{ "Stopper: ", false, NULL, "stopper" },
	/* arch/x86/kernel/smpboot.c, kernel/cpu.c, kernel/smp.c */
	{ "do_boot_cpu failed(", true, "CPU#", "cpu failed" },
	{ "failed to report alive state", true, "CPU", "cpu failed" },
	{ "failed to come online", true, "CPU", "cpu failed" },
	{ "is stuck", true, "CPU", "cpu failed" },
	{ "didn't die", true, "CPU ", "cpu failed" },
	{ "smp: Bringing up secondary CPUs", false, NULL, "bringup" },
	{ "smp: Brought up ", false, NULL, "bringup" },
	{ "x86: Booting SMP configuration", true, NULL, "bringup" },
	/* kernel/time/clocksource.c, arch/x86/kernel/tsc.c, tsc_sync.c */
	{ "clocksource: Switched to clocksource ", false, NULL, "clocksource" },
	{ "clocksource: timekeeping watchdog on CPU", false, "on CPU", "clocksource" },
	{ "tsc: Marking TSC unstable", false, NULL, "clocksource" },
	{ "Measured ", false, NULL, "clocksource" },
	/* kernel/trace/trace.c, drivers/tty/sysrq.c */
	{ "Dumping ftrace ", false, NULL, "dump" },
	{ "(ftrace buffer empty)", false, NULL, "dump" },
	{ "sysrq: ", false, NULL, "sysrq" },
};

/* The number behind the last occurrence of @words. */
static int32_t cpu_behind(struct bu_slice text, const char *words)
{
	int32_t cpu = -1;
	uint64_t v;
	int64_t at;

	while ((at = bu_slice_find(text, words)) >= 0) {
		text = bu_slice_skip(text, (size_t)at + strlen(words));
		if (bu_slice_number(&text, 10, &v) && v < BU_TEXT_MAX_CPUS)
			cpu = (int32_t)v;
	}
	return cpu;
}

const char *bu_console_classify(struct bu_slice text, int32_t *ret_cpu)
{
	size_t i;

	text = bu_slice_trim(text);
	*ret_cpu = -1;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].anywhere ? bu_slice_find(text, known[i].words) < 0 : !bu_slice_starts(text, known[i].words))
			continue;
		if (known[i].cpu_after)
			*ret_cpu = cpu_behind(text, known[i].cpu_after);
		/* These words alone are common ones; they count where they speak of a CPU. */
		if (*ret_cpu < 0 && (!strcmp(known[i].kind, "cpu failed") || !strcmp(known[i].kind, "context")))
			continue;
		if (!strcmp(known[i].kind, "hung task") && !bu_slice_starts(text, "INFO: task "))
			continue;
		if (bu_slice_starts(text, "Measured ") && bu_slice_find(text, "TSC") < 0)
			continue;
		return known[i].kind;
	}
	return NULL;
}

/* ---- facts ------------------------------------------------------------------------------------------------------- */

#define MAX_FACT 4096

static int keep(struct bu_machine *m, struct bu_slice text, const char **ret)
{
	char copy[MAX_FACT + 1];
	char *kept;

	if (*ret)
		return 0;
	kept = bu_arena_strdup(&m->arena, bu_slice_text(bu_slice_trim(text), copy, MAX_FACT));
	if (!kept)
		return -ENOMEM;
	*ret = kept;
	return 0;
}

/* What stands up to the first of @stops. */
static struct bu_slice up_to(struct bu_slice s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && !strchr(stops, s.p[n]))
		n++;
	return (struct bu_slice){ s.p, n };
}

/* "2596.095 MHz" */
static void keep_khz(struct bu_slice s, int64_t *ret)
{
	uint64_t mhz, part = 0;
	struct bu_slice rest;

	if (!bu_slice_number(&s, 10, &mhz) || mhz > 1000000)
		return;
	if (bu_slice_eat(&s, ".")) {
		rest = s;
		if (!bu_slice_number(&s, 10, &part) || rest.n - s.n != 3)
			return;
	}
	if (bu_slice_starts(s, " MHz") && mhz * 1000 + part > 0)
		*ret = (int64_t)(mhz * 1000 + part);
}

static void keep_count(struct bu_slice s, int64_t *ret)
{
	uint64_t v;

	if (bu_slice_number(&s, 10, &v) && v && v <= BU_TEXT_MAX_CPUS)
		*ret = (int64_t)v;
}

/* "Linux version 6.1.0 (who@where) (compiler) #1 SMP ...", init/version.c. */
static int keep_version(struct bu_machine *m, struct bu_slice s)
{
	struct bu_slice release = up_to(s, " ");
	int64_t at = bu_slice_find(s, ") #");
	int rc = keep(m, release, &m->release);

	if (!rc && at >= 0)
		rc = keep(m, bu_slice_skip(s, (size_t)at + 2), &m->version);
	return rc;
}

/* One option of the kernel's command line; the last one counts, as to the kernel. */
static struct bu_slice option_of(struct bu_slice line, const char *name)
{
	struct bu_slice ret = { "", 0 };
	size_t len = strlen(name), i;

	for (i = 0; i + len < line.n; i++)
		if ((!i || line.p[i - 1] == ' ') && !memcmp(line.p + i, name, len) && line.p[i + len] == '=')
			ret = up_to(bu_slice_skip(line, i + len + 1), " ");
	return ret;
}

static int keep_cmdline(struct bu_machine *m, struct bu_slice s)
{
	struct bu_slice clock = option_of(s, "trace_clock");
	int rc = keep(m, s, &m->cmdline);

	return rc || !clock.n ? rc : keep(m, clock, &m->trace_clock);
}

/* "smp: Brought up 1 node, 8 CPUs", kernel/smp.c */
static void keep_brought_up(struct bu_machine *m, struct bu_slice s)
{
	int64_t at = bu_slice_find(s, ", ");

	if (at >= 0)
		keep_count(bu_slice_skip(s, (size_t)at + 2), &m->cpus_online);
}

/* "Memory: 260860K/1048056K available", mm/mm_init.c */
static void keep_memory(struct bu_machine *m, struct bu_slice s)
{
	uint64_t v;

	if (bu_slice_number(&s, 10, &v) && bu_slice_eat(&s, "K/") && bu_slice_number(&s, 10, &v) && v < INT64_MAX)
		m->memory_kib = (int64_t)v;
}

/* "0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-56-amd64 #1  Debian 6.1.192-2", print_tainted() and after. */
static int keep_context(struct bu_machine *m, struct bu_slice s)
{
	int64_t end = bu_slice_find(s, " #"), at = bu_slice_find(s, "ainted"), from;

	if (at < 0 || end <= at)
		return 0;
	for (from = end; from > at && s.p[from - 1] != ' ';)
		from--;
	return end - from < 3 ? 0 : keep(m, (struct bu_slice){ s.p + from, (size_t)(end - from) }, &m->release);
}

int bu_console_fact(struct bu_machine *m, struct bu_slice s)
{
	s = bu_slice_trim(s);
	if (bu_slice_eat(&s, "Linux version "))
		return keep_version(m, s);
	if (bu_slice_eat(&s, "Command line: ") || bu_slice_eat(&s, "Kernel command line: "))
		return keep_cmdline(m, s);
	if (bu_slice_eat(&s, "Hypervisor detected: "))
		return keep(m, s, &m->hypervisor);
	if (bu_slice_eat(&s, "tsc: Marking TSC unstable due to "))
		return keep(m, s, &m->tsc_unstable);
	if (bu_slice_eat(&s, "smpboot: CPU0: "))
		return keep(m, up_to(s, "("), &m->cpu_model);
	if (bu_slice_eat(&s, "clocksource: Switched to clocksource ")) {
		m->clocksource_current = NULL;		/* the last one counts */
		return keep(m, s, &m->clocksource_current);
	}
	if (bu_slice_eat(&s, "CPU: "))
		return keep_context(m, s);
	if (bu_slice_eat(&s, "tsc: Detected "))
		keep_khz(s, &m->tsc_detected_khz);
	else if (bu_slice_eat(&s, "tsc: Refined TSC clocksource calibration: "))
		keep_khz(s, &m->tsc_refined_khz);
	else if (bu_slice_eat(&s, "smpboot: Allowing ") || bu_slice_eat(&s, "CPU topo: Allowing "))
		keep_count(s, &m->cpus_possible);
	else if (bu_slice_eat(&s, "smp: Brought up "))
		keep_brought_up(m, s);
	else if (bu_slice_eat(&s, "Memory: "))
		keep_memory(m, s);
	return 0;
}

/* ---- call traces --------------------------------------------------------------------------------------------------- */

/* "func+0x12/0x80 [module]" and nothing else; both numbers have to be there: a word alone is no frame. */
static bool whole_symbol(struct bu_slice s, struct bu_slice *ret_symbol, int64_t *ret_offset)
{
	return bu_slice_find(s, "+0x") > 0 && bu_slice_find(s, "/0x") > 0 && bu_text_symbol(&s, ret_symbol, ret_offset) &&
	       *ret_offset >= 0 && !bu_slice_trim(s).n;
}

static void begin_trace(struct bu_console_trace *t, int32_t cpu)
{
	t->trace++;
	t->seq = 0;
	t->cpu = cpu;
	t->context[0] = 0;
}

/* "<NMI>", "</NMI>" of show_trace_log_lvl(), arch/x86/kernel/dumpstack.c; "<#DB>" too. */
static bool context_mark(struct bu_console_trace *t, struct bu_slice s)
{
	bool leaves;
	size_t n;

	if (s.n < 3 || *s.p != '<' || s.p[s.n - 1] != '>')
		return false;
	s = (struct bu_slice){ s.p + 1, s.n - 2 };
	leaves = bu_slice_eat(&s, "/");
	for (n = 0; n < s.n; n++)
		if (!(s.p[n] >= 'A' && s.p[n] <= 'Z') && s.p[n] != '#' && !(s.p[n] >= '0' && s.p[n] <= '9'))
			return false;
	if (!s.n || s.n >= sizeof(t->context))
		return false;
	bu_slice_text(s, t->context, leaves ? 0 : sizeof(t->context) - 1);
	return true;
}

int bu_console_frame(struct bu_console_trace *t, struct bu_slice text, int32_t caller_cpu, struct bu_log_frame *ret)
{
	struct bu_slice s = bu_slice_trim(text);
	const char *kind;
	int32_t cpu;

	kind = bu_console_classify(s, &cpu);
	if (kind && (!strcmp(kind, "nmi backtrace") || !strcmp(kind, "context") || !strcmp(kind, "warning")) && cpu >= 0) {
		/* "NMI backtrace for cpu 3" is followed by "CPU: 3 ...": one trace. */
		if (!t->in_trace || t->cpu != cpu || t->seq)
			begin_trace(t, cpu);
		t->in_trace = true;
		return -1;
	}
	if (kind && (!strcmp(kind, "oops") || !strcmp(kind, "panic")))
		t->in_trace = false;	/* its own trace follows, also where that does not say of which CPU */
	*ret = (struct bu_log_frame){ .cpu = caller_cpu >= 0 ? caller_cpu : t->cpu, .reliable = true };
	if (bu_slice_eat(&s, "RIP: ")) {
		if (s.n > 5 && s.p[4] == ':')	/* "0010:", the code segment */
			s = bu_slice_skip(s, 5);
		ret->is_rip = true;
	} else if (bu_slice_eat(&s, "pc : ")) {
		ret->is_rip = true;
	} else if (bu_slice_is(s, "Call Trace:") || bu_slice_is(s, "Call trace:")) {
		if (!t->in_trace)
			begin_trace(t, -1);	/* the line that says whose it is was lost */
		t->in_trace = true;
		return 0;
	} else if (bu_slice_eat(&s, "? ")) {
		ret->reliable = false;
	} else if (t->in_trace && context_mark(t, s)) {
		return 0;
	}
	if (!whole_symbol(s, &ret->symbol, &ret->offset)) {
		if (bu_slice_starts(s, "---[ end trace"))
			t->in_trace = false;
		return -1;
	}
	if (!t->in_trace)
		begin_trace(t, -1);
	t->in_trace = true;
	ret->cpu = caller_cpu >= 0 ? caller_cpu : t->cpu;
	ret->trace = t->trace;
	ret->seq = t->seq++;
	ret->context = t->context;
	return 1;
}
