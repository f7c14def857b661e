// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_traps.c - what is known to go wrong with a command line that traces a boot.
 *
 * Flow: any command line, ours or edited by hand -> [plan_traps] -> findings in plan.c. One row per trap; each function
 * says whether the line walks into it, and writes the numbers of this very line. The general words, what to do instead
 * and where it is known from stand in the table. Kernel files are those of Debian 6.1.192 and 6.12.117 where no other
 * version is named; "lab" means that a boot in datasets/lab or one like it showed it.
 *
 * Invariant: a trap never looks at the machine, only at the context. docs/capture-on-production.md explains each.
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/plan_int.h"

/* ---- the context ---- */

/* All values of a parameter that may come more than once are walked with this. */
static const char *each(const struct bu_kline *line, const char *name, size_t *i)
{
	while (*i < line->n_kernel) {
		const struct bu_kparam *p = &line->params[(*i)++];

		if (!strcmp(p->name, name))
			return p->value ? p->value : "";
	}
	return NULL;
}

static bool has(const struct bu_trap_ctx *ctx, const char *name)
{
	return bu_kline_get(&ctx->line, name) != NULL;
}

static const char *value(const struct bu_trap_ctx *ctx, const char *name)
{
	const char *v = bu_kline_get(&ctx->line, name);

	return v ? v : "";
}

/* Bytes of the reserve_mem=SIZE:ALIGN:NAME that @name refers to; -1 when there is none. */
static int64_t reserved(const struct bu_trap_ctx *ctx, const char *name)
{
	const char *v, *end, *label;
	size_t i = 0;
	int64_t size;

	while ((v = each(&ctx->line, "reserve_mem", &i)) != NULL) {
		size = bu_memparse(v, &end);
		label = strrchr(v, ':');
		if (size > 0 && label && !strcmp(label + 1, name))
			return size;
	}
	return -1;
}

/* An address instead of a label: trace_instance=x@0x284500000:12M, with memmap=. */
static int64_t mapped_bytes(const struct bu_trap_ctx *ctx, const char *memory)
{
	const char *colon = strchr(memory, ':');

	return colon ? bu_memparse(colon + 1, NULL) : reserved(ctx, memory);
}

static void fuller(struct bu_plan_prediction *to, const struct bu_plan_prediction *p)
{
	if (p->boot_bytes >= to->boot_bytes && p->other_bytes >= to->other_bytes)
		*to = *p;
}

int bu_trap_ctx_init(struct bu_trap_ctx *ctx, const struct bu_plan_input *in, const char *text,
		     struct bu_arena *arena)
{
	struct bu_plan_prediction p;
	struct bu_kinstance inst;
	const char *v;
	size_t i = 0;
	int rc;

	memset(ctx, 0, sizeof(*ctx));
	ctx->in = in;
	rc = bu_kline_parse(text, arena, &ctx->line);
	if (rc)
		return rc;
	ctx->functions = !strcmp(value(ctx, "ftrace"), "function");
	ctx->top = has(ctx, "trace_event") || *value(ctx, "ftrace");
	ctx->buffer_bytes = has(ctx, "trace_buf_size")
				    ? bu_memparse(value(ctx, "trace_buf_size"), NULL)
				    : BU_PLAN_DEFAULT_BUFFER;
	if (ctx->top) {
		/* A snapshot is a second buffer of the same size. */
		ctx->memory_bytes +=
			ctx->buffer_bytes * in->cpus *
			(has(ctx, "ftrace_boot_snapshot") || has(ctx, "alloc_snapshot") ? 2 : 1);
		bu_plan_predict(&in->kernel, in->cpus, value(ctx, "trace_event"),
				ctx->functions ? value(ctx, "ftrace_filter") : NULL,
				&ctx->predicted);
	}
	while ((v = each(&ctx->line, "trace_instance", &i)) != NULL) {
		bu_kinstance_parse(v, &inst);
		if (*inst.memory) {
			int64_t bytes = mapped_bytes(ctx, inst.memory);

			ctx->memory_bytes += bytes > 0 ? bytes : 0;
			continue; /* made to keep the newest: what it cannot hold is no loss of the boot */
		}
		ctx->memory_bytes += ctx->buffer_bytes * in->cpus;
		bu_plan_predict(&in->kernel, in->cpus, inst.events, NULL, &p);
		fuller(&ctx->predicted, &p);
	}
	return 0;
}

/* ---- the traps ---- */

static bool say(char *what, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static bool say(char *what, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, size, fmt, ap);
	va_end(ap);
	return true;
}

static bool nothing_traced(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return !ctx->top && !has(ctx, "trace_instance") &&
	       say(what, size, "nothing on this line traces anything");
}

static const char *const trace_params[] = {
	"trace_event",	 "trace_clock",	 "trace_buf_size", "trace_instance",
	"trace_options", "ftrace",	 "ftrace_filter",  "ftrace_notrace",
	"reserve_mem",	 "kprobe_event", "tp_printk",
};

static bool is_trace_param(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(trace_params); i++)
		if (!strcmp(name, trace_params[i]))
			return true;
	return false;
}

static bool after_dashes(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	size_t i;

	for (i = ctx->line.n_kernel; i < ctx->line.n; i++)
		if (is_trace_param(ctx->line.params[i].name))
			return say(what, size, "%s= stands behind \"--\"",
				   ctx->line.params[i].name);
	return false;
}

static bool too_long(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	size_t len = strlen(ctx->line.text), max = bu_plan_line_max(&ctx->in->kernel);

	return len > max &&
	       say(what, size, "the line has %zu bytes, %zu more than the kernel takes (%zu)", len,
		   len - max, max);
}

static bool twice(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	static const char *const once[] = { "trace_event", "trace_clock", "trace_buf_size",
					    "ftrace", "ftrace_filter" };
	size_t i, k, n;

	for (k = 0; k < ARRAY_SIZE(once); k++) {
		for (i = 0, n = 0; each(&ctx->line, once[k], &i);)
			n++;
		if (n > 1)
			return say(what, size, "%s= is there %zu times", once[k], n);
	}
	return false;
}

static bool no_clock(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return ctx->top && !has(ctx, "trace_clock") && say(what, size, "trace_clock= is missing");
}

static bool unknown_clock(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	static const char *const clocks[] = { "local", "global",   "counter", "uptime", "perf",
					      "mono",  "mono_raw", "boot",    "tai" };
	const char *clock = value(ctx, "trace_clock");
	size_t i;

	if (!has(ctx, "trace_clock") || (ctx->in->kernel.x86 && !strcmp(clock, "x86-tsc")))
		return false;
	for (i = 0; i < ARRAY_SIZE(clocks); i++)
		if (!strcmp(clock, clocks[i]))
			return false;
	return say(what, size, "this kernel has no trace clock \"%s\"", clock);
}

static bool stepping_clock(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	static const char *const clocks[] = { "mono", "mono_raw", "boot", "tai" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++)
		if (!strcmp(value(ctx, "trace_clock"), clocks[i]))
			return say(what, size, "trace_clock=%s is not running while CPUs come up",
				   clocks[i]);
	return false;
}

static bool instance_clock(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "trace_instance") && has(ctx, "trace_clock") &&
	       say(what, size,
		   "trace_clock=%s is for the top level; the instance of trace_instance= is on "
		   "\"local\"",
		   value(ctx, "trace_clock"));
}

static bool kprobe(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "kprobe_event") &&
	       say(what, size, "kprobe_event= starts after all CPUs are up");
}

/* A boot config may well be there for something else; what counts is whether it is to do the tracing. */
static bool bootconfig(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	size_t i;

	for (i = 0; i < ctx->line.n_kernel; i++)
		if (!strncmp(ctx->line.params[i].name, "ftrace.", 7))
			return say(what, size,
				   "%s: tracing by boot config starts after all CPUs are up",
				   ctx->line.params[i].name);
	return has(ctx, "bootconfig") && !ctx->top && !has(ctx, "trace_instance") &&
	       say(what, size, "bootconfig: if that is to trace, it starts after all CPUs are up");
}

static bool function_graph(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return !strcmp(value(ctx, "ftrace"), "function_graph") &&
	       say(what, size,
		   "ftrace=function_graph starts after all CPUs are up, and empties the buffers");
}

static bool empty_filter(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return ctx->functions && !*value(ctx, "ftrace_filter") &&
	       say(what, size, "ftrace=function with %s traces every function",
		   has(ctx, "ftrace_filter") ? "an empty ftrace_filter=" : "no ftrace_filter=");
}

static bool filter_unused(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return *value(ctx, "ftrace_filter") && !ctx->functions &&
	       say(what, size, "ftrace_filter= is there, but not ftrace=function");
}

static bool flood(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	const char *pos = value(ctx, "ftrace_filter");
	char item[128];
	size_t i;

	while (bu_list_next(&pos, ",", item, sizeof(item)))
		for (i = 0; i < bu_plan_n_floods; i++)
			if (!fnmatch(item, bu_plan_floods[i].function, 0))
				return say(what, size, "\"%s\" of ftrace_filter= means %s, too: %s",
					   item, bu_plan_floods[i].function,
					   bu_plan_floods[i].how_often);
	return false;
}

static bool bad_glob(const char *events, char *item, size_t size)
{
	const char *glob;

	while (bu_list_next(&events, ",", item, size)) {
		glob = strpbrk(item, "*?[");
		if (glob && !(glob[0] == '*' && !glob[1] && glob > item + 1 && glob[-1] == ':'))
			return true;
	}
	return false;
}

static bool event_glob(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	struct bu_kinstance inst;
	char item[128];
	const char *v;
	size_t i = 0;

	if (bad_glob(value(ctx, "trace_event"), item, sizeof(item)))
		return say(what, size,
			   "\"%s\" of trace_event= has a pattern where none is understood", item);
	while ((v = each(&ctx->line, "trace_instance", &i)) != NULL) {
		bu_kinstance_parse(v, &inst);
		if (bad_glob(inst.events, item, sizeof(item)))
			return say(
				what, size,
				"\"%s\" of trace_instance= has a pattern where none is understood",
				item);
	}
	return false;
}

static bool no_instance(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "trace_instance") && !bu_plan_kernel_since(&ctx->in->kernel, 6, 3) &&
	       say(what, size, "trace_instance= does not exist in %d.%d", ctx->in->kernel.major,
		   ctx->in->kernel.minor);
}

/* The first instance that is mapped to memory; false when there is none. */
static bool mapped_instance(const struct bu_trap_ctx *ctx, struct bu_kinstance *inst)
{
	const char *v;
	size_t i = 0;

	while ((v = each(&ctx->line, "trace_instance", &i)) != NULL) {
		bu_kinstance_parse(v, inst);
		if (*inst->memory)
			return true;
	}
	return false;
}

static bool no_persistent(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	struct bu_kinstance inst;

	return (has(ctx, "reserve_mem") || mapped_instance(ctx, &inst)) &&
	       !bu_plan_kernel_since(&ctx->in->kernel, 6, 12) &&
	       say(what, size, "%d.%d has no buffer that survives a reboot", ctx->in->kernel.major,
		   ctx->in->kernel.minor);
}

static bool not_reserved(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	struct bu_kinstance inst;

	return mapped_instance(ctx, &inst) && mapped_bytes(ctx, inst.memory) <= 0 &&
	       say(what, size, "trace_instance=%s@%s: no reserve_mem=SIZE:ALIGN:%s is on the line",
		   inst.name, inst.memory, inst.memory);
}

static bool thin(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	struct bu_kinstance inst;
	int64_t bytes, least = 3 * BU_PLAN_SUBBUF * ctx->in->cpus;

	if (!mapped_instance(ctx, &inst))
		return false;
	bytes = mapped_bytes(ctx, inst.memory);
	return bytes > 0 && bytes <= least &&
	       say(what, size,
		   "%" PRId64 " KiB for %" PRId64
		   " CPUs: each needs three sub-buffers of 4 KiB and some, "
		   "so more than %" PRId64 " KiB",
		   bytes / 1024, ctx->in->cpus, least / 1024);
}

static bool mixed_boots(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	struct bu_kinstance inst;

	return mapped_instance(ctx, &inst) && *inst.events && !inst.off &&
	       say(what, size, "the next boot with this line adds its events to those that %s kept",
		   inst.name);
}

static bool bad_size(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "trace_buf_size") && ctx->buffer_bytes <= 0 &&
	       say(what, size, "trace_buf_size=%s is no size", value(ctx, "trace_buf_size"));
}

static bool no_memory(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	int64_t limit = ctx->in->memory_kib * ctx->in->max_memory_percent / 100;

	return ctx->memory_bytes / 1024 > limit &&
	       say(what, size,
		   "the buffers of %" PRId64 " possible CPUs take %" PRId64
		   " MiB, more than %" PRId64 " %% of %" PRId64 " MiB",
		   ctx->in->cpus, ctx->memory_bytes >> 20, ctx->in->max_memory_percent,
		   ctx->in->memory_kib >> 10);
}

static bool wrap(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	const struct bu_plan_prediction *p = &ctx->predicted;
	int64_t most = p->boot_bytes > p->other_bytes ? p->boot_bytes : p->other_bytes;

	return ctx->buffer_bytes > 0 && most > ctx->buffer_bytes &&
	       say(what, size,
		   "%" PRId64 " KiB are predicted for one CPU, its buffer holds %" PRId64
		   ": full at about %" PRId64 " CPUs",
		   most / 1024, ctx->buffer_bytes / 1024, bu_plan_wrap_cpus(p, ctx->buffer_bytes));
}

static bool unmeasured(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return ctx->predicted.unmeasured &&
	       say(what, size,
		   "for %" PRId64
		   " events or patterns (the first is \"%s\") there is no measurement: the "
		   "prediction leaves them out",
		   ctx->predicted.unmeasured, ctx->predicted.first_unmeasured);
}

static bool traces_event(const struct bu_trap_ctx *ctx, const char *hook)
{
	const char *pos = value(ctx, "trace_event"), *v;
	struct bu_kinstance inst;
	char item[128];
	size_t i = 0;

	while (bu_list_next(&pos, ",", item, sizeof(item)))
		if (bu_plan_event_matches(item, hook))
			return true;
	while ((v = each(&ctx->line, "trace_instance", &i)) != NULL) {
		bu_kinstance_parse(v, &inst);
		pos = inst.events;
		while (bu_list_next(&pos, ",", item, sizeof(item)))
			if (bu_plan_event_matches(item, hook))
				return true;
	}
	return false;
}

static bool user_faults(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return traces_event(ctx, "exceptions:page_fault_user") &&
	       say(what, size, "page faults of user space are traced until tracing is stopped");
}

static bool to_console(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "tp_printk") &&
	       say(what, size, "tp_printk sends every event to the console");
}

static bool stop_on_warning(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	return has(ctx, "traceoff_on_warning") &&
	       say(what, size, "traceoff_on_warning ends the trace at the first WARN");
}

static bool long_dump(const struct bu_trap_ctx *ctx, char *what, size_t size)
{
	/* A line of the dump has about 80 characters, 10 bits each, for a record of about 27 bytes; 115200 bit/s. */
	int64_t records = ctx->buffer_bytes * ctx->in->cpus / 27, seconds = records * 800 / 115200;

	return has(ctx, "ftrace_dump_on_oops") && seconds > 60 &&
	       say(what, size,
		   "ftrace_dump_on_oops of full buffers takes about %" PRId64
		   " s on a serial line of 115200 "
		   "bit/s",
		   seconds);
}

/* clang-format off */
const struct bu_trap bu_traps[] = {
	{ "nothing", BU_PLAN_REFUSE, nothing_traced, "A line without trace_event=, ftrace= or trace_instance= records "
	  "nothing.", "take the line that `bringup plan` prints", "kernel/trace/trace.c" },
	{ "after-dashes", BU_PLAN_REFUSE, after_dashes, "What stands behind \"--\" is handed to init; the kernel does "
	  "not read it.", "put the tracing parameters in front of \"--\"", "kernel/params.c parse_args()" },
	{ "too-long", BU_PLAN_REFUSE, too_long, "An x86 kernel with a line that is too long dies in start_kernel() "
	  "before it can print anything.",
	  "take a smaller profile, --no-functions, or shorten the present line",
	  "COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h; lab: 6.1 and 6.12 died silently of more" },
	{ "twice", BU_PLAN_REFUSE, twice, "Of a parameter that comes twice most kernels take only the last.",
	  "remove the older one from the boot loader's configuration",
	  "kernel/trace/trace_events.c setup_trace_event(), trace.c set_buf_size(), set_trace_boot_clock()" },
	{ "no-clock", BU_PLAN_REFUSE, no_clock, "Without trace_clock= a kernel whose sched_clock is not stable changes "
	  "the clock at the end of the boot, and that empties the top-level buffer: the trace of the bring-up is gone.",
	  "add trace_clock=x86-tsc (x86) or trace_clock=local",
	  "kernel/trace/trace.c late_trace_init(), tracing_set_clock(); lab: 2 or 3 events per CPU were left" },
	{ "unknown-clock", BU_PLAN_REFUSE, unknown_clock, "With a clock that it does not have the kernel stays on "
	  "\"local\" and says so only in its log.", "trace_clock=x86-tsc (x86) or trace_clock=local",
	  "trace_clocks[] in kernel/trace/trace.c; x86-tsc in arch/x86/include/asm/trace_clock.h" },
	{ "stepping-clock", BU_PLAN_WARN, stepping_clock, "The clocks of timekeeping are not running, or tick in jiffies, "
	  "until a clocksource is there, and step when it changes: stamps of the bring-up are worthless.",
	  "trace_clock=x86-tsc (x86) or trace_clock=local", "kernel/time/timekeeping.c; lab" },
	{ "instance-clock", BU_PLAN_WARN, instance_clock, "trace_clock= only touches the top level. An instance made on "
	  "the line runs on \"local\", whose stamps of different CPUs cannot be compared before sched_clock is stable.",
	  "trace into the top level; keep an instance for hangs",
	  "kernel/trace/trace.c tracer_alloc_buffers(), ring_buffer.c alloc_buffer()" },
	{ "kprobe", BU_PLAN_REFUSE, kprobe, "Probes of kprobe_event= are set up by an initcall, when all CPUs are up.",
	  "take functions by ftrace=function ftrace_filter=",
	  "kernel/trace/trace_kprobe.c setup_boot_kprobe_events(), init_kprobe_trace()" },
	{ "bootconfig", BU_PLAN_REFUSE, bootconfig, "ftrace.* of a boot config is applied by an initcall, when all CPUs "
	  "are up, and only where CONFIG_BOOTTIME_TRACING is on (Debian 6.1 and 6.12: off).",
	  "take trace_event= and ftrace= of the command line", "kernel/trace/trace_boot.c trace_boot_init()" },
	{ "function-graph", BU_PLAN_REFUSE, function_graph, "The graph tracer starts by an initcall, when all CPUs are up, "
	  "and empties the buffers as it does: events recorded before are gone.",
	  "ftrace=function; durations come from cpuhp_enter and cpuhp_exit",
	  "kernel/trace/trace_functions_graph.c init_graph_trace(); lab: no bring-up left in the trace" },
	{ "empty-filter", BU_PLAN_REFUSE, empty_filter, "The function tracer without a filter traces everything.",
	  "give ftrace_filter= the functions that `bringup plan` lists", "lab: 21 million events lost in one boot of 7.3" },
	{ "filter-unused", BU_PLAN_WARN, filter_unused, "A filter without its tracer does nothing.",
	  "add ftrace=function, or remove the filter", "kernel/trace/ftrace.c" },
	{ "flood", BU_PLAN_REFUSE, flood, "Some functions are called so often that they push everything else out of the "
	  "buffer.", "name the functions one by one, as `bringup plan` does",
	  "lab: boots of 6.1 and 6.12 with these functions traced" },
	{ "event-glob", BU_PLAN_REFUSE, event_glob, "In event names of the command line only SYSTEM:* is understood; any "
	  "other pattern enables nothing.", "write SYSTEM:* or the full name SYSTEM:EVENT",
	  "kernel/trace/trace_events.c early_enable_events(), __ftrace_set_clr_event_nolock(); lab" },
	{ "no-instance", BU_PLAN_REFUSE, no_instance, "Before 6.3 the kernel takes trace_instance= for an argument of init "
	  "and traces nothing.", "trace into the top level: leave --instance away",
	  "commit cb1f98c5e574 (\"tracing: Add creation of instances at boot command line\", 6.3); absent in 6.1.192" },
	{ "no-persistent", BU_PLAN_REFUSE, no_persistent, "Before 6.12 a trace buffer cannot be put into memory that "
	  "survives a reboot.", "for hangs: ftrace_dump_on_oops and a serial console",
	  "kernel/trace/trace.c enable_instances(), 6.12; verified on 6.12.113, not tried before" },
	{ "not-reserved", BU_PLAN_REFUSE, not_reserved, "An instance whose memory was not reserved is not made.",
	  "add reserve_mem=SIZE:4096:NAME with the name that stands behind the @", "kernel/trace/trace.c, 6.12" },
	{ "thin", BU_PLAN_REFUSE, thin, "Persistent memory is divided evenly among all possible CPUs, and each needs three "
	  "sub-buffers; with less the instance is not made.", "reserve more, or have fewer possible CPUs (nr_cpus=)",
	  "kernel/trace/ring_buffer.c alloc_buffer(), 6.12: the range is split by nr_cpu_ids" },
	{ "mixed-boots", BU_PLAN_WARN, mixed_boots, "A persistent instance that has its events on the line writes behind "
	  "what the boot before left there; the two overlap.", "use the line for the next boot that is printed beside it",
	  "lab: two boots of 6.12 in one buffer" },
	{ "bad-size", BU_PLAN_REFUSE, bad_size, "A size that cannot be read leaves the buffers at their default.",
	  "write it like 512K or 2M", "kernel/trace/trace.c set_buf_size()" },
	{ "memory", BU_PLAN_REFUSE, no_memory, "trace_buf_size= is for each CPU, and only the boot CPU needs all of it: "
	  "with many CPUs most of the memory is for nothing.",
	  "a smaller profile, --no-functions, a smaller --buffer, or nr_cpus=; --max-memory moves the limit",
	  "kernel/trace/ring_buffer.c: one buffer per possible CPU as it comes up; the limit is this project's choice" },
	{ "wrap", BU_PLAN_REFUSE, wrap, "A full buffer overwrites its oldest events, which are those of the bring-up.",
	  "a larger trace_buf_size=, or fewer events and functions",
	  "kernel/trace/ring_buffer.c; measured events per CPU, see the basis of the prediction" },
	{ "unmeasured", BU_PLAN_WARN, unmeasured, "What was never counted cannot be predicted.",
	  "leave room in the buffer, and look at the overruns afterwards", "collector/plan_counts.c" },
	{ "user-faults", BU_PLAN_WARN, user_faults, "Each traced page fault costs a fifth of its own time more, and a boot "
	  "into user space has tens of thousands: they fill the buffer after the bring-up.",
	  "leave them out, or stop tracing early (dist/initramfs-tools)",
	  "measured in a guest of two CPUs, 6.18: 220 to 340 ns on faults of 1.6 us" },
	{ "to-console", BU_PLAN_WARN, to_console, "Frequent events can keep the kernel printing for ever.",
	  "only for a hang that leaves nothing else", "Documentation/admin-guide/kernel-parameters.txt, tp_printk" },
	{ "stop-on-warning", BU_PLAN_WARN, stop_on_warning, "A harmless warning early in the boot ends the trace.",
	  "only when hunting that warning", "kernel/panic.c __warn() disable_trace_on_warning()" },
	{ "long-dump", BU_PLAN_WARN, long_dump, "A dump of large buffers takes minutes to hours on a serial line.",
	  "trace_buf_size=12K where the dump is what one wants",
	  "Documentation/trace/debugging.rst, 6.12; lab: dumps of 110,000 lines" },
};
/* clang-format on */

const size_t bu_n_traps = ARRAY_SIZE(bu_traps);
