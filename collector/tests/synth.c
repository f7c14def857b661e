// SPDX-License-Identifier: GPL-2.0-only
/*
 * synth.c - see synth.h.
 *
 * Each CPU's events are made and written in one go, so a trace of 4096 CPUs needs one page of memory. CPU k (1, 2, ...)
 * comes up in its own slot of time, which makes every stamp a function of k.
 */
#include "collector/tests/synth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/tracedat_write.h"
#include "schemas/base/mem.h"

#define PAGE 4096
#define START UINT64_C(1000000000)	/* stamp of the first event */
#define SLOT 200000			/* between two CPUs */
#define STEP 2000			/* between two steps; half of it inside */
#define BRINGUP_NR 91
#define ONLINE_NR 196
#define TARGET 236
#define N_FILLERS 1000

static const char *const marks[] = {
	"smp_init", "rcu_cpu_starting", "check_tsc_sync_target", "check_tsc_sync_source", "cpuhp_online_idle",
	"cpuhp_kick_ap", "cpuhp_should_run", "native_cpu_up", "bringup_cpu", "smp_store_cpu_info", "tick_sched_timer",
	"hrtimer_wakeup",
};

enum { SMP_INIT, RCU, TSC_TARGET, TSC_SOURCE, IDLE, KICK_AP, SHOULD_RUN, NATIVE_UP, BRINGUP, STORE_INFO, TICK, WAKEUP };

#define COMMON "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

#define N_ANCHORS 40

enum { FUNCTION = 1, ENTER = 210, EXIT = 208, EXPIRE = 459 };

static const char function_format[] = "name: function\nID: 1\nformat:\n" COMMON
	"\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:unsigned long parent_ip;\toffset:16;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \" %ps <-- %ps\", (void *)REC->ip, (void *)REC->parent_ip\n";
static const char enter_format[] = "name: cpuhp_enter\nID: 210\nformat:\n" COMMON
	"\tfield:unsigned int cpu;\toffset:8;\tsize:4;\tsigned:0;\n"
	"\tfield:int target;\toffset:12;\tsize:4;\tsigned:1;\n"
	"\tfield:int idx;\toffset:16;\tsize:4;\tsigned:1;\n"
	"\tfield:void * fun;\toffset:24;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \"cpu: %04u target: %3d step: %3d (%ps)\", REC->cpu, REC->target, REC->idx, REC->fun\n";
static const char exit_format[] = "name: cpuhp_exit\nID: 208\nformat:\n" COMMON
	"\tfield:unsigned int cpu;\toffset:8;\tsize:4;\tsigned:0;\n"
	"\tfield:int state;\toffset:12;\tsize:4;\tsigned:1;\n"
	"\tfield:int idx;\toffset:16;\tsize:4;\tsigned:1;\n"
	"\tfield:int ret;\toffset:20;\tsize:4;\tsigned:1;\n\n"
	"print fmt: \" cpu: %04u  state: %3d step: %3d ret: %d\", REC->cpu, REC->state, REC->idx, REC->ret\n";
static const char expire_format[] = "name: hrtimer_expire_entry\nID: 459\nformat:\n" COMMON
	"\tfield:void * hrtimer;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:s64 now;\toffset:16;\tsize:8;\tsigned:1;\n"
	"\tfield:void * function;\toffset:24;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \"hrtimer=%p function=%ps now=%llu\", REC->hrtimer, REC->function, (unsigned long long) REC->now\n";
static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
	"\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
	"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
	"\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";
static const char header_event[] = "# compressed entry header\n\ttype_len    :    5 bits\n"
	"\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n\tpadding     : type == 29\n"
	"\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

struct pager {			/* the pages of one CPU in one buffer */
	struct bu_dat_out *out;
	struct bu_err *err;
	uint32_t buf, cpu;
	unsigned char page[PAGE];
	size_t used;		/* bytes of events in it */
	uint64_t last, pages, events;
	const struct synth *s;
	int rc;
};

static void flush_page(struct pager *p)
{
	uint64_t commit = p->used;
	uint64_t lost = p->s->lost;

	if (!p->used || p->rc)
		return;
	if (p->pages == 1 && !p->buf && lost && p->cpu == p->s->lossy_cpu) {
		commit |= 1u << 31;		/* RB_MISSED_EVENTS */
		if (!p->s->lost_unknown) {
			commit |= 1u << 30;	/* RB_MISSED_STORED: the number stands behind the events */
			memcpy(p->page + 16 + p->used, &lost, sizeof(lost));
		}
	}
	memcpy(p->page + 8, &commit, sizeof(commit));
	p->rc = bu_dat_out_append(p->out, p->buf, p->cpu, p->page, PAGE, p->err);
	p->pages++;
	p->used = 0;
	memset(p->page, 0, PAGE);
}

static void put_word(struct pager *p, uint32_t w)
{
	memcpy(p->page + 16 + p->used, &w, sizeof(w));
	p->used += sizeof(w);
}

/* @len: bytes of the record, a multiple of 4 up to 112. */
static void event(struct pager *p, uint64_t ts, const void *record, size_t len)
{
	uint64_t delta, stamp = p->cpu == p->s->skew_cpu ? ts + (uint64_t)p->s->skew : ts;

	if (p->used + len + 4 + 8 + 8 > PAGE - 16)	/* a time extension and the count of a loss may come too */
		flush_page(p);
	if (!p->used) {
		memcpy(p->page, &stamp, sizeof(stamp));
		p->last = ts;
	}
	delta = ts - p->last;
	if (delta >> 27) {
		put_word(p, 30 | (uint32_t)(delta & ((1u << 27) - 1)) << 5);
		put_word(p, (uint32_t)(delta >> 27));
		delta = 0;
	}
	put_word(p, (uint32_t)(len / 4) | (uint32_t)delta << 5);
	memcpy(p->page + 16 + p->used, record, len);
	p->used += len;
	p->last = ts;
	p->events++;
}

static uint64_t address_of(unsigned int symbol)
{
	return UINT64_C(0xffffffff81000000) + symbol * 64;
}

static void function(struct pager *p, uint64_t ts, unsigned int symbol)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint64_t ip, parent;
	} r = { FUNCTION, 1, 0, p->cpu ? 0 : 1, address_of(symbol), address_of(symbol + 1) + 5 };

	event(p, ts, &r, sizeof(r));
}

static void enter(struct pager *p, uint64_t ts, uint32_t target_cpu, int nr, unsigned int symbol)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint32_t cpu;
		int32_t target, idx, pad;
		uint64_t fun;
	} r = { ENTER, 0, 0, p->cpu ? 20 + (int)p->cpu : 1, target_cpu, TARGET, nr, 0, address_of(symbol) };

	event(p, ts, &r, sizeof(r));
}

static void leave(struct pager *p, uint64_t ts, uint32_t target_cpu, int nr)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint32_t cpu;
		int32_t state, idx, ret;
	} r = { EXIT, 0, 0, p->cpu ? 20 + (int)p->cpu : 1, target_cpu, nr, nr, 0 };

	event(p, ts, &r, sizeof(r));
}

static void expire(struct pager *p, uint64_t ts, int64_t now, unsigned int symbol)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint64_t timer;
		int64_t now;
		uint64_t function;
	} r = { EXPIRE, 1, 0, 0, UINT64_C(0xffff888000000000) + p->cpu * 64, now, address_of(symbol) };

	event(p, ts, &r, sizeof(r));
}

/* Interrupts that come 2 to 6 us after the instant they carry, now and then 300 us; every second one is of a wall clock. */
static void anchors(struct pager *p, uint64_t ts)
{
	uint64_t gap = p->s->anchors_hz / 1000000 * p->s->anchors_gap_us, late_us, i;
	int64_t now;

	for (i = 0, ts += gap; i < N_ANCHORS; i++, ts += gap) {
		late_us = i % 9 == 4 ? 300 : 2 + (i * 7 + p->cpu) % 5;
		now = (int64_t)((unsigned __int128)ts * 1000000000 / p->s->anchors_hz) - (int64_t)late_us * 1000;
		if (i >= N_ANCHORS / 2)
			now += p->s->anchors_jump_us * 1000;
		if (i % 2)
			now += INT64_C(1700000000000000000) + (int64_t)i * 12345678;
		expire(p, ts, now, i % 2 ? WAKEUP : TICK);
	}
}

static uint64_t slot(uint32_t cpu)
{
	return START + (uint64_t)cpu * SLOT;
}

static unsigned int step_symbol(int i)
{
	return (unsigned int)ARRAY_SIZE(marks) + (unsigned int)i;
}

/* Bring-ups in the trace: each CPU comes up in its turn, and where there are more of them, again. */
static uint32_t bringups(const struct synth *s)
{
	return s->bringups ? s->bringups : s->cpus - 1;
}

/* Which CPU the bring-up number @n, from 1 on, is of. */
static uint32_t cpu_of(const struct synth *s, uint32_t n)
{
	return 1 + (n - 1) % (s->cpus - 1);
}

/* What the boot CPU does to bring a CPU up, the @n-th time that it does so. */
static void control_side(struct pager *p, uint32_t n)
{
	uint32_t cpu = cpu_of(p->s, n);
	uint64_t t = slot(n);
	int i;

	for (i = 0; i < SYNTH_STEPS; i++, t += STEP) {
		enter(p, t, cpu, i + 1, step_symbol(i));
		leave(p, t + STEP / 2, cpu, i + 1);
	}
	enter(p, t, cpu, BRINGUP_NR, BRINGUP);
	function(p, t + 500, NATIVE_UP);
	function(p, t + 20000, TSC_SOURCE);
	function(p, t + 40000, KICK_AP);
	leave(p, t + 90000, cpu, BRINGUP_NR);
}

/* What that CPU does meanwhile. Return: the stamp of its last step's end. */
static uint64_t own_side(struct pager *p, uint32_t n)
{
	uint32_t cpu = cpu_of(p->s, n);
	uint64_t t = slot(n) + (uint64_t)SYNTH_STEPS * STEP;
	int i;

	function(p, t + 10000, RCU);
	function(p, t + 18000, TSC_TARGET);
	function(p, t + 30000, STORE_INFO);
	function(p, t + 35000, IDLE);
	function(p, t + 41000, SHOULD_RUN);
	for (i = 0, t += 45000; i < SYNTH_ONLINE_STEPS; i++, t += STEP) {
		enter(p, t, cpu, ONLINE_NR + i, step_symbol(SYNTH_STEPS + i));
		leave(p, t + STEP / 2, cpu, ONLINE_NR + i);
	}
	return t - STEP / 2;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static char *make_kallsyms(void)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	unsigned int i;

	if (!f)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(marks); i++)
		fprintf(f, "%016" PRIx64 " t %s\n", address_of(i), marks[i]);
	for (; i < ARRAY_SIZE(marks) + N_FILLERS; i++)
		fprintf(f, "%016" PRIx64 " t filler_%u\n", address_of(i), i);
	fprintf(f, "%016" PRIx64 " T _etext\n", address_of(i + 1));
	return fclose(f) ? NULL : text;
}

static uint64_t write_cpu(struct pager *p, uint32_t cpu, uint64_t fillers)
{
	const uint32_t ups = bringups(p->s);
	uint64_t t = slot(ups + 1) + cpu, online = 0, i;

	if (!p->buf && !cpu) {
		function(p, START, SMP_INIT);
		for (i = 1; i <= ups; i++)
			control_side(p, (uint32_t)i);
	} else if (!p->buf) {
		for (i = cpu; i <= ups; i += p->s->cpus - 1)
			online = own_side(p, (uint32_t)i);
	}
	for (i = 0; i < fillers; i++, t += 1000 + p->buf)
		function(p, t, (unsigned int)(ARRAY_SIZE(marks) + i % (N_FILLERS - 2)));
	if (p->s->anchors_hz && !p->buf)
		anchors(p, t);
	flush_page(p);
	return online;
}

/* The number of events of one CPU, by the same rules as write_cpu(): the statistics come before the pages. */
static uint64_t count_cpu(const struct synth *s, uint32_t buf, uint32_t cpu, uint64_t fillers)
{
	const uint64_t ups = bringups(s), turns = !cpu || ups < cpu ? 0 : 1 + (ups - cpu) / (s->cpus - 1);
	uint64_t own = cpu ? turns * (5 + 2 * SYNTH_ONLINE_STEPS) : 1 + ups * (uint64_t)(2 * SYNTH_STEPS + 5);

	if (s->anchors_hz)
		own += N_ANCHORS;
	return (buf ? 0 : own) + fillers;
}

static int make_stats(const struct synth *s, uint64_t fillers, struct bu_dat_text *stats)
{
	uint32_t cpu;
	char *text;
	int n;

	for (cpu = 0; cpu < s->cpus; cpu++) {
		n = asprintf(&text, "entries: %" PRIu64 "\noverrun: %u\ncommit overrun: 0\nbytes: 1\noldest event ts: 1\n"
			     "now ts: 1\ndropped events: 0\nread events: 0\n",
			     count_cpu(s, 0, cpu, fillers) + (cpu ? 0 : (uint64_t)s->stats_excess),
			     cpu == s->lossy_cpu ? s->lost : 0);
		if (n < 0)
			return -ENOMEM;
		stats[cpu] = (struct bu_dat_text){ text, (size_t)n };
	}
	return 0;
}

static int write_pages(struct bu_dat_out *out, const struct synth *s, uint64_t fillers, struct synth_result *ret,
		       struct bu_err *err)
{
	struct pager p;
	uint64_t online;
	uint32_t cpu, buf;

	for (buf = 0; buf < (s->instance ? 2U : 1U); buf++)
		for (cpu = 0; cpu < s->cpus; cpu++) {
			memset(&p, 0, sizeof(p));
			p.out = out;
			p.err = err;
			p.buf = buf;
			p.cpu = cpu;
			p.s = s;
			online = write_cpu(&p, cpu, fillers);
			if (p.rc)
				return p.rc;
			ret->events += p.events;
			ret->functions += fillers + (buf || cpu ? 0 : 1 + 8 * bringups(s));
			if (online > ret->last_online)
				ret->last_online = online;
		}
	ret->cpuhp = ret->events - ret->functions;
	ret->first_stamp = START;
	return bu_dat_out_finish(out, err);
}

int synth_write(const char *path, const struct synth *s, struct synth_result *ret, struct bu_err *err)
{
	const struct bu_dat_text function_text = { function_format, sizeof(function_format) - 1 };
	const struct bu_dat_text cpuhp_texts[] = { { enter_format, sizeof(enter_format) - 1 },
						   { exit_format, sizeof(exit_format) - 1 } };
	const struct bu_dat_text timer_text = { expire_format, sizeof(expire_format) - 1 };
	const struct bu_dat_system systems[] = { { "cpuhp", cpuhp_texts, 2 }, { "timer", &timer_text, 1 } };
	struct bu_dat_content c = {
		.page_bytes = PAGE, .cpus = s->cpus, .header_page = { header_page, sizeof(header_page) - 1 },
		.header_event = { header_event, sizeof(header_event) - 1 }, .cmdlines = { "1 swapper/0\n", 12 },
		.ftrace = { "ftrace", &function_text, 1 }, .systems = systems, .n_systems = 2,
		.trace_clock = s->clock ? s->clock : "[local] global x86-tsc", .uname = "Linux (none) 6.1.0-synth x86_64",
		.writer = "synth", .instances = &s->instance, .n_instances = s->instance != NULL,
	};
	_cleanup_free_ char *kallsyms = make_kallsyms();
	_cleanup_free_ struct bu_dat_text *stats = calloc(s->cpus, sizeof(*stats));
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	uint64_t bringup = 1 + bringups(s) * (uint64_t)(2 * SYNTH_STEPS + 5 + 5 + 2 * SYNTH_ONLINE_STEPS);
	uint64_t lanes = (uint64_t)s->cpus * (s->instance ? 2 : 1), fillers;
	uint32_t cpu;
	int rc;

	memset(ret, 0, sizeof(*ret));
	if (!kallsyms || !stats || s->cpus < 2)
		return bu_fail_errno(err, -EINVAL, "synth");
	fillers = s->events > bringup ? (s->events - bringup + lanes - 1) / lanes : 0;
	c.kallsyms = (struct bu_dat_text){ kallsyms, strlen(kallsyms) };
	rc = make_stats(s, fillers, stats);
	if (!s->no_stats)
		c.cpustats = stats;
	if (!rc)
		rc = bu_dat_out_create(path, &c, &out, err);
	if (!rc)
		rc = write_pages(out, s, fillers, ret, err);
	for (cpu = 0; cpu < s->cpus; cpu++)
		free((char *)stats[cpu].data);
	return rc;
}
