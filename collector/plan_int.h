/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan_int.h - what the planner's own files share: the parsed command line, the lists, the measurements, the traps.
 */
#ifndef BU_COLLECTOR_PLAN_INT_H
#define BU_COLLECTOR_PLAN_INT_H

#include "collector/plan.h"

/* ---- plan_line.c: the command line as the kernel reads it ---- */

struct bu_kparam {
	const char *name;	/* dashes as underscores, as the kernel compares them */
	const char *value;	/* without quotes; NULL when there is no '=' */
};

struct bu_kline {
	const char *text;
	struct bu_kparam *params;
	size_t n;		/* all */
	size_t n_kernel;	/* those before a lone "--"; what follows goes to init */
	size_t cap;
};

/**
 * bu_kline_parse() - Split @text like next_arg() of lib/cmdline.c (6.1): at blanks outside of double quotes.
 * @arena: owns everything in @ret.
 * Return: 0; -ENOMEM.
 */
int bu_kline_parse(const char *text, struct bu_arena *arena, struct bu_kline *ret);

/**
 * bu_kline_get() - The last value of @name ("" when it has none), or NULL when it is not there.
 */
const char *bu_kline_get(const struct bu_kline *line, const char *name);

/**
 * bu_list_next() - The next item of a list.
 * @pos: where to go on; moved. @separators: characters between items.
 * @item: receives the item, cut to fit @size. Empty items are skipped.
 * Return: false at the end.
 */
bool bu_list_next(const char **pos, const char *separators, char *item, size_t size);

/**
 * bu_memparse() - Bytes of "512K", "2M", "0x1000", like memparse() of lib/cmdline.c (6.1).
 * @end: where reading stopped; may be NULL.
 * Return: bytes; -1 when there is no number or it does not fit.
 */
int64_t bu_memparse(const char *text, const char **end);

/* One trace_instance= parameter: NAME[^FLAG]...[@MEMORY][,EVENT]... (kernel/trace/trace.c, enable_instances(), 6.12). */
struct bu_kinstance {
	char name[64], memory[64];	/* memory "" when it has an ordinary buffer */
	bool off;			/* ^traceoff */
	const char *events;		/* "" when there are none */
};

/**
 * bu_kinstance_parse() - Take the value of a trace_instance= apart. @value is borrowed by @ret.
 */
void bu_kinstance_parse(const char *value, struct bu_kinstance *ret);

/* ---- plan_lists.c: what to trace ---- */

struct bu_plan_section {
	const char *profiles;		/* which profiles have it, separated by blanks; "all" is understood, but after "!all" first */
	const char *events;		/* separated by commas, or NULL */
	const char *functions;		/* patterns, separated by commas, or NULL */
};

extern const struct bu_plan_section bu_plan_sections[];
extern const size_t bu_plan_n_sections;

/* Functions that flood a boot's buffer, with how often they were seen. */
struct bu_plan_flood {
	const char *function, *how_often;
};

extern const struct bu_plan_flood bu_plan_floods[];
extern const size_t bu_plan_n_floods;

/**
 * bu_plan_profile_known() - Whether there is such a profile.
 */
bool bu_plan_profile_known(const char *profile);

/**
 * bu_plan_section_in() - Whether @section belongs to @profile.
 */
bool bu_plan_section_in(const struct bu_plan_section *section, const char *profile);

/* ---- plan_counts.c: measurements ---- */

struct bu_plan_count {
	const char *hook;			/* "system:event", or a function without compiler suffixes */
	struct { int boot, other; } n[2][2];	/* [serial, parallel][8 CPUs, 64 CPUs] */
};

extern const struct bu_plan_count bu_plan_counts[];
extern const size_t bu_plan_n_counts;

/* ---- plan_model.c ---- */

/**
 * bu_plan_event_matches() - Whether an item of trace_event= means @system:@event.
 */
bool bu_plan_event_matches(const char *item, const char *hook);

/**
 * bu_plan_predict() - What a boot of @cpus writes into one buffer per CPU.
 * @events: as in trace_event=, may be "". @functions: as in ftrace_filter=; NULL when there is no function tracer.
 */
void bu_plan_predict(const struct bu_plan_kernel *kernel, int64_t cpus, const char *events, const char *functions,
		     struct bu_plan_prediction *ret);

/**
 * bu_plan_wrap_cpus() - With how many CPUs the boot CPU's events fill @bytes; 0 when they never do.
 */
int64_t bu_plan_wrap_cpus(const struct bu_plan_prediction *predicted, int64_t bytes);

bool bu_plan_kernel_since(const struct bu_plan_kernel *kernel, int major, int minor);
bool bu_plan_parallel(const struct bu_plan_kernel *kernel);	/* brings CPUs up in passes */

/* ---- plan_traps.c ---- */

#define BU_PLAN_SUBBUF INT64_C(4096)		/* a sub-buffer, one page on x86 and most arm64 */
#define BU_PLAN_DEFAULT_BUFFER INT64_C(1441792)	/* TRACE_BUF_SIZE_DEFAULT, kernel/trace/trace.c, 6.1 and 6.12 */

/* A command line with everything that the traps ask about. */
struct bu_trap_ctx {
	const struct bu_plan_input *in;
	struct bu_kline line;
	bool top;			/* the top-level buffer is used */
	bool functions;			/* ftrace=function */
	int64_t buffer_bytes;		/* per CPU, of each buffer that is not mapped */
	int64_t memory_bytes;		/* all buffers of all possible CPUs, mapped ones included */
	struct bu_plan_prediction predicted;	/* of the fullest buffer */
};

struct bu_trap {
	const char *id;
	enum bu_plan_level level;
	bool (*found)(const struct bu_trap_ctx *ctx, char *what, size_t size);	/* and if so says what */
	const char *about;		/* what it does, in general */
	const char *instead, *source;
};

extern const struct bu_trap bu_traps[];
extern const size_t bu_n_traps;

/**
 * bu_trap_ctx_init() - Parse @text and predict it. @arena owns what it allocates.
 * Return: 0; -ENOMEM.
 */
int bu_trap_ctx_init(struct bu_trap_ctx *ctx, const struct bu_plan_input *in, const char *text,
		     struct bu_arena *arena);

#endif
