// SPDX-License-Identifier: GPL-2.0-only
/*
 * live_setup.c - see live_setup.h.
 *
 * A new instance gets its buffers at once, for each CPU that is online, as large as those of the top level will be when
 * they are used ("7 (expanded: 1408)"); on large machines that is gigabytes, so it is looked at first. Before 6.7 the
 * first event that is switched on anywhere gives the top level its full size as well (tracing_update_buffers(),
 * kernel/trace/trace.c, 6.1; an expansion of each buffer by itself came with a1f157c7a3bb in 6.7). Nothing takes that back.
 */
#include "collector/live_setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/budget.h"
#include "collector/plan_int.h"
#include "schemas/base/mem.h"

/* ---- which events -------------------------------------------------------------------------------------------- */

bool bu_live_is_fault(const struct bu_live_event *ev)
{
	return !strcmp(ev->system, "exceptions") && !strncmp(ev->name, "page_fault_", strlen("page_fault_"));
}

static bool is_user_fault(const struct bu_live_event *ev)
{
	return bu_live_is_fault(ev) && !strcmp(ev->name, "page_fault_user");
}

static int read_type(int top, const char *system, const char *name, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[600];

	snprintf(path, sizeof(path), "events/%s/%s/id", system, name);
	if (bu_read_whole(top, path, &text, NULL))
		return -ENOENT;
	*ret = (uint32_t)strtoul(text, NULL, 10);
	return 0;
}

static int add_event(struct bu_live_setup *s, const char *system, const char *name, struct bu_err *err)
{
	struct bu_live_event ev = { .on = false };
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->events[i].system, system) && !strcmp(s->events[i].name, name))
			return 0;
	if (read_type(s->fs.top, system, name, &ev.type))
		return 0;	/* no event, or one that cannot be recorded */
	if (bu_grow(&s->events, s->n, &s->cap, sizeof(ev)))
		return bu_fail_errno(err, -ENOMEM, "events");
	ev.system = strdup(system);
	ev.name = strdup(name);
	s->events[s->n++] = ev;
	return ev.system && ev.name ? 0 : bu_fail_errno(err, -ENOMEM, "events");
}

/* The events of one system. Faults of user space only by their full name, or where they are wanted. */
static int match_events(struct bu_live_setup *s, const char *system, const char *pattern, bool user_faults,
			size_t *matched, struct bu_err *err)
{
	struct bu_live_event probe;
	char path[300];
	struct dirent *e;
	int fd, rc = 0;
	DIR *d;

	snprintf(path, sizeof(path), "events/%s", system);
	fd = openat(s->fs.top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && !rc && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || fnmatch(pattern, e->d_name, 0))
			continue;
		probe = (struct bu_live_event){ .system = (char *)system, .name = e->d_name };
		if (is_user_fault(&probe) && !user_faults && strcmp(pattern, e->d_name))
			continue;
		*matched += 1;
		rc = add_event(s, system, e->d_name, err);
	}
	if (d)
		closedir(d);
	return rc;
}

static int add_pattern(struct bu_live_setup *s, const char *word, bool user_faults, bool required, struct bu_err *err)
{
	const char *colon = strchr(word, ':');
	size_t before = s->n, matched = 0;
	char system[128], path[300];
	int fd = openat(s->fs.top, "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return bu_fail_errno(err, -errno, "tracing: events");
	}
	snprintf(system, sizeof(system), "%.*s", colon ? (int)(colon - word) : 0, word);
	while (!rc && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || e->d_type == DT_REG || !strcmp(e->d_name, "ftrace"))
			continue;
		if (colon ? !fnmatch(system, e->d_name, 0) : !strcmp(word, e->d_name)) {
			rc = match_events(s, e->d_name, colon && colon[1] ? colon + 1 : "*", user_faults, &matched, err);
		} else if (!colon) {
			snprintf(path, sizeof(path), "events/%s", e->d_name);
			rc = match_events(s, e->d_name, word, user_faults, &matched, err);
		}
	}
	closedir(d);
	if (!rc && required && !matched && s->n == before)
		rc = bu_fail(err, -ENOENT, "this kernel has no event '%s'; see /sys/kernel/tracing/available_events", word);
	return rc;
}

static int choose_events(struct bu_live_setup *s, const struct bu_live_wish *w, struct bu_err *err)
{
	const struct bu_plan_section *sec;
	char word[128];
	const char *pos;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && w->profile && i < bu_plan_n_sections; i++) {
		sec = &bu_plan_sections[i];
		pos = sec->events;
		if (!pos || !bu_plan_section_in(sec, w->profile))
			continue;
		while (!rc && bu_list_next(&pos, ",", word, sizeof(word)))
			if (strncmp(word, "initcall:", strlen("initcall:")))	/* long over */
				rc = add_pattern(s, word, false, false, err);
	}
	for (i = 0; !rc && i < w->events->n; i++)
		rc = add_pattern(s, w->events->v[i], w->user_faults, true, err);
	if (!rc && w->user_faults)
		rc = add_pattern(s, "exceptions:page_fault_user", true, true, err);
	return rc;
}

static int switch_on(struct bu_journal *j, struct bu_live_setup *s, struct bu_err *err)
{
	size_t i, len = 0;
	char path[600];
	FILE *f = open_memstream(&s->set_event, &len);
	int rc = 0;

	if (!f)
		return bu_fail_errno(err, -ENOMEM, "events");
	for (i = 0; !rc && i < s->n; i++) {
		snprintf(path, sizeof(path), "events/%s/%s/enable", s->events[i].system, s->events[i].name);
		rc = bu_journal_write(j, s->fs.buffer, path, "1", err);
		s->events[i].on = !rc;
		fprintf(f, "%s:%s\n", s->events[i].system, s->events[i].name);
	}
	if (fclose(f) && !rc)
		rc = bu_fail_errno(err, -ENOMEM, "events");
	return rc;
}

/* ---- functions ------------------------------------------------------------------------------------------------- */

/* @required: what the user named must exist; of a profile's patterns a kernel has some. */
static int filter(struct bu_journal *j, struct bu_live_setup *s, const char *pattern, bool required, size_t *n,
		  struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	int rc = bu_journal_write(j, s->fs.buffer, "set_ftrace_filter", pattern, &e);

	if (!rc)
		*n += 1;
	if (rc == -EINVAL && required)
		return bu_fail(err, rc, "no function of this kernel matches '%s'; see "
			       "/sys/kernel/tracing/available_filter_functions", pattern);
	return rc && rc != -EINVAL ? bu_fail(err, rc, "%s", e.text) : 0;
}

static int trace_functions(struct bu_journal *j, struct bu_live_setup *s, const struct bu_live_wish *w,
			   struct bu_err *err)
{
	const struct bu_plan_section *sec;
	size_t i, n = 0;
	char word[128];
	const char *pos;
	int rc = 0;

	for (i = 0; !rc && i < w->functions->n; i++)
		rc = filter(j, s, w->functions->v[i], true, &n, err);
	for (i = 0; !rc && w->profile && i < bu_plan_n_sections; i++) {
		sec = &bu_plan_sections[i];
		pos = sec->functions;
		while (!rc && pos && bu_plan_section_in(sec, w->profile) && bu_list_next(&pos, ",", word, sizeof(word)))
			rc = filter(j, s, word, false, &n, err);
	}
	if (!rc && n)	/* with nothing in the filter it would trace everything */
		rc = bu_journal_write(j, s->fs.buffer, "current_tracer", "function", err);
	s->functions = !rc && n;
	return rc;
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

static int64_t number_in(const char *text, const char *before)
{
	const char *p = strstr(text, before);

	return p ? strtoll(p + strlen(before), NULL, 10) : -1;
}

static bool expands_all(void)
{
	int major, minor;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 7));
}

/* Would the instance take too much memory? */
static int check_memory(struct bu_live_setup *s, const struct bu_live_wish *w, struct bu_err *err)
{
	int64_t kib, available = bu_available_kib(), cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (bu_read_whole(s->fs.top, "buffer_size_kb", &s->top_size, NULL))
		return 0;
	kib = number_in(s->top_size, "expanded: ");
	if (kib < 0)
		kib = strtoll(s->top_size, NULL, 10);
	else if (expands_all())
		kib *= 2;
	if (kib < w->buffer_bytes / 1024)
		kib = w->buffer_bytes / 1024;
	if (available >= 0 && kib * cpus > available / 4)
		return bu_fail(err, -ENOMEM, "a trace instance takes %" PRId64 " KiB for each of %" PRId64 " CPUs, which is "
			       "more than a quarter of the free memory (%" PRId64 " KiB); %s", kib, cpus, available,
			       w->buffer_bytes ? "take a smaller --buffer" : "boot with a smaller trace_buf_size=");
	return 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = words; (p = strstr(p, word)) != NULL; p += len)
		if ((p == words || strchr(" [", p[-1])) && strchr(" ]\n", p[len]))
			return true;
	return false;
}

static int set_clock(struct bu_journal *j, struct bu_live_setup *s, const struct bu_live_wish *w, struct bu_err *err)
{
	_cleanup_free_ char *clocks = NULL;
	const char *want = w->clock;

	if (bu_read_whole(s->fs.buffer, "trace_clock", &clocks, NULL))
		return 0;
	if (!want)	/* who studies the clocksource does not want its own steps in the stamps */
		want = w->profile && !strcmp(w->profile, "clock") ? (has_word(clocks, "x86-tsc") ? "x86-tsc" : "local") : "boot";
	if (has_word(clocks, want))
		return bu_journal_write(j, s->fs.buffer, "trace_clock", want, err);
	return w->clock ? bu_fail(err, -EINVAL, "this kernel has no trace clock '%s'; it has %.*s", want,
				  (int)strcspn(clocks, "\n"), clocks) : 0;
}

static int set_up(struct bu_journal *j, struct bu_live_setup *s, const struct bu_live_wish *w, struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	char size[32];
	int rc;

	rc = bu_journal_write(j, s->fs.buffer, "tracing_on", "0", err);
	if (!rc && w->buffer_bytes) {
		snprintf(size, sizeof(size), "%" PRId64, (w->buffer_bytes + 1023) / 1024);
		rc = bu_journal_write(j, s->fs.buffer, "buffer_size_kb", size, err);
	}
	if (!rc)
		rc = set_clock(j, s, w, err);
	if (!rc)
		rc = switch_on(j, s, err);
	if (rc)
		return rc;
	rc = trace_functions(j, s, w, &e);
	if (rc && w->functions->n)
		return bu_fail(err, rc, "%s", e.text);
	if (rc)
		s->no_functions = strdup(e.text);
	if (!s->n && !s->functions)
		return bu_fail(err, -ENOENT, "none of the events of this profile exist in this kernel%s%s; name some with -e",
			       s->no_functions ? ", and " : "", s->no_functions ? s->no_functions : "");
	return 0;
}

int bu_live_setup(struct bu_journal *j, const struct bu_live_wish *w, struct bu_live_setup *ret, struct bu_err *err)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_tracefs_open(NULL, &ret->fs, err);
	if (!rc)
		rc = check_memory(ret, w, err);
	if (!rc)
		rc = choose_events(ret, w, err);
	if (!rc)
		rc = bu_journal_make(j, ret->fs.top, &ret->instance, err);
	ret->mounted = ret->fs.mounted;
	if (rc)
		return rc;
	bu_tracefs_close(&ret->fs);
	rc = bu_tracefs_open(ret->instance, &ret->fs, err);
	return rc ? rc : set_up(j, ret, w, err);
}

bool bu_live_setup_expanded(const struct bu_live_setup *s)
{
	_cleanup_free_ char *now = NULL;

	return s->top_size && number_in(s->top_size, "expanded: ") >= 0 && !bu_read_whole(s->fs.top, "buffer_size_kb", &now, NULL) &&
	       number_in(now, "expanded: ") < 0;
}

void bu_live_setup_fini(struct bu_live_setup *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->events[i].system);
		free(s->events[i].name);
	}
	free(s->events);
	free(s->no_functions);
	free(s->top_size);
	free(s->set_event);
	bu_tracefs_close(&s->fs);
}

int bu_live_switch_off(struct bu_journal *j, struct bu_live_setup *s, struct bu_live_event *ev, struct bu_err *err)
{
	char path[600];

	if (!ev) {
		s->functions = false;
		return bu_journal_write(j, s->fs.buffer, "current_tracer", "nop", err);
	}
	ev->on = false;
	snprintf(path, sizeof(path), "events/%s/%s/enable", ev->system, ev->name);
	return bu_journal_write(j, s->fs.buffer, path, "0", err);
}
