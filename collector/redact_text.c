// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact_text.c - command line, machine files, settings, messages: texts that are taken apart, each part let through
 * only where it is known (redact_int.h).
 *
 * Doing it twice changes nothing: that is how the audit checks such texts.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/redact_int.h"

struct text {
	char *p;
	size_t n, cap;
	bool failed;
};

static void put(struct text *t, const char *from, size_t len)
{
	char *more;

	if (t->n + len + 1 > t->cap) {
		t->cap = 2 * (t->n + len + 1);
		more = realloc(t->p, t->cap);
		if (!more) {
			t->failed = true;
			t->cap = t->n;
			return;
		}
		t->p = more;
	}
	memcpy(t->p + t->n, from, len);
	t->n += len;
	t->p[t->n] = 0;
}

static void put_str(struct text *t, const char *s)
{
	put(t, s, strlen(s));
}

/* Hands the text over. */
static int done(struct text *t, char **ret)
{
	put(t, "", 0);
	if (t->failed) {
		free(t->p);
		return -ENOMEM;
	}
	*ret = t->p;
	return 0;
}

static bool clean(const char *text)
{
	struct bu_scan_hit hit;

	return !bu_scan(text, strlen(text), 0, true, &hit);
}

bool bu_comm_is_kernel(struct bu_rules *r, const char *comm)
{
	return bu_shape_is(r, BU_SHAPE_KTHREAD, comm) || bu_shape_is(r, BU_SHAPE_KTHREAD_WORK, comm);
}

/* ---- command line ------------------------------------------------------------------------------------------------ */

/* End of a parameter: a blank outside of quotes, as next_arg() in lib/cmdline.c (6.12) has it. */
static const char *end_of_param(const char *p)
{
	bool quoted = false;

	for (; *p && (quoted || !isspace((unsigned char)*p)); p++)
		quoted ^= *p == '"';
	return p;
}

/* Of a parameter that is not known nothing stays: its name alone may say whose machine it is. */
int bu_redact_cmdline(struct bu_rules *r, const char *text, char **ret)
{
	struct text t = { 0 };
	const char *p = text, *end;

	while (p += strspn(p, " \t\n"), *p) {
		_cleanup_free_ char *param = NULL;
		char *value;
		bool known;

		end = end_of_param(p);
		param = strndup(p, (size_t)(end - p));
		if (!param) {
			t.failed = true;
			break;
		}
		p = end;
		if (!strcmp(param, "--"))	/* the rest is for init */
			break;
		value = strchr(param, '=');
		if (value)
			*value++ = 0;
		known = bu_shape_is(r, BU_SHAPE_PARAM_NAME, param) &&
			(!value || bu_shape_is(r, !strcmp(param, "console") ? BU_SHAPE_CONSOLE : BU_SHAPE_PARAM_VALUE, value)) &&
			(!value || clean(value));
		if (!known)
			continue;
		if (t.n)
			put(&t, " ", 1);
		put_str(&t, param);
		if (value) {
			put(&t, "=", 1);
			put_str(&t, value);
		}
	}
	return done(&t, ret);
}

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

/* Handles one line without its end; what it puts is the line that stays. Return: false: leave the line out. */
typedef bool (*line_fn)(struct bu_rules *r, const void *arg, char *line, struct text *t);

static int each_line(struct bu_rules *r, const char *text, line_fn fn, const void *arg, char **ret)
{
	struct text t = { 0 };
	const char *p = text;
	size_t len;

	while (*p) {
		_cleanup_free_ char *line = NULL;

		len = strcspn(p, "\n");
		line = strndup(p, len);
		if (!line) {
			t.failed = true;
			break;
		}
		p += len;
		if (fn(r, arg, line, &t) && *p)
			put(&t, "\n", 1);
		p += *p == '\n';
	}
	return done(&t, ret);
}

static bool keep_shape(struct bu_rules *r, const void *arg, char *line, struct text *t)
{
	const enum bu_shape *shape = arg;

	if (!bu_shape_is(r, *shape, line) || (*shape != BU_SHAPE_TOPOLOGY && !clean(line)))
		return false;
	put_str(t, line);
	return true;
}

/* An interrupt's numbers; what comes behind them names devices. */
static bool keep_interrupt(struct bu_rules *r, const void *arg, char *line, struct text *t)
{
	size_t n;
	char *p;

	(void)arg;
	if (!bu_shape_is(r, BU_SHAPE_INTERRUPT_HEAD, line)) {
		p = strchr(line, ':');
		if (!p)
			return false;
		for (p++; n = strspn(p, " "), n && isdigit((unsigned char)p[n]); ) {
			n += strspn(p + n, "0123456789");
			if (p[n] && p[n] != ' ')
				break;
			p += n;
		}
		*p = 0;
		if (!bu_shape_is(r, BU_SHAPE_INTERRUPT, line))
			return false;
	}
	put_str(t, line);
	return true;
}

static void mask(struct text *t, const char *text)
{
	for (; *text; text++)
		put(t, *text == ' ' ? " " : "x", 1);
}

/* Where the message of a line of the kernel log begins: behind "[    1.234567] ", if it has that. */
static size_t message_at(const char *line)
{
	size_t n = 0;

	if (*line == '<' && isdigit((unsigned char)line[1]))
		n = strcspn(line, ">") + (strchr(line, '>') != NULL);
	if (line[n] != '[')
		return n;
	n += 1 + strspn(line + n + 1, " ");
	if (!isdigit((unsigned char)line[n]))
		return 0;
	n += strspn(line + n, "0123456789.");
	if (line[n] != ']')
		return 0;
	n++;
	return n + (line[n] == ' ');
}

static bool message_stays(struct bu_rules *r, const char *message)
{
	return bu_shape_is(r, BU_SHAPE_MASKED, message) || (bu_shape_is(r, BU_SHAPE_MESSAGE, message) && clean(message));
}

/* The kernel log keeps its times and the lengths of its lines: how long a serial console took can still be told. */
static bool keep_message(struct bu_rules *r, const void *arg, char *line, struct text *t)
{
	size_t at = message_at(line);

	(void)arg;
	put(t, line, at);
	if (message_stays(r, line + at))
		put_str(t, line + at);
	else
		mask(t, line + at);
	return true;
}

/* ---- machine files and settings ------------------------------------------------------------------------------------------- */

static const struct file_rule {
	const char *name;
	line_fn fn;
	enum bu_shape shape;
} files[] = {
	{ "cpu_masks", keep_shape, BU_SHAPE_MASKS },
	{ "cpuinfo_head", keep_shape, BU_SHAPE_CPUINFO },
	{ "dmesg", keep_message, BU_SHAPE_MESSAGE },
	{ "meminfo", keep_shape, BU_SHAPE_MEMINFO },
	{ "stats", keep_shape, BU_SHAPE_STATS },
	{ "stats.after", keep_shape, BU_SHAPE_STATS },
	{ "interrupts", keep_interrupt, BU_SHAPE_INTERRUPT },
	{ "uptime_at_init", keep_shape, BU_SHAPE_NUMBERS },
	{ "topology", keep_shape, BU_SHAPE_TOPOLOGY },
	{ "nodes", keep_shape, BU_SHAPE_TOPOLOGY },
	{ "smt", keep_shape, BU_SHAPE_TOPOLOGY },
	{ "text_sites", keep_shape, BU_SHAPE_SITES },
	{ "clocksource_current", keep_shape, BU_SHAPE_CLOCKS },
	{ "clocksource_available", keep_shape, BU_SHAPE_CLOCKS },
}, configs[] = {
	{ "trace_clock", keep_shape, BU_SHAPE_EVENT },
	{ "current_tracer", keep_shape, BU_SHAPE_EVENT },
	{ "set_event", keep_shape, BU_SHAPE_EVENT },
	{ "set_ftrace_filter", keep_shape, BU_SHAPE_SYMBOL },
	{ "set_ftrace_notrace", keep_shape, BU_SHAPE_SYMBOL },
	{ "set_graph_function", keep_shape, BU_SHAPE_SYMBOL },
	{ "set_graph_notrace", keep_shape, BU_SHAPE_SYMBOL },
	{ "buffer_size_kb", keep_shape, BU_SHAPE_EVENT },
	{ "tracing_on", keep_shape, BU_SHAPE_EVENT },
	{ "trace_options", keep_shape, BU_SHAPE_EVENT },
};

static const struct file_rule *rule_for(const struct file_rule *rules, size_t n, const char *name)
{
	size_t i;

	for (i = 0; name && i < n; i++)
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

bool bu_config_is_known(const char *key)
{
	return rule_for(configs, ARRAY_SIZE(configs), key);
}

bool bu_file_is_known(const char *name)
{
	return rule_for(files, ARRAY_SIZE(files), name);
}

int bu_redact_file(struct bu_rules *r, const char *name, const char *text, char **ret)
{
	const struct file_rule *f = rule_for(files, ARRAY_SIZE(files), name);

	return f ? each_line(r, text, f->fn, &f->shape, ret) : 0;
}

int bu_redact_config(struct bu_rules *r, const char *key, const char *text, char **ret)
{
	const struct file_rule *f = rule_for(configs, ARRAY_SIZE(configs), key);

	return f ? each_line(r, text, f->fn, &f->shape, ret) : 0;
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------ */

/* "CPU: 0 PID: 21 Comm: NAME ...": the name becomes that of the task, the rest of the line goes. */
static int log_context(struct bu_rules *r, const char *text, char **ret)
{
	const char *comm = strstr(text, " Comm: ");
	_cleanup_free_ char *name = NULL, *pseudonym = NULL;
	size_t n;

	comm += strlen(" Comm: ");
	n = strcspn(comm, " ");
	name = strndup(comm, n);
	if (!name)
		return -ENOMEM;
	if (bu_shape_is(r, BU_SHAPE_NUMBERED, name)) {
		pseudonym = take_ptr(name);
	} else if (bu_rules_apply(r, BU_RULE_COMM, NULL, name, &pseudonym)) {
		return -ENOMEM;
	}
	if (asprintf(ret, "%.*s%s", (int)(comm - text), text, pseudonym) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* "[NAME:pid]" of a lockup message likewise. */
static int log_bracket(struct bu_rules *r, const char *text, const char *open, const char *colon, char **ret)
{
	_cleanup_free_ char *name = strndup(open + 1, (size_t)(colon - open - 1)), *pseudonym = NULL;

	if (!name)
		return -ENOMEM;
	if (bu_shape_is(r, BU_SHAPE_NUMBERED, name)) {
		pseudonym = take_ptr(name);
	} else if (bu_rules_apply(r, BU_RULE_COMM, NULL, name, &pseudonym)) {
		return -ENOMEM;
	}
	if (asprintf(ret, "%.*s%s%s", (int)(open + 1 - text), text, pseudonym, colon) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

int bu_redact_log(struct bu_rules *r, const char *text, char **ret)
{
	_cleanup_free_ char *named = NULL;
	const char *open = strrchr(text, '['), *colon = strrchr(text, ':');
	struct text t = { 0 };
	int rc = 0;

	if (!strncmp(text, "CPU: ", 5) && strstr(text, " Comm: "))
		rc = log_context(r, text, &named);
	else if (!strncmp(text, "watchdog: BUG: soft lockup", 26) && open && colon > open)
		rc = log_bracket(r, text, open, colon, &named);
	if (rc)
		return rc;
	if (named)
		text = named;
	if (message_stays(r, text) || (bu_shape_is(r, BU_SHAPE_LOG_CONTEXT, text) && clean(text)))
		put_str(&t, text);
	else
		mask(&t, text);
	return done(&t, ret);
}

/* Notes are our own sentences: what they quote goes, and all of one that holds what looks like a name or an address. */
int bu_redact_note(const char *text, char **ret)
{
	struct text t = { 0 };
	const char *p = text, *end;

	while (*p) {
		end = *p == '\'' ? strchr(p + 1, '\'') : NULL;
		if (end) {
			put_str(&t, "'...'");
			p = end + 1;
		} else {
			put(&t, p++, 1);
		}
	}
	put(&t, "", 0);
	if (!t.failed && !clean(t.p)) {
		t.n = 0;
		put_str(&t, "(not told: it held what looks like a name or an address)");
	}
	return done(&t, ret);
}
