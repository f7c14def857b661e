// SPDX-License-Identifier: GPL-2.0-only
/*
 * hang_report.c - the words of hang_report.h. Every sentence stands on something in the capture; where the capture
 * leaves several answers open, the sentence says so and bu_hang.would what would close it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/hang_int.h"

static bool known(int64_t ns)
{
	return ns != BU_NS_UNKNOWN;
}

static const char *dur(const struct bu_hang *h, int64_t ns, char *buf)
{
	if (!known(ns) || !h->ticks)
		return bu_ns_str(ns, buf);
	snprintf(buf, BU_NS_STRLEN, "%" PRId64 " ticks", ns);
	return buf;
}

/* ---- making sentences ---------------------------------------------------------------------------------------- */

/* A growing text; out of memory is remembered and looked at once. */
struct words {
	char *text;
	size_t n, cap;
	int failed;
};

static void put(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct words *w, const char *fmt, ...)
{
	char *piece = NULL, *more;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&piece, fmt, ap);
	va_end(ap);
	if (len < 0) {
		w->failed = 1;
		return;
	}
	if (w->n + (size_t)len + 1 > w->cap) {
		w->cap = 2 * (w->n + (size_t)len + 1);
		more = realloc(w->text, w->cap);
		if (!more) {
			free(piece);
			w->failed = 1;
			return;
		}
		w->text = more;
	}
	memcpy(w->text + w->n, piece, (size_t)len + 1);
	w->n += (size_t)len;
	free(piece);
}

/* "CPU 3", "CPUs 0-2 and 5". */
static void put_cpus(struct words *w, const struct bu_hang *h, bool (*pick)(const struct bu_hang *h,
									      const struct bu_hang_cpu *c))
{
	size_t total = 0, done = 0, i, k;

	for (i = 0; i < h->n_cpu; i++)
		total += pick(h, &h->cpu[i]);
	put(w, total == 1 ? "CPU " : "CPUs ");
	for (i = 0; i < h->n_cpu; i = k + 1) {
		k = i;
		if (!pick(h, &h->cpu[i]))
			continue;
		while (k + 1 < h->n_cpu && pick(h, &h->cpu[k + 1]) && h->cpu[k + 1].cpu == h->cpu[k].cpu + 1)
			k++;
		if (done)
			put(w, done + (k - i + 1) == total ? " and " : ", ");
		if (k > i)
			put(w, "%d-%d", h->cpu[i].cpu, h->cpu[k].cpu);
		else
			put(w, "%d", h->cpu[i].cpu);
		done += k - i + 1;
	}
}

/* Moves the text to a list of the report. */
static int move_to(struct bu_hang *h, struct words *w, const char ***list, size_t *n, size_t *cap)
{
	char *kept = w->failed || !w->text ? NULL : bu_arena_strdup(&h->arena, w->text);

	free(w->text);
	*w = (struct words){ .text = NULL };
	if (!kept || bu_grow(list, *n, cap, sizeof(**list)))
		return -ENOMEM;
	(*list)[(*n)++] = kept;
	return 0;
}

static int say(struct bu_hang *h, struct words *w)
{
	return move_to(h, w, &h->says, &h->n_says, &h->cap_says);
}

static int would(struct bu_hang *h, const char *text)
{
	struct words w = { .text = NULL };

	put(&w, "%s", text);
	return move_to(h, &w, &h->would, &h->n_would, &h->cap_would);
}

/* ---- which CPUs ----------------------------------------------------------------------------------------------------- */

static bool arrived(const struct bu_hang *h, const struct bu_hang_cpu *c)
{
	(void)h;
	return known(c->arrived_ns);
}

static bool missing(const struct bu_hang *h, const struct bu_hang_cpu *c)
{
	(void)h;
	return c->online && !known(c->arrived_ns);
}

static bool seen_waiting(const struct bu_hang *h, const struct bu_hang_cpu *c)
{
	return known(c->arrived_ns) && c->trace >= 0 && h->trace[c->trace].in_rendezvous;
}

static bool seen_elsewhere(const struct bu_hang *h, const struct bu_hang_cpu *c)
{
	return known(c->arrived_ns) && c->trace >= 0 && !h->trace[c->trace].in_rendezvous;
}

static bool not_seen(const struct bu_hang *h, const struct bu_hang_cpu *c)
{
	(void)h;
	return known(c->arrived_ns) && c->trace < 0;
}

static size_t count(const struct bu_hang *h, bool (*pick)(const struct bu_hang *h, const struct bu_hang_cpu *c))
{
	size_t n = 0, i;

	for (i = 0; i < h->n_cpu; i++)
		n += pick(h, &h->cpu[i]);
	return n;
}

static const struct bu_hang_cpu *cpu_of(const struct bu_hang *h, int cpu)
{
	size_t i;

	for (i = 0; i < h->n_cpu; i++)
		if (h->cpu[i].cpu == cpu)
			return &h->cpu[i];
	return NULL;
}

static const char *place_of(const struct bu_hang_trace *t)
{
	return t->rip ? t->rip : t->n_frames ? t->frame[0] : "a place that was not printed";
}

/* ---- the rendezvous ---------------------------------------------------------------------------------------------------- */

static int say_start(struct bu_hang *h)
{
	struct words w = { .text = NULL };
	char at[BU_NS_STRLEN], age[BU_NS_STRLEN];

	put(&w, "A stop_machine rendezvous was in progress when the record ends.");
	if (h->starter_cpu >= 0)
		put(&w, " %s (pid %" PRId64 ") on CPU %d began it at %s and has waited since, for %s at least: then the events end.",
		    h->starter_comm && *h->starter_comm ? h->starter_comm : "A task", h->starter_pid, h->starter_cpu,
		    dur(h, h->start_ns, at), dur(h, bu_ns_since(h->end_ns, h->start_ns), age));
	else
		put(&w, " Who began it was not traced; its first CPU entered at %s.", dur(h, h->start_ns, at));
	return say(h, &w);
}

static int say_missing(struct bu_hang *h)
{
	struct words w = { .text = NULL };
	char at[BU_NS_STRLEN], gap[BU_NS_STRLEN];
	size_t i;
	int rc;

	put_cpus(&w, h, missing);
	put(&w, " did not enter multi_cpu_stop: the %zu that did (", h->n_arrived);
	if (h->n_arrived)
		put_cpus(&w, h, arrived);
	put(&w, ") spin until %s.", h->n_missing == 1 ? "it does" : "they do");
	rc = say(h, &w);
	for (i = 0; !rc && i < h->n_cpu; i++) {
		const struct bu_hang_cpu *c = &h->cpu[i];

		if (!missing(h, c))
			continue;
		put(&w, "CPU %d was last seen ", c->cpu);
		if (known(c->last_ns))
			put(&w, "at %s (%s), %s before the last event of the record", dur(h, c->last_ns, at),
			    c->last_what ? c->last_what : "?", dur(h, bu_ns_since(h->end_ns, c->last_ns), gap));
		else
			put(&w, "in no event at all");
		if (c->trace >= 0)
			put(&w, "; the console shows it in %s", place_of(&h->trace[c->trace]));
		put(&w, ".");
		rc = say(h, &w);
	}
	return rc;
}

static int say_all_arrived(struct bu_hang *h)
{
	struct words w = { .text = NULL };
	char last[BU_NS_STRLEN];
	int rc;

	put(&w, "All %zu CPUs that take part had entered multi_cpu_stop, the last at %s", h->n_arrived,
	    dur(h, h->last_arrival_ns, last));
	if (h->callback_seen)
		put(&w, ", and its callback had begun (%s): the machine hangs in or after that", h->callback);
	else
		put(&w, ". Which of them does not acknowledge, the trace cannot say: waiting and being stuck look the same in it");
	put(&w, ".");
	rc = say(h, &w);
	if (!rc && count(h, seen_elsewhere)) {
		put_cpus(&w, h, seen_elsewhere);
		put(&w, " had entered, and the console shows %s outside of the waiting loop: look there first.",
		    count(h, seen_elsewhere) == 1 ? "it" : "them");
		rc = say(h, &w);
	}
	if (!rc && count(h, seen_waiting)) {
		put_cpus(&w, h, seen_waiting);
		put(&w, " %s seen alive on the console, waiting in the loop: not stuck at that moment. ",
		    count(h, seen_waiting) == 1 ? "was" : "were");
		if (count(h, not_seen)) {
			put(&w, "Nothing is known of ");
			put_cpus(&w, h, not_seen);
			put(&w, ".");
		} else {
			put(&w, "No CPU is left that could be: it was slow rather than stuck, or the cause came later.");
		}
		rc = say(h, &w);
	}
	return rc;
}

static int conclude_rendezvous(struct bu_hang *h)
{
	struct words w = { .text = NULL };
	int rc = say_start(h);

	if (rc)
		return rc;
	if (!h->arrivals_traced) {
		put(&w, "The function multi_cpu_stop was not traced, so who entered is not known.");
		rc = say(h, &w);
		return rc ? rc : would(h, "ftrace=function ftrace_filter=multi_cpu_stop,... on the kernel command line records "
				       "each CPU's arrival");
	}
	if (known(h->cpus_said) && (size_t)h->cpus_said != h->n_online) {
		put(&w, "The log says that %" PRId64 " CPUs are online, the events show %zu: of the others nothing was recorded.",
		    h->cpus_said, h->n_online);
		rc = say(h, &w);
	}
	if (!rc)
		rc = h->n_missing ? say_missing(h) : say_all_arrived(h);
	if (rc || h->n_missing || h->callback_seen)
		return rc;
	rc = would(h, "a call trace or the registers of every CPU at that moment: sysrq-l, an NMI to each (nmi_watchdog=1, "
		   "a BMC's or hypervisor's NMI with backtraces of all CPUs), 'info registers -a' in a QEMU monitor");
	return rc ? rc : would(h, "a second dump some seconds later: what has moved between the two is not stuck");
}

/* ---- steps -------------------------------------------------------------------------------------------------------------------- */

/* The step that runs on @cpu for itself, the latest: what a waiter of that CPU really waits for. */
static const struct bu_hang_step *own_step(const struct bu_hang *h, int cpu)
{
	size_t i;

	for (i = h->n_step; i; i--)
		if (h->step[i - 1].cpu == cpu && h->step[i - 1].target_cpu == cpu)
			return &h->step[i - 1];
	return NULL;
}

static int say_step(struct bu_hang *h, const struct bu_hang_step *s)
{
	const struct bu_hang_cpu *c = cpu_of(h, s->target_cpu);
	const struct bu_hang_step *own = s->waits ? own_step(h, s->target_cpu) : NULL;
	struct words w = { .text = NULL };
	char at[BU_NS_STRLEN], age[BU_NS_STRLEN], last[BU_NS_STRLEN];

	put(&w, "CPU %d is in step %d %s", s->cpu, s->nr, s->name);
	if (s->cpu != s->target_cpu)
		put(&w, " for CPU %d", s->target_cpu);
	put(&w, " since %s, for %s at least: then the events end.", dur(h, s->start_ns, at),
	    dur(h, bu_ns_since(h->end_ns, s->start_ns), age));
	if (own)
		put(&w, " It waits for CPU %d, which is in step %d %s.", own->cpu, own->nr, own->name);
	else if (s->waits && (!c || !known(c->last_ns)))
		put(&w, " It waits for CPU %d, of which there is no event at all.", s->target_cpu);
	else if (s->waits && c->last_ns < s->start_ns)
		put(&w, " It waits for CPU %d, which was last seen before that, at %s (%s).", s->target_cpu,
		    dur(h, c->last_ns, last), c->last_what ? c->last_what : "?");
	else if (s->waits)
		put(&w, " It waits for CPU %d, which was last seen at %s (%s).", s->target_cpu, dur(h, c->last_ns, last),
		    c->last_what ? c->last_what : "?");
	return say(h, &w);
}

static int conclude_steps(struct bu_hang *h)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < h->n_step; i++)
		rc = say_step(h, &h->step[i]);
	return rc;
}

/* ---- the console ----------------------------------------------------------------------------------------------------------------- */

static const struct bu_hang_log *log_of(const struct bu_hang *h, const char *kind)
{
	size_t i;

	for (i = 0; i < h->n_log; i++)
		if (!strcmp(h->log[i].kind, kind))
			return &h->log[i];
	return NULL;
}

static const struct bu_hang_log *context_after(const struct bu_hang *h, int64_t line)
{
	size_t i;

	for (i = 0; i < h->n_log; i++)
		if (!strcmp(h->log[i].kind, "context") && h->log[i].line > line && h->log[i].line <= line + 4)
			return &h->log[i];
	return NULL;
}

static const struct bu_hang_trace *trace_after(const struct bu_hang *h, int64_t line)
{
	size_t i;

	for (i = 0; i < h->n_trace; i++)
		if (h->trace[i].line > line)
			return &h->trace[i];
	return NULL;
}

static int say_trouble(struct bu_hang *h, const struct bu_hang_log *l, const char *how)
{
	const struct bu_hang_log *ctx = context_after(h, l->line);
	const struct bu_hang_trace *t = trace_after(h, l->line);
	struct words w = { .text = NULL };
	int cpu = l->cpu >= 0 ? l->cpu : ctx ? ctx->cpu : -1;
	size_t i;

	if (!strcmp(l->kind, "cpu failed"))
		put(&w, "CPU %d did not come up", cpu);
	else
		put(&w, "%s", how);
	if (cpu >= 0 && strcmp(l->kind, "cpu failed") != 0)
		put(&w, " on CPU %d", cpu);
	if (known(l->printk_ns))
		put(&w, ", console time %.6f s", (double)l->printk_ns / 1e9);
	put(&w, ": \"%s\"", l->text);
	if (t && (t->cpu == cpu || t->cpu < 0 || cpu < 0) && (t->rip || t->n_frames)) {
		put(&w, ", in %s", place_of(t));
		for (i = t->rip ? 0 : 1; i < t->n_frames; i++)
			put(&w, "%s%s", i == (t->rip ? 0u : 1u) ? ", called from " : " < ", t->frame[i]);
	}
	put(&w, ".");
	return say(h, &w);
}

static int conclude_log(struct bu_hang *h)
{
	static const struct {
		const char *kind, *how;
	} first_of[] = {
		{ "cpu failed", "" }, { "hard lockup", "Hard lockup" }, { "soft lockup", "Soft lockup" },
		{ "rcu stall", "RCU stall" }, { "csd lock", "A CPU does not answer an IPI" }, { "hung task", "Hung task" },
		{ "oops", "Oops" }, { "nmi", "An NMI of unknown reason" }, { "panic", "Panic" },
	};
	struct words w = { .text = NULL };
	const struct bu_hang_log *l;
	size_t i;
	int rc = 0;

	if (!h->is_console)
		return 0;
	if (!h->events) {
		put(&w, h->has_dump ? "The dump of the trace buffer is empty: nothing is known of steps and rendezvous." :
		    "The log has no dump of the trace buffer: nothing is known of steps and rendezvous beyond its messages.");
		rc = say(h, &w);
		if (!rc && h->bringup_done) {
			put(&w, "The bring-up had ended by then: the log counts %" PRId64 " CPUs", h->cpus_said);
			if (known(h->cpus_possible))
				put(&w, " of %" PRId64, h->cpus_possible);
			put(&w, ".");
			rc = say(h, &w);
		} else if (!rc && log_of(h, "bringup")) {
			put(&w, "The bring-up of the CPUs had begun, and the log does not say that it ended.");
			rc = say(h, &w);
		}
		if (!rc)
			rc = would(h, "ftrace_dump_on_oops with the cpuhp events and multi_cpu_stop traced (trace_event=cpuhp:* "
				   "ftrace=function ftrace_filter=multi_cpu_stop,stop_machine_cpuslocked)");
	}
	for (i = 0; !rc && i < ARRAY_SIZE(first_of); i++) {
		l = log_of(h, first_of[i].kind);
		if (l)
			rc = say_trouble(h, l, first_of[i].how);
	}
	return rc;
}

int bu_hang_conclude(struct bu_hang *h)
{
	int rc = h->rendezvous ? conclude_rendezvous(h) : 0;

	if (!rc)
		rc = conclude_steps(h);
	if (!rc && !h->rendezvous && !h->n_step && h->events) {
		struct words w = { .text = NULL };

		put(&w, "No step and no rendezvous was in progress when the events end.");
		rc = say(h, &w);
	}
	return rc ? rc : conclude_log(h);
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------- */

static void wrapped(FILE *to, const char *first, const char *text)
{
	size_t col = strlen(first), n;

	fputs(first, to);
	while (*text) {
		n = strcspn(text, " ");
		if (col + n > 110 && col > 4) {
			fputs("\n   ", to);
			col = 3;
		}
		fprintf(to, " %.*s", (int)n, text);
		col += n + 1;
		text += n;
		text += *text == ' ';
	}
	fputc('\n', to);
}

void bu_hang_text(FILE *to, const struct bu_hang *h, size_t top)
{
	size_t i, shown = 0;

	if (!h)
		return;
	fprintf(to, "\nWhere the record ends\n");
	for (i = 0; i < h->n_says; i++)
		wrapped(to, "  *", h->says[i]);
	if (h->n_would) {
		fprintf(to, "  What would tell more:\n");
		for (i = 0; i < h->n_would; i++)
			wrapped(to, "  -", h->would[i]);
	}
	if (h->rendezvous && h->arrivals_traced) {
		char at[BU_NS_STRLEN], last[BU_NS_STRLEN];

		fprintf(to, "\n  %5s %10s %10s  %s\n", "CPU", "entered", "last event", "console");
		for (i = 0; i < h->n_cpu && shown < top; i++) {
			const struct bu_hang_cpu *c = &h->cpu[i];

			if (!c->online)
				continue;
			fprintf(to, "  %5d %10s %10s  %s\n", c->cpu, known(c->arrived_ns) ? dur(h, c->arrived_ns, at) : "MISSING",
				known(c->last_ns) ? dur(h, c->last_ns, last) : "-",
				c->trace >= 0 ? place_of(&h->trace[c->trace]) : "-");
			shown++;
		}
		if (h->n_online > shown)
			fprintf(to, "  and %zu more (--top)\n", h->n_online - shown);
		fprintf(to, "  (entered: multi_cpu_stop. Times count from the start of the bring-up.)\n");
	}
}

static void set(json_t *o, const char *key, json_t *v, int *failed)
{
	if (json_object_set_new(o, key, v))
		*failed = 1;
}

/* The log may hold anything; what is no UTF-8 was replaced at import, but a database is not trusted either. */
static json_t *text_json(const char *text)
{
	json_t *v = text ? json_string(text) : json_null();

	return v ? v : json_string("(not valid UTF-8)");
}

static json_t *ns_json(int64_t ns)
{
	return known(ns) ? json_integer(ns) : json_null();
}

static json_t *cpu_json(int cpu)
{
	return cpu >= 0 ? json_integer(cpu) : json_null();
}

static json_t *list_json(const char *const *list, size_t n, int *failed)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		if (json_array_append_new(a, text_json(list[i])))
			*failed = 1;
	return a;
}

static json_t *rendezvous_json(const struct bu_hang *h, int *failed)
{
	json_t *o = json_object(), *entered = json_array(), *gone = json_array(), *e;
	size_t i;

	set(o, "start_ns", ns_json(h->start_ns), failed);
	set(o, "starter_cpu", cpu_json(h->starter_cpu), failed);
	set(o, "starter_pid", h->starter_cpu >= 0 ? json_integer(h->starter_pid) : json_null(), failed);
	set(o, "starter_comm", text_json(h->starter_comm), failed);
	set(o, "arrivals_traced", json_boolean(h->arrivals_traced), failed);
	set(o, "online", json_integer((json_int_t)h->n_online), failed);
	for (i = 0; h->arrivals_traced && i < h->n_cpu; i++) {
		if (arrived(h, &h->cpu[i])) {
			e = json_object();
			set(e, "cpu", json_integer(h->cpu[i].cpu), failed);
			set(e, "at_ns", ns_json(h->cpu[i].arrived_ns), failed);
			set(e, "seen_waiting", json_boolean(seen_waiting(h, &h->cpu[i])), failed);
			*failed |= json_array_append_new(entered, e) != 0;
		} else if (missing(h, &h->cpu[i])) {
			e = json_object();
			set(e, "cpu", json_integer(h->cpu[i].cpu), failed);
			set(e, "last_ns", ns_json(h->cpu[i].last_ns), failed);
			set(e, "last_what", text_json(h->cpu[i].last_what), failed);
			*failed |= json_array_append_new(gone, e) != 0;
		}
	}
	set(o, "entered", entered, failed);
	set(o, "missing", gone, failed);
	set(o, "callback", text_json(h->callback), failed);
	return o;
}

static json_t *steps_json(const struct bu_hang *h, int *failed)
{
	json_t *a = json_array(), *e;
	size_t i;

	for (i = 0; i < h->n_step; i++) {
		e = json_object();
		set(e, "cpu", json_integer(h->step[i].cpu), failed);
		set(e, "for_cpu", json_integer(h->step[i].target_cpu), failed);
		set(e, "nr", json_integer(h->step[i].nr), failed);
		set(e, "name", text_json(h->step[i].name), failed);
		set(e, "start_ns", ns_json(h->step[i].start_ns), failed);
		set(e, "waits_for_cpu", h->step[i].waits ? json_integer(h->step[i].target_cpu) : json_null(), failed);
		*failed |= json_array_append_new(a, e) != 0;
	}
	return a;
}

static json_t *log_json(const struct bu_hang *h, int *failed)
{
	json_t *a = json_array(), *e;
	size_t i;

	for (i = 0; i < h->n_log; i++) {
		e = json_object();
		set(e, "line", json_integer(h->log[i].line), failed);
		set(e, "printk_ns", ns_json(h->log[i].printk_ns), failed);
		set(e, "kind", text_json(h->log[i].kind), failed);
		set(e, "cpu", cpu_json(h->log[i].cpu), failed);
		set(e, "text", text_json(h->log[i].text), failed);
		*failed |= json_array_append_new(a, e) != 0;
	}
	return a;
}

static json_t *traces_json(const struct bu_hang *h, int *failed)
{
	json_t *a = json_array(), *e;
	size_t i;

	for (i = 0; i < h->n_trace; i++) {
		e = json_object();
		set(e, "line", json_integer(h->trace[i].line), failed);
		set(e, "cpu", cpu_json(h->trace[i].cpu), failed);
		set(e, "rip", text_json(h->trace[i].rip), failed);
		set(e, "frames", list_json((const char *const *)h->trace[i].frame, h->trace[i].n_frames, failed), failed);
		set(e, "in_rendezvous", json_boolean(h->trace[i].in_rendezvous), failed);
		*failed |= json_array_append_new(a, e) != 0;
	}
	return a;
}

json_t *bu_hang_json(const struct bu_hang *h)
{
	int failed = 0;
	json_t *o;

	if (!h)
		return json_null();
	o = json_object();
	set(o, "end_ns", ns_json(h->end_ns), &failed);
	set(o, "rendezvous", h->rendezvous ? rendezvous_json(h, &failed) : json_null(), &failed);
	set(o, "open_steps", steps_json(h, &failed), &failed);
	set(o, "log", log_json(h, &failed), &failed);
	set(o, "traces", traces_json(h, &failed), &failed);
	set(o, "says", list_json(h->says, h->n_says, &failed), &failed);
	set(o, "would_tell", list_json(h->would, h->n_would, &failed), &failed);
	if (failed) {
		json_decref(o);
		return NULL;
	}
	return o;
}
