// SPDX-License-Identifier: GPL-2.0-only
/* machine_dir.c - see machine_dir.h. One small parser per file; a table says which is for which. */
#include "collector/machine_dir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/base/ns.h"

#define MAX_FILE (8u << 20)	/* /proc/interrupts of 4096 CPUs has some 5 MB */
#define MAX_CPUS 65536
#define MAX_STATES 4096
#define UNKNOWN BU_NS_UNKNOWN

/* ---- texts --------------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at @p, of which @left follow; 0 where it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 :
		   *p >= 0xf0 && *p < 0xf5 ? 4 : 0, i;

	if (!n || n > left)
		return 0;
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
	    (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Makes text of whatever it is: no zero bytes, no broken UTF-8. */
static void make_text(unsigned char *p, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n ? n : 1) {
		n = p[i] ? utf8_len(p + i, len - i) : 0;
		if (!n)
			p[i] = '?';
	}
	p[len] = 0;
}

/* Reads a file up to MAX_FILE. @ret: NULL where it does not exist or cannot be read, which is no error. */
static int read_text(struct bu_machine *m, int dir, const char *name, char **ret)
{
	_cleanup_free_ unsigned char *buf = NULL;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0, cap = 1 << 16;
	unsigned char *more;
	struct stat st;
	ssize_t n = 0;

	*ret = NULL;
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return 0;
	}
	for (;;) {
		more = realloc(buf, cap);
		if (!more) {
			close(fd);
			return -ENOMEM;
		}
		buf = more;
		n = read(fd, buf + len, cap - len - 1);
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len == cap - 1) {
			if (cap >= MAX_FILE) {
				m->cut_files++;
				break;
			}
			cap *= 2;
		}
	}
	close(fd);
	if (n < 0)
		return 0;
	make_text(buf, len);
	*ret = bu_arena_strdup(&m->arena, (char *)buf);
	return *ret ? 0 : -ENOMEM;
}

static char *copy_of(struct bu_machine *m, const char *from, size_t len)
{
	char *p = bu_arena_alloc(&m->arena, len + 1);

	return p ? memcpy(p, from, len) : NULL;
}

/* The text up to the end of the line, without blanks around it; NULL when nothing is left or memory is out. */
static const char *rest_of_line(struct bu_machine *m, const char *p)
{
	size_t len;

	p += strspn(p, " \t");
	len = strcspn(p, "\n");
	while (len && isspace((unsigned char)p[len - 1]))
		len--;
	return len ? copy_of(m, p, len) : NULL;
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

/* What follows @label in a line that begins with it; NULL when it does not. */
static const char *after(const char *line, const char *label)
{
	size_t n = strlen(label);

	return strncmp(line, label, n) ? NULL : line + n;
}

/* A number that is not negative and below @limit at *p, which moves behind it. */
static bool take_number(const char **p, int64_t limit, int64_t *ret)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	errno = 0;
	v = strtoull(*p, &end, 10);
	if (errno || v >= (unsigned long long)limit)
		return false;
	*ret = (int64_t)v;
	*p = end;
	return true;
}

static void junk(struct bu_machine *m, const char *file)
{
	if (!m->junk_lines++)
		m->junk_file = file;
}

/* ---- CPUs ------------------------------------------------------------------------------------------------------- */

static struct bu_machine_cpu *cpu_entry(struct bu_machine *m, int64_t cpu)
{
	while ((int64_t)m->n_cpus <= cpu) {
		if (bu_grow(&m->cpus, m->n_cpus, &m->cap_cpus, sizeof(*m->cpus)))
			return NULL;
		m->cpus[m->n_cpus++] = (struct bu_machine_cpu){ false, false, false, UNKNOWN, UNKNOWN, UNKNOWN,
								UNKNOWN, UNKNOWN, UNKNOWN };
	}
	return &m->cpus[cpu];
}

enum mask { POSSIBLE, PRESENT, ONLINE };

/* A list like 0-3,8. @mask: what to mark; @ret_count: how many CPUs it names, unknown when it is no list. */
static int parse_cpu_list(struct bu_machine *m, const char *p, enum mask mask, int64_t *ret_count)
{
	int64_t from = 0, to = 0, next = 0, count = 0;
	struct bu_machine_cpu *c;

	*ret_count = UNKNOWN;
	p += strspn(p, " \t");
	while (*p && *p != '\n') {
		if (!take_number(&p, MAX_CPUS, &from))
			return -EINVAL;
		to = from;
		if (*p == '-' && (p++, !take_number(&p, MAX_CPUS, &to)))
			return -EINVAL;
		if (from < next || to < from)	/* the kernel names each CPU once, in order */
			return -EINVAL;
		next = to + 1;
		for (; from <= to; from++, count++) {
			c = cpu_entry(m, from);
			if (!c)
				return -ENOMEM;
			if (mask == POSSIBLE)
				c->possible = true;
			else if (mask == PRESENT)
				c->present = true;
			else
				c->online = true;
		}
		if (*p == ',')
			p++;
		else if (*p && *p != '\n')
			return -EINVAL;
	}
	*ret_count = count;
	return 0;
}

static int parse_cpu_masks(struct bu_machine *m, const char *text)
{
	const char *p, *list;
	int64_t *count;
	enum mask mask;
	int rc;

	for (p = text; *p; p = next_line(p)) {
		if ((list = after(p, "possible ")) != NULL)
			mask = POSSIBLE, count = &m->cpus_possible;
		else if ((list = after(p, "present ")) != NULL)
			mask = PRESENT, count = &m->cpus_present;
		else if ((list = after(p, "online ")) != NULL)
			mask = ONLINE, count = &m->cpus_online;
		else
			continue;
		rc = parse_cpu_list(m, list, mask, count);
		if (rc == -ENOMEM)
			return rc;
		if (rc)
			junk(m, "cpu_masks");
	}
	m->has_masks = m->cpus_possible != UNKNOWN && m->cpus_online != UNKNOWN;
	return 0;
}

/* The rank of @cpu in a list of siblings like 0,8 or 0-1; unknown when it is not in it. */
static int64_t rank_in(const char *p, int64_t cpu)
{
	int64_t from = 0, to = 0, rank = 0;

	while (take_number(&p, MAX_CPUS, &from)) {
		to = from;
		if (*p == '-' && (p++, !take_number(&p, MAX_CPUS, &to)))
			return UNKNOWN;
		if (cpu >= from && cpu <= to)
			return rank + cpu - from;
		rank += to - from + 1;
		if (*p != ',')
			break;
		p++;
	}
	return UNKNOWN;
}

/* A number, or unknown. */
static int64_t number_or_unknown(const char *p)
{
	int64_t v = 0;

	return take_number(&p, INT32_MAX, &v) ? v : UNKNOWN;
}

/* The rest of a line "cpu3 pkg 0 die 0 core 1 thr 1,3 node 0". */
static void parse_topology_words(struct bu_machine_cpu *c, int64_t cpu, const char *p)
{
	const char *end = p + strcspn(p, "\n"), *v;

	for (; p < end; p += strcspn(p, " \n"), p += strspn(p, " "))
		if ((v = after(p, "pkg ")) != NULL)
			c->package = number_or_unknown(v);
		else if ((v = after(p, "die ")) != NULL)
			c->die = number_or_unknown(v);
		else if ((v = after(p, "core ")) != NULL)
			c->core = number_or_unknown(v);
		else if ((v = after(p, "node ")) != NULL)
			c->node = number_or_unknown(v);
		else if ((v = after(p, "thr ")) != NULL)
			c->thread = rank_in(v, cpu);
}

/* Lines "cpu3/topology/core_id:3", as grep prints sysfs, or one line of words per CPU. */
static int parse_topology(struct bu_machine *m, const char *text)
{
	const char *p, *q, *v;
	struct bu_machine_cpu *c;
	int64_t cpu = 0;

	for (p = text; *p; p = next_line(p)) {
		q = after(p, "cpu");
		if (!q || !take_number(&q, MAX_CPUS, &cpu) || (*q != ' ' && !after(q, "/topology/"))) {
			junk(m, "topology");
			continue;
		}
		c = cpu_entry(m, cpu);
		if (!c)
			return -ENOMEM;
		if (*q == ' ') {
			parse_topology_words(c, cpu, q + 1);
			continue;
		}
		q += strlen("/topology/");
		if ((v = after(q, "physical_package_id:")) != NULL)
			c->package = number_or_unknown(v);
		else if ((v = after(q, "die_id:")) != NULL)
			c->die = number_or_unknown(v);
		else if ((v = after(q, "core_id:")) != NULL)
			c->core = number_or_unknown(v);
		else if ((v = after(q, "thread_siblings_list:")) != NULL)
			c->thread = rank_in(v, cpu);
	}
	return 0;
}

/* Lines "/sys/devices/system/node/node0/cpu3". */
static int parse_nodes(struct bu_machine *m, const char *text)
{
	struct bu_machine_cpu *c;
	int64_t node = 0, cpu = 0;
	const char *p, *q;

	for (p = text; *p; p = next_line(p)) {
		q = memmem(p, strcspn(p, "\n"), "/node/node", strlen("/node/node"));
		if (q) {
			q += strlen("/node/node");
			if (take_number(&q, MAX_CPUS, &node) && (q = after(q, "/cpu")) &&
			    take_number(&q, MAX_CPUS, &cpu)) {
				c = cpu_entry(m, cpu);
				if (!c)
					return -ENOMEM;
				c->node = node;
				continue;
			}
		}
		junk(m, "nodes");
	}
	return 0;
}

/* ---- small files ------------------------------------------------------------------------------------------------- */

int bu_machine_parse_uname(struct bu_machine *m, const char *line)
{
	const char *text = rest_of_line(m, line), *p, *end, *hash;
	size_t len;

	if (!text)
		return 0;
	p = text + strcspn(text, " ");		/* "Linux" */
	p += strspn(p, " ");
	p += strcspn(p, " ");			/* the host's name, which nobody needs */
	p += strspn(p, " ");
	len = strcspn(p, " ");
	if (!len)
		return 0;
	m->release = copy_of(m, p, len);
	p += len;
	end = p + strlen(p);
	if (end - p > 10 && !strcmp(end - 10, " GNU/Linux"))
		end -= 10;
	for (hash = end; hash > p && hash[-1] != ' '; hash--)	/* the last word: the machine */
		;
	if (hash > p && hash < end) {
		m->arch = copy_of(m, hash, (size_t)(end - hash));
		p += strspn(p, " ");
		if (*p == '#' && hash - 1 > p)
			m->version = copy_of(m, p, (size_t)(hash - 1 - p));
	}
	return m->release ? 0 : -ENOMEM;
}

static int parse_uname(struct bu_machine *m, const char *text)
{
	return bu_machine_parse_uname(m, text);
}

static int parse_cmdline(struct bu_machine *m, const char *text)
{
	m->cmdline = rest_of_line(m, text);
	return 0;
}

static int parse_smt(struct bu_machine *m, const char *text)
{
	m->smt = rest_of_line(m, text);
	return 0;
}

static int parse_clocksource(struct bu_machine *m, const char *text)
{
	m->clocksource_current = rest_of_line(m, text);
	return 0;
}

static int parse_clocksources(struct bu_machine *m, const char *text)
{
	m->clocksource_available = rest_of_line(m, text);
	return 0;
}

static int parse_trace_clock(struct bu_machine *m, const char *text)
{
	const char *from = strchr(text, '[');
	const char *to = from ? strchr(from, ']') : NULL;

	if (to)
		m->trace_clock = copy_of(m, from + 1, (size_t)(to - from - 1));
	else
		junk(m, "trace_clock");
	return 0;
}

static int parse_meminfo(struct bu_machine *m, const char *text)
{
	const char *p, *v;

	for (p = text; *p; p = next_line(p))
		if ((v = after(p, "MemTotal:")) != NULL) {
			v += strspn(v, " ");
			if (!take_number(&v, INT64_MAX, &m->memory_kib))
				junk(m, "meminfo");
			break;
		}
	return 0;
}

/* /proc/cpuinfo or its beginning: "key<tab>: value" lines, one block per CPU. */
static int parse_cpuinfo(struct bu_machine *m, const char *text)
{
	int64_t cpu = UNKNOWN, apic = 0;
	struct bu_machine_cpu *c;
	const char *p, *v;

	for (p = text; *p; p = next_line(p)) {
		v = memchr(p, ':', strcspn(p, "\n"));
		if (!v)
			continue;
		v += 1 + strspn(v + 1, " ");
		if (after(p, "processor")) {
			if (!take_number(&v, MAX_CPUS, &cpu))
				cpu = UNKNOWN;
		} else if (after(p, "apicid") && cpu != UNKNOWN && take_number(&v, INT32_MAX, &apic)) {
			c = cpu_entry(m, cpu);
			if (!c)
				return -ENOMEM;
			c->apic_id = apic;
		} else if (after(p, "model name") && !m->cpu_model) {
			m->cpu_model = rest_of_line(m, v);
		}
	}
	return 0;
}

/* "2596.138 MHz" in kHz. */
static int64_t khz_of(const char *p)
{
	int64_t mhz = 0, thousandths = 0, digit = 100;

	if (!take_number(&p, 1000000, &mhz))
		return UNKNOWN;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, digit /= 10)
			thousandths += (*p - '0') * digit;
	return strncmp(p, " MHz", 4) ? UNKNOWN : mhz * 1000 + thousandths;
}

/* Messages of arch/x86/kernel/tsc.c, arch/x86/kernel/cpu/hypervisor.c and kernel/trace/trace.c, 6.1 and 6.12. */
static int parse_dmesg(struct bu_machine *m, const char *text)
{
	const char *p, *msg;

	for (p = text; *p; p = next_line(p)) {
		msg = memchr(p, ']', strcspn(p, "\n"));
		msg = *p == '[' && msg ? msg + 1 + strspn(msg + 1, " ") : p;
		if (after(msg, "tsc: Detected "))
			m->tsc_detected_khz = khz_of(msg + strlen("tsc: Detected "));
		else if (after(msg, "tsc: Refined TSC clocksource calibration: "))
			m->tsc_refined_khz = khz_of(msg + strlen("tsc: Refined TSC clocksource calibration: "));
		else if (after(msg, "tsc: Marking TSC unstable due to "))
			m->tsc_unstable = rest_of_line(m, msg + strlen("tsc: Marking TSC unstable due to "));
		else if (after(msg, "Unstable clock detected, switching default tracing clock to "))
			m->clock_switched = true;
		else if (after(msg, "Hypervisor detected: "))
			m->hypervisor = rest_of_line(m, msg + strlen("Hypervisor detected: "));
	}
	return 0;
}

/* Lines "  41: workqueue:prepare". */
static int parse_states(struct bu_machine *m, const char *text)
{
	struct bu_machine_state s;
	const char *p, *q;

	for (p = text; *p; p = next_line(p)) {
		q = p + strspn(p, " ");
		if (!take_number(&q, MAX_STATES, &s.nr) || *q != ':' || !(s.name = rest_of_line(m, q + 1)) ||
		    (m->n_states && s.nr <= m->states[m->n_states - 1].nr)) {
			junk(m, "hotplug_states");
			continue;
		}
		if (bu_grow(&m->states, m->n_states, &m->cap_states, sizeof(*m->states)))
			return -ENOMEM;
		m->states[m->n_states++] = s;
	}
	return 0;
}

/* ---- statistics ------------------------------------------------------------------------------------------------------ */

static int64_t *stat_field(struct bu_machine_stat *s, const char **p)
{
	static const struct {
		const char *label;
		size_t at;
	} fields[] = {
		{ "entries: ", offsetof(struct bu_machine_stat, entries) },
		{ "overrun: ", offsetof(struct bu_machine_stat, overrun) },
		{ "commit overrun: ", offsetof(struct bu_machine_stat, commit_overrun) },
		{ "dropped events: ", offsetof(struct bu_machine_stat, dropped) },
		{ "read events: ", offsetof(struct bu_machine_stat, read_events) },
		{ "bytes: ", offsetof(struct bu_machine_stat, bytes) },
		{ "oldest event ts: ", offsetof(struct bu_machine_stat, oldest) },
		{ "now ts: ", offsetof(struct bu_machine_stat, now) },
	};
	const char *v;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if ((v = after(*p, fields[i].label)) != NULL) {
			*p = v + strspn(v, " ");
			return (int64_t *)((char *)s + fields[i].at);
		}
	return NULL;
}

/* "  123.456789" of the ns clocks: seconds and microseconds; a plain number of the counters. */
static bool take_stamp(const char **p, int64_t *ret)
{
	int64_t us = 0;

	if (!take_number(p, INT64_MAX, ret))
		return false;
	if (**p != '.')
		return true;
	(*p)++;
	if (!take_number(p, 1000000, &us) || *ret > INT64_MAX / BU_NS_PER_S - 1)
		return false;
	*ret = *ret * BU_NS_PER_S + us * BU_NS_PER_US;
	return true;
}

int bu_machine_parse_stats(const char *text, struct bu_machine_stat **stats, size_t *n, size_t *cap,
			   int64_t *ret_junk)
{
	static const struct bu_machine_stat unknown = { false, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN,
							UNKNOWN, UNKNOWN };
	int64_t cpu = UNKNOWN, v = 0, *to;
	const char *p, *q;

	for (p = text; *p; p = next_line(p)) {
		q = p;
		if (after(p, "CPU: ")) {
			q += 5;
			if (!take_number(&q, MAX_CPUS, &cpu))
				cpu = UNKNOWN;
			continue;
		}
		if (after(p, "cpu")) {
			q += 3;
			if (!take_number(&q, MAX_CPUS, &cpu) || (*q != ' ' && !after(q, "/stats:"))) {
				++*ret_junk;
				continue;
			}
			q += *q == ' ' ? 1 : strlen("/stats:");
		}
		if (*q == '\n')
			continue;
		if (cpu == UNKNOWN) {
			++*ret_junk;
			continue;
		}
		while ((int64_t)*n <= cpu) {
			if (bu_grow(stats, *n, cap, sizeof(**stats)))
				return -ENOMEM;
			(*stats)[(*n)++] = unknown;
		}
		for (; *q && *q != '\n'; q += strspn(q, " ")) {
			to = stat_field(&(*stats)[cpu], &q);
			if (!to || !take_stamp(&q, &v) || !strchr(" \n", *q)) {
				++*ret_junk;
				break;
			}
			*to = v;
			(*stats)[cpu].seen = true;
		}
	}
	return 0;
}

static int parse_stats(struct bu_machine *m, const char *text)
{
	int64_t before = m->junk_lines;
	int rc = bu_machine_parse_stats(text, &m->stats, &m->n_stats, &m->cap_stats, &m->junk_lines);

	if (!before && m->junk_lines)
		m->junk_file = "stats";
	return rc;
}

/* ---- the folder ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*parse)(struct bu_machine *m, const char *text);
	enum { DROP, CONFIG, KEEP } keep;	/* as trace_config, as machine_file, or only what parse() takes */
} files[] = {
	{ "uname", parse_uname, DROP },
	{ "cmdline", parse_cmdline, DROP },
	{ "cpu_masks", parse_cpu_masks, KEEP },
	{ "topology", parse_topology, DROP },
	{ "nodes", parse_nodes, DROP },
	{ "cpuinfo_head", parse_cpuinfo, KEEP },
	{ "dmesg", parse_dmesg, KEEP },
	{ "hotplug_states", parse_states, DROP },
	{ "smt", parse_smt, DROP },
	{ "clocksource_current", parse_clocksource, DROP },
	{ "clocksource_available", parse_clocksources, DROP },
	{ "meminfo", parse_meminfo, KEEP },
	{ "stats", parse_stats, KEEP },
	{ "trace_clock", parse_trace_clock, CONFIG },
	{ "stats.after", NULL, KEEP },
	{ "recording", NULL, KEEP },
	{ "interrupts", NULL, KEEP },
	{ "modules", NULL, KEEP },
	{ "text_sites", NULL, KEEP },
	{ "uptime_at_init", NULL, KEEP },
	{ "current_tracer", NULL, CONFIG },
	{ "set_event", NULL, CONFIG },
	{ "set_ftrace_filter", NULL, CONFIG },
	{ "set_ftrace_notrace", NULL, CONFIG },
	{ "set_graph_function", NULL, CONFIG },
	{ "buffer_size_kb", NULL, CONFIG },
	{ "tracing_on", NULL, CONFIG },
	{ "trace_options", NULL, CONFIG },
};

static int keep_text(struct bu_machine *m, const char *name, const char *content, bool is_config)
{
	if (bu_grow(&m->texts, m->n_texts, &m->cap_texts, sizeof(*m->texts)))
		return -ENOMEM;
	m->texts[m->n_texts++] = (struct bu_machine_text){ name, content, is_config };
	return 0;
}

int bu_machine_read(const char *dir, struct bu_machine *ret, struct bu_err *err)
{
	char *text = NULL;
	int fd, rc = 0;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	ret->cpus_possible = ret->cpus_present = ret->cpus_online = UNKNOWN;
	ret->tsc_detected_khz = ret->tsc_refined_khz = ret->memory_kib = UNKNOWN;
	if (!dir)
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return bu_fail_errno(err, -errno, "%s: the folder of the machine", dir);
	ret->given = true;
	for (i = 0; !rc && i < ARRAY_SIZE(files); i++) {
		rc = read_text(ret, fd, files[i].name, &text);
		if (rc || !text)
			continue;
		if (files[i].parse)
			rc = files[i].parse(ret, text);
		if (!rc && files[i].keep != DROP)
			rc = keep_text(ret, files[i].name, text, files[i].keep == CONFIG);
	}
	close(fd);
	return rc ? bu_fail_errno(err, rc, "%s", dir) : 0;
}

void bu_machine_fini(struct bu_machine *m)
{
	free(take_ptr(m->cpus));
	free(take_ptr(m->states));
	free(take_ptr(m->stats));
	free(take_ptr(m->texts));
	bu_arena_fini(&m->arena);
}
