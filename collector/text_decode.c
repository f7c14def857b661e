// SPDX-License-Identifier: GPL-2.0-only
/*
 * text_decode.c - see text_decode.h. Print formats as in include/trace/events/ and arch/x86/include/asm/trace/ of
 * 6.1 and 6.12; those of 5.10 are the same for what is read here.
 */
#include "collector/text_decode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define MAX_NAME 128		/* bytes of an event's name */
#define MAX_SYMBOL 512		/* KSYM_NAME_LEN of 6.1 and later */
#define MAX_COMM 64
#define MAX_JSON (1 << 20)	/* bytes of an event's words, a long stack trace included */

/* ---- words -------------------------------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '$';
}

bool bu_text_symbol(struct bu_slice *s, struct bu_slice *ret_name, int64_t *ret_offset)
{
	struct bu_slice t = *s, rest;
	uint64_t offset, size;
	size_t n = 0;

	while (n < t.n && is_name_char(t.p[n]))
		n++;
	if (!n || n > MAX_SYMBOL)
		return false;
	*ret_name = (struct bu_slice){ t.p, n };
	*ret_offset = -1;
	t = bu_slice_skip(t, n);
	rest = t;
	if (bu_slice_eat(&rest, "+0x") && bu_slice_number(&rest, 16, &offset) && offset <= INT64_MAX) {
		*ret_offset = (int64_t)offset;
		t = rest;
		if (bu_slice_eat(&rest, "/0x") && bu_slice_number(&rest, 16, &size))
			t = rest;
	}
	rest = t;
	if (bu_slice_eat(&rest, " [")) {
		for (n = 0; n < rest.n && (is_name_char(rest.p[n]) || rest.p[n] == '-');)
			n++;
		rest = bu_slice_skip(rest, n);
		if (n && bu_slice_eat(&rest, "]"))
			t = rest;
	}
	rest = t;
	if (bu_slice_eat(&rest, " <") && bu_slice_number(&rest, 16, &size) && bu_slice_eat(&rest, ">"))
		t = rest;	/* option sym-addr: the address, which is not kept */
	*s = t;
	return true;
}

/* The word behind "key=" up to the next blank. */
static bool word_of(struct bu_slice args, const char *key, struct bu_slice *ret)
{
	size_t len = strlen(key), i;
	struct bu_slice s;

	for (i = 0; i + len < args.n; i++) {
		s = bu_slice_skip(args, i);
		if ((i && args.p[i - 1] != ' ') || !bu_slice_starts(s, key) || s.p[len] != '=')
			continue;
		s = bu_slice_skip(s, len + 1);
		for (ret->p = s.p, ret->n = 0; ret->n < s.n && s.p[ret->n] != ' ';)
			ret->n++;
		return ret->n > 0;
	}
	return false;
}

static bool int_of(struct bu_slice args, const char *key, int64_t *ret)
{
	struct bu_slice w;

	return word_of(args, key, &w) && bu_slice_int(&w, ret) && !w.n;
}

/* A number that may be written 0x12 or, as pointers are, 0000000012ab34cd. */
static bool hex_of(struct bu_slice args, const char *key, int64_t *ret)
{
	struct bu_slice w;
	uint64_t v;

	if (!word_of(args, key, &w))
		return false;
	bu_slice_eat(&w, "0x");
	if (!bu_slice_number(&w, 16, &v) || w.n)
		return false;
	*ret = (int64_t)v;
	return true;
}

/* ---- dictionaries ------------------------------------------------------------------------------------------- */

static uint32_t enter(struct bu_text_decoder *d, struct bu_dict *dict, struct bu_slice text, int64_t number)
{
	char copy[MAX_SYMBOL + 1];
	uint32_t id = bu_dict_id(dict, bu_slice_text(text, copy, MAX_SYMBOL), number);

	if (!id)
		d->out_of_memory = true;
	return id;
}

static uint32_t task_of(struct bu_text_decoder *d, struct bu_slice comm, int64_t pid)
{
	if (comm.n > MAX_COMM)
		comm.n = MAX_COMM;
	if (bu_slice_is(comm, "<...>"))		/* the kernel had no room to remember it */
		comm.n = 0;
	return enter(d, &d->tasks, comm, pid);
}

static uint32_t symbol_of(struct bu_text_decoder *d, struct bu_slice args, const char *key)
{
	struct bu_slice w, name;
	int64_t offset;

	if (!word_of(args, key, &w) || !bu_text_symbol(&w, &name, &offset) || w.n)
		return 0;
	return enter(d, &d->symbols, name, 0);
}

static uint32_t kind_of(struct bu_text_decoder *d, const char *system, const char *name, enum bu_ev_table table)
{
	uint32_t id = bu_dict_id(&d->names, name, 0);

	if (id > d->n_kinds) {
		if (bu_grow(&d->kinds, d->n_kinds, &d->cap_kinds, sizeof(*d->kinds)))
			id = 0;
		else
			d->kinds[d->n_kinds++] = (struct bu_text_kind){ system, d->names.entries[id - 1].text, table, 0 };
	}
	if (!id)
		d->out_of_memory = true;
	return id;
}

/* ---- words as JSON ------------------------------------------------------------------------------------------- */

static int json_room(struct bu_text_decoder *d, size_t want)
{
	size_t cap = d->json_cap ? d->json_cap : 1024;
	char *more;

	while (cap < want)
		cap *= 2;
	if (cap == d->json_cap)
		return 0;
	more = realloc(d->json, cap);
	if (!more) {
		d->out_of_memory = true;
		return -ENOMEM;
	}
	d->json = more;
	d->json_cap = cap;
	return 0;
}

/* @text as clean text between quotes at the end of @to, which is long enough for twice its length. */
static size_t quote(char *to, struct bu_slice text, char *scratch)
{
	const char *p;
	size_t n = 0;

	bu_slice_text(text, scratch, text.n);
	for (p = scratch; *p; p++) {
		if (*p == '"' || *p == '\\')
			to[n++] = '\\';
		to[n++] = *p;
	}
	to[n] = 0;
	return n;
}

static void json_text(struct bu_text_decoder *d, struct bu_slice text)
{
	static const char head[] = "{\"text\":\"";
	size_t n = sizeof(head) - 1;

	if (json_room(d, 3 * text.n + 64))
		return;
	memcpy(d->json, head, n);
	/* The clean copy stands behind where the quoted one can reach. */
	n += quote(d->json + n, text, d->json + n + 2 * text.n + 8);
	memcpy(d->json + n, "\"}", 3);
}

const char *bu_text_decode_more(struct bu_text_decoder *d, struct bu_slice line)
{
	size_t n = d->json ? strlen(d->json) : 0;

	if (n < 2 || n + 2 * line.n > MAX_JSON)
		return d->json;
	if (json_room(d, n + 3 * line.n + 64))
		return NULL;
	n -= 2;
	d->json[n++] = ' ';
	n += quote(d->json + n, line, d->json + n + 2 * line.n + 8);
	memcpy(d->json + n, "\"}", 3);
	return d->json;
}

/* The fields of initcall events as decode_json.c has them. */
static bool json_initcall(struct bu_text_decoder *d, const char *name, struct bu_slice args)
{
	struct bu_slice w, symbol;
	char text[MAX_SYMBOL + 1];
	int64_t offset, ret;

	if (json_room(d, 2 * MAX_SYMBOL + 64))
		return true;
	if (!strcmp(name, "initcall_level")) {
		if (!word_of(args, "level", &w) || memchr(w.p, '"', w.n) || memchr(w.p, '\\', w.n))
			return false;
		snprintf(d->json, d->json_cap, "{\"level\":\"%s\"}", bu_slice_text(w, text, MAX_SYMBOL));
		return true;
	}
	if (!word_of(args, "func", &w) || !bu_text_symbol(&w, &symbol, &offset))
		return false;
	bu_slice_text(symbol, text, MAX_SYMBOL);
	if (!strcmp(name, "initcall_start")) {
		snprintf(d->json, d->json_cap, "{\"func\":\"%s\"}", text);
		return true;
	}
	if (!int_of(args, "ret", &ret))
		return false;
	snprintf(d->json, d->json_cap, "{\"func\":\"%s\",\"ret\":%" PRId64 "}", text, ret);
	return true;
}

/* ---- events with tables of their own --------------------------------------------------------------------------- */

static bool target_cpu_of(struct bu_slice *s, struct bu_event *ev)
{
	return bu_slice_eat(s, "cpu: ") && bu_slice_int(s, &ev->cpuhp.target_cpu) && ev->cpuhp.target_cpu >= 0 &&
	       ev->cpuhp.target_cpu < BU_TEXT_MAX_CPUS;
}

/* "cpu: 0001 target: 236 step: 150 (smpboot_unpark_threads)" */
static bool fill_cpuhp_enter(struct bu_text_decoder *d, struct bu_slice s, struct bu_event *ev)
{
	struct bu_slice name;
	int64_t offset;

	if (!target_cpu_of(&s, ev) || !bu_slice_eat(&s, " target:"))
		return false;
	s = bu_slice_trim(s);
	if (!bu_slice_int(&s, &ev->cpuhp.target) || !bu_slice_eat(&s, " step:"))
		return false;
	s = bu_slice_trim(s);
	if (!bu_slice_int(&s, &ev->cpuhp.step) || !bu_slice_eat(&s, " (") || !bu_text_symbol(&s, &name, &offset) ||
	    !bu_slice_is(s, ")"))
		return false;
	ev->cpuhp.func = enter(d, &d->symbols, name, 0);
	ev->cpuhp.state = ev->cpuhp.ret = BU_FIELD_UNKNOWN;
	return true;
}

/* " cpu: 0001  state: 150 step: 150 ret: 0" */
static bool fill_cpuhp_exit(struct bu_slice s, struct bu_event *ev)
{
	if (!target_cpu_of(&s, ev) || !bu_slice_eat(&s, "  state:"))
		return false;
	s = bu_slice_trim(s);
	if (!bu_slice_int(&s, &ev->cpuhp.state) || !bu_slice_eat(&s, " step:"))
		return false;
	s = bu_slice_trim(s);
	if (!bu_slice_int(&s, &ev->cpuhp.step) || !bu_slice_eat(&s, " ret: ") || !bu_slice_int(&s, &ev->cpuhp.ret) || s.n)
		return false;
	ev->cpuhp.target = BU_FIELD_UNKNOWN;
	ev->cpuhp.func = 0;
	return true;
}

static bool fill_cpuhp(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	ev->cpuhp.kind = !strcmp(name, "cpuhp_exit") ? BU_CPUHP_EXIT :
			 !strcmp(name, "cpuhp_enter") ? BU_CPUHP_ENTER : BU_CPUHP_MULTI;
	return ev->cpuhp.kind == BU_CPUHP_EXIT ? fill_cpuhp_exit(args, ev) : fill_cpuhp_enter(d, args, ev);
}

/* "address=0x7f00 ip=rep_stos_alternative error_code=0x2": the kernel names its own code instead of its address. */
static bool fill_fault(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	ev->fault.is_user = !strcmp(name, "page_fault_user");
	ev->fault.ip_symbol = 0;
	if (!hex_of(args, "address", &ev->fault.address) || !hex_of(args, "error_code", &ev->fault.error_code))
		return false;
	if (hex_of(args, "ip", &ev->fault.ip))
		return true;
	ev->fault.ip = BU_FIELD_UNKNOWN;
	ev->fault.ip_symbol = symbol_of(d, args, "ip");
	return ev->fault.ip_symbol != 0;
}

static bool fill_irq(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	(void)d;
	(void)name;
	return int_of(args, "vector", &ev->irq.vector);
}

/* "R", "S", "D|K", "R+": TASK_REPORT and the mark of being preempted, include/trace/events/sched.h of 6.1. */
static bool prev_state_of(struct bu_slice args, int64_t *ret)
{
	static const struct {
		char c;
		int64_t bit;
	} states[] = {
		{ 'R', 0 }, { 'S', 0x01 }, { 'D', 0x02 }, { 'T', 0x04 }, { 't', 0x08 }, { 'X', 0x10 }, { 'Z', 0x20 },
		{ 'P', 0x40 }, { 'I', 0x80 }, { '+', 0x100 }, { '|', 0 },
	};
	struct bu_slice w;
	size_t i, k;

	if (!word_of(args, "prev_state", &w))
		return false;
	*ret = 0;
	for (i = 0; i < w.n; i++) {
		for (k = 0; k < ARRAY_SIZE(states) && states[k].c != w.p[i];)
			k++;
		if (k == ARRAY_SIZE(states))
			return false;
		*ret |= states[k].bit;
	}
	return true;
}

/* "comm=NAME pid=..." where NAME may hold blanks. */
static bool comm_of(struct bu_slice s, const char *key, const char *behind, struct bu_slice *ret)
{
	int64_t end;

	if (!bu_slice_eat(&s, key))
		return false;
	end = bu_slice_find(s, behind);
	*ret = (struct bu_slice){ s.p, end < 0 ? 0 : (size_t)end };
	return end >= 0 && end <= MAX_COMM;
}

static bool fill_switch(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	struct bu_slice prev, next, left, right;
	int64_t arrow = bu_slice_find(args, " ==> "), prev_pid, next_pid;

	(void)name;
	if (arrow < 0)
		return false;
	left = (struct bu_slice){ args.p, (size_t)arrow };
	right = bu_slice_skip(args, (size_t)arrow + 5);
	if (!comm_of(left, "prev_comm=", " prev_pid=", &prev) || !comm_of(right, "next_comm=", " next_pid=", &next))
		return false;
	left = bu_slice_skip(left, strlen("prev_comm=") + prev.n);
	right = bu_slice_skip(right, strlen("next_comm=") + next.n);
	if (!int_of(left, "prev_pid", &prev_pid) || !int_of(left, "prev_prio", &ev->sched.prev_prio) ||
	    !prev_state_of(left, &ev->sched.prev_state) || !int_of(right, "next_pid", &next_pid) ||
	    !int_of(right, "next_prio", &ev->sched.next_prio))
		return false;
	ev->sched.prev = task_of(d, prev, prev_pid);
	ev->sched.next = task_of(d, next, next_pid);
	return true;
}

/* Pointers are printed hashed, the same for all of one timer: an identity still. */
static bool fill_timer(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	if (!hex_of(args, *name == 'h' ? "hrtimer" : "timer", &ev->timer.timer))
		return false;
	ev->timer.func = symbol_of(d, args, "function");
	if (!int_of(args, "expires", &ev->timer.expires))
		ev->timer.expires = BU_FIELD_UNKNOWN;
	if (!int_of(args, "now", &ev->timer.now))
		ev->timer.now = BU_FIELD_UNKNOWN;
	return true;
}

static bool fill_initcall(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev)
{
	if (!json_initcall(d, name, args))
		return false;
	ev->other.fields = d->json;
	return true;
}

/* ---- which is which --------------------------------------------------------------------------------------------- */

static const struct known {
	const char *name;	/* ends in '*': a beginning; begins with '*': an end */
	const char *system;
	enum bu_ev_table table;
	bool (*fill)(struct bu_text_decoder *d, const char *name, struct bu_slice args, struct bu_event *ev);
} known_events[] = {
	{ "cpuhp_enter", "cpuhp", BU_EV_CPUHP, fill_cpuhp },
	{ "cpuhp_multi_enter", "cpuhp", BU_EV_CPUHP, fill_cpuhp },
	{ "cpuhp_exit", "cpuhp", BU_EV_CPUHP, fill_cpuhp },
	{ "initcall_level", "initcall", BU_EV_OTHER, fill_initcall },
	{ "initcall_start", "initcall", BU_EV_OTHER, fill_initcall },
	{ "initcall_finish", "initcall", BU_EV_OTHER, fill_initcall },
	{ "page_fault_user", "exceptions", BU_EV_FAULT, fill_fault },
	{ "page_fault_kernel", "exceptions", BU_EV_FAULT, fill_fault },
	{ "sched_switch", "sched", BU_EV_SCHED_SWITCH, fill_switch },
	{ "sched_*", "sched", BU_EV_OTHER, NULL },
	{ "hrtimer_*", "timer", BU_EV_TIMER, fill_timer },
	{ "timer_*", "timer", BU_EV_TIMER, fill_timer },
	{ "tick_stop", "timer", BU_EV_OTHER, NULL },
	{ "softirq_*", "irq", BU_EV_OTHER, NULL },
	{ "irq_handler_*", "irq", BU_EV_OTHER, NULL },
	{ "cpu_idle", "power", BU_EV_OTHER, NULL },
	{ "workqueue_*", "workqueue", BU_EV_OTHER, NULL },
};

/* Vectors of arch/x86/include/asm/trace/irq_vectors.h; each has an _entry and an _exit. */
static const char *const vectors[] = {
	"local_timer", "spurious_apic", "error_apic", "x86_platform_ipi", "irq_work", "reschedule", "call_function",
	"call_function_single", "threshold_apic", "deferred_error_apic", "thermal_apic",
};

static bool matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	return pattern[n - 1] == '*' ? !strncmp(pattern, name, n - 1) : !strcmp(pattern, name);
}

static struct known what_is(const char *name)
{
	const char *tail = strrchr(name, '_');
	size_t i, n = tail ? (size_t)(tail - name) : 0;

	for (i = 0; i < ARRAY_SIZE(known_events); i++)
		if (matches(known_events[i].name, name))
			return known_events[i];
	if (tail && (!strcmp(tail, "_entry") || !strcmp(tail, "_exit")))
		for (i = 0; i < ARRAY_SIZE(vectors); i++)
			if (strlen(vectors[i]) == n && !strncmp(vectors[i], name, n))
				return (struct known){ name, "irq_vectors", BU_EV_IRQ_VECTOR, fill_irq };
	return (struct known){ name, "unknown", BU_EV_OTHER, NULL };
}

/* "func <-caller" */
static bool fill_function(struct bu_text_decoder *d, struct bu_slice what, struct bu_event *ev)
{
	struct bu_slice func, caller;
	int64_t arrow = bu_slice_find(what, " <-"), offset;

	if (arrow <= 0 || !bu_text_symbol(&what, &func, &offset))
		return false;
	if (what.n && *what.p == '(')	/* option func-args of 6.15 */
		what = bu_slice_skip(what, (size_t)bu_slice_find(what, " <-"));
	if (!bu_slice_eat(&what, " <-") || !bu_text_symbol(&what, &caller, &offset) || what.n)
		return false;
	ev->table = BU_EV_FUNC;
	ev->kind = kind_of(d, "ftrace", "function", BU_EV_FUNC);
	ev->func.func = enter(d, &d->symbols, func, 0);
	ev->func.caller = enter(d, &d->symbols, caller, 0);
	return true;
}

/* Takes "name: " off; every event prints its own, a print() the function that it is in. */
static bool take_name(struct bu_slice *what, char *name)
{
	size_t n = 0;

	while (n < what->n && n < MAX_NAME && is_name_char(what->p[n]))
		n++;
	if (!n || n == what->n || what->p[n] != ':' || (n + 1 < what->n && what->p[n + 1] != ' '))
		return false;
	memcpy(name, what->p, n);
	name[n] = 0;
	*what = bu_slice_trim(bu_slice_skip(*what, n + 1));
	return true;
}

static void fill_words(struct bu_text_decoder *d, const char *system, const char *name, struct bu_slice words,
		       struct bu_event *ev)
{
	ev->table = BU_EV_OTHER;
	ev->kind = kind_of(d, system, name, BU_EV_OTHER);
	json_text(d, words);
	ev->other.fields = d->json;
}

static void fill_named(struct bu_text_decoder *d, char *name, struct bu_slice args, struct bu_event *ev)
{
	struct known k = what_is(name);

	if (!k.fill) {
		fill_words(d, k.system, name, args, ev);
	} else if (k.fill(d, name, args, ev)) {
		ev->table = k.table;
		ev->kind = kind_of(d, k.system, name, k.table);
	} else {
		strcat(name, " (as text)");	/* room for it is in the caller's buffer */
		d->as_text++;
		fill_words(d, k.system, name, args, ev);
	}
}

int bu_text_decode(struct bu_text_decoder *d, const struct bu_text_event *from, struct bu_event *ev)
{
	struct bu_slice what = from->what;
	char name[MAX_NAME + 16];

	ev->cpu = from->cpu;
	ev->ctx = from->ctx;
	if (bu_slice_is(what, "<stack trace>") || bu_slice_is(what, "<user stack trace>"))
		fill_words(d, "ftrace", what.n < 14 ? "kernel_stack" : "user_stack", (struct bu_slice){ what.p, 0 }, ev);
	else if (!fill_function(d, what, ev)) {
		if (!take_name(&what, name))
			return -EINVAL;
		fill_named(d, name, what, ev);
	}
	ev->task = task_of(d, from->comm, from->pid);
	if (d->out_of_memory)
		return -ENOMEM;
	d->kinds[ev->kind - 1].events++;
	return 0;
}

void bu_text_decoder_fini(struct bu_text_decoder *d)
{
	bu_dict_fini(&d->symbols);
	bu_dict_fini(&d->tasks);
	bu_dict_fini(&d->names);
	free(d->kinds);
	free(d->json);
	memset(d, 0, sizeof(*d));
}
