// SPDX-License-Identifier: GPL-2.0-only
/* tracefs_formats.c - see tracefs_formats.h. Texts live in one arena until the file is written. */
#include "collector/tracefs_formats.h"

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

#include "schemas/base/mem.h"
#include "schemas/base/version.h"

struct bu_formats {
	struct bu_arena arena;
	struct bu_dat_content content;
	struct bu_dat_system *systems;
	size_t n_systems, cap_systems;
	char *wanted, *cmdline;		/* set_event and the kernel command line */
	bool previous;			/* the buffer is of the boot before, not of this one */
	bool no_addresses;
};

/* A file below @dir, copied into the arena. Without @required a missing one is empty. */
static int read_text(struct bu_formats *f, int dir, const char *path, bool required, struct bu_dat_text *ret,
		     struct bu_err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	char *copy;
	int rc = bu_read_whole(dir, path, &text, &len);

	*ret = (struct bu_dat_text){ NULL, 0 };
	if (rc)
		return required ? bu_fail_errno(err, rc, "tracing: %s", path) : 0;
	copy = bu_arena_alloc(&f->arena, len + 1);
	if (!copy)
		return bu_fail_errno(err, -ENOMEM, "tracing: %s", path);
	*ret = (struct bu_dat_text){ memcpy(copy, text, len), len };
	return 0;
}

/* All events/SYSTEM/EVENT/format. */
static int read_system(struct bu_formats *f, int events, const char *system, struct bu_dat_system *ret,
		       struct bu_err *err)
{
	int fd = openat(events, system, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct bu_dat_text *formats = NULL, text;
	size_t n = 0, cap = 0;
	struct dirent *e;
	char path[300];

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return bu_fail_errno(err, rc, "tracing: events/%s", system);
	}
	while (!rc && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/format", e->d_name);
		rc = read_text(f, dirfd(d), path, false, &text, err);
		if (!rc && text.len && !bu_grow(&formats, n, &cap, sizeof(*formats)))
			formats[n++] = text;
	}
	closedir(d);
	ret->formats = bu_arena_alloc(&f->arena, n * sizeof(*formats) + 1);
	ret->name = bu_arena_strdup(&f->arena, system);
	ret->n = n;
	if (!rc && (!ret->formats || !ret->name))
		rc = bu_fail_errno(err, -ENOMEM, "tracing: events/%s", system);
	if (!rc)
		memcpy((void *)ret->formats, formats, n * sizeof(*formats));
	free(formats);
	return rc;
}

/* Does one word of trace_event= or trace_instance= speak of this system? "sched:*", "sched", "sched_switch". */
static bool word_names(const char *word, size_t len, int events, const char *system)
{
	char buf[256], *colon;

	if (!len || len >= sizeof(buf) - strlen(system) - 2)
		return false;
	memcpy(buf, word, len);
	buf[len] = 0;
	colon = strchr(buf, ':');
	if (colon) {
		*colon = 0;
		return !fnmatch(buf, system, 0);
	}
	if (!fnmatch(buf, system, 0))
		return true;
	if (strchr(buf, '/'))
		return false;
	memmove(buf + strlen(system) + 1, buf, len + 1);
	memcpy(buf, system, strlen(system));
	buf[strlen(system)] = '/';
	return !faccessat(events, buf, F_OK, 0);
}

static bool cmdline_names(const char *cmdline, int events, const char *system)
{
	static const char *const options[] = { "trace_event=", "trace_instance=" };
	const char *p, *end;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		for (p = cmdline; (p = strstr(p, options[i])) != NULL; p = end) {
			p += strlen(options[i]);
			end = p + strcspn(p, " \n");
			for (; p < end; p += len + 1) {
				len = strcspn(p, ", \n");
				if (word_names(p, len, events, system))
					return true;
			}
		}
	return false;
}

/* Is there a line "SYSTEM:..." in set_event? */
static bool has_enabled(const char *set_event, const char *system)
{
	size_t len = strlen(system);
	const char *p;

	for (p = set_event; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, system, len) && p[len] == ':')
			return true;
	return false;
}

static int read_systems(struct bu_formats *f, const struct bu_tracefs *fs, struct bu_err *err)
{
	int fd = openat(fs->top, "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return bu_fail_errno(err, rc, "tracing: events");
	}
	rc = read_system(f, dirfd(d), "ftrace", &f->content.ftrace, err);
	while (!rc && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || e->d_type == DT_REG || !strcmp(e->d_name, "ftrace"))
			continue;
		if (!f->previous && !has_enabled(f->wanted, e->d_name) && !cmdline_names(f->cmdline, dirfd(d), e->d_name))
			continue;
		if (bu_grow(&f->systems, f->n_systems, &f->cap_systems, sizeof(*f->systems)))
			rc = bu_fail_errno(err, -ENOMEM, "tracing: events");
		else
			rc = read_system(f, dirfd(d), e->d_name, &f->systems[f->n_systems++], err);
	}
	closedir(d);
	f->content.systems = f->systems;
	f->content.n_systems = f->n_systems;
	return rc;
}

/* /proc/kallsyms, code only: "address t name [module]". */
static int read_symbols(struct bu_formats *f, struct bu_err *err)
{
	_cleanup_free_ char *all = NULL;
	char *line, *next, *to, *kind;
	size_t len = 0;

	if (bu_read_whole(AT_FDCWD, "/proc/kallsyms", &all, &len)) {
		f->no_addresses = true;
		return 0;
	}
	to = bu_arena_alloc(&f->arena, len + 1);
	if (!to)
		return bu_fail_errno(err, -ENOMEM, "/proc/kallsyms");
	f->content.kallsyms.data = to;
	f->no_addresses = true;
	for (line = all; *line; line = next) {
		next = strchr(line, '\n');
		next = next ? next + 1 : line + strlen(line);
		kind = memchr(line, ' ', (size_t)(next - line));
		if (!kind || !strchr("tTwW", kind[1]))
			continue;
		if (strspn(line, "0") < (size_t)(kind - line))
			f->no_addresses = false;
		if (f->previous && memchr(line, '[', (size_t)(next - line)))
			continue;	/* modules lay elsewhere, and where nobody knows */
		memcpy(to, line, (size_t)(next - line));
		to += next - line;
	}
	f->content.kallsyms.len = (size_t)(to - f->content.kallsyms.data);
	return 0;
}

/* The ring buffer's sub-buffer: where its data begins plus how long that is. */
static uint32_t page_bytes_of(const struct bu_dat_text *header_page)
{
	const char *p = header_page->data ? strstr(header_page->data, " data;") : NULL;
	unsigned int offset = 0, size = 0;

	if (!p || sscanf(p, " data; offset:%u; size:%u;", &offset, &size) != 2)
		return 0;
	return offset + size;
}

int bu_formats_read_stats(struct bu_formats *f, const struct bu_tracefs *fs, const struct bu_dat_text **ret,
			  struct bu_err *err)
{
	struct bu_dat_text *stats = bu_arena_alloc(&f->arena, f->content.cpus * sizeof(*stats));
	char path[64];
	size_t i;
	int rc = 0;

	if (!stats)
		return bu_fail_errno(err, -ENOMEM, "tracing: stats");
	for (i = 0; !rc && i < fs->n_cpus; i++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%u/stats", fs->cpus[i]);
		rc = read_text(f, fs->buffer, path, false, &stats[fs->cpus[i]], err);
	}
	*ret = stats;
	return rc;
}

static int read_names(struct bu_formats *f, const struct bu_tracefs *fs, struct bu_err *err)
{
	struct bu_dat_text clock;
	struct utsname u;
	char *text;
	int rc;

	rc = read_text(f, fs->buffer, "trace_clock", false, &clock, err);
	if (rc)
		return rc;
	f->content.trace_clock = clock.data;
	f->content.writer = bu_version;
	if (uname(&u))
		return 0;
	text = bu_arena_alloc(&f->arena, sizeof(u));
	if (!text)
		return bu_fail_errno(err, -ENOMEM, "uname");
	snprintf(text, sizeof(u), "%s (none) %s %s", u.sysname, u.release, u.machine);
	f->content.uname = text;
	return 0;
}

static int read_all(struct bu_formats *f, const struct bu_tracefs *fs, struct bu_err *err)
{
	struct bu_dat_content *c = &f->content;
	int rc;

	c->cpus = fs->cpus[fs->n_cpus - 1] + 1;
	rc = read_text(f, fs->top, "events/header_page", true, &c->header_page, err);
	if (!rc)
		rc = read_text(f, fs->top, "events/header_event", true, &c->header_event, err);
	if (!rc) {
		c->page_bytes = page_bytes_of(&c->header_page);
		if (!c->page_bytes)
			rc = bu_fail(err, -EPROTO, "tracing: events/header_page does not say how large a page is");
	}
	if (!rc && !f->wanted && bu_read_whole(fs->buffer, "set_event", &f->wanted, NULL))
		f->wanted = calloc(1, 1);
	if (!rc && bu_read_whole(AT_FDCWD, "/proc/cmdline", &f->cmdline, NULL))
		f->cmdline = calloc(1, 1);
	if (!rc && (!f->wanted || !f->cmdline))
		rc = bu_fail_errno(err, -ENOMEM, "tracing");
	if (!rc)
		rc = read_systems(f, fs, err);
	if (!rc)
		rc = read_symbols(f, err);
	/* addresses of strings, and names of tasks, are of the boot that runs */
	if (!rc && !f->previous)
		rc = read_text(f, fs->top, "printk_formats", false, &c->printk_formats, err);
	if (!rc && !f->previous)
		rc = read_text(f, fs->top, "saved_cmdlines", false, &c->cmdlines, err);
	if (!rc)
		rc = bu_formats_read_stats(f, fs, &c->cpustats, err);
	return rc ? rc : read_names(f, fs, err);
}

static int read_formats(const struct bu_tracefs *fs, const char *set_event, bool previous, struct bu_formats **ret,
			struct bu_err *err)
{
	_cleanup_(bu_formats_destroyp) struct bu_formats *f = calloc(1, sizeof(*f));
	int rc;

	if (f && set_event)
		f->wanted = strdup(set_event);
	if (!f || (set_event && !f->wanted))
		return bu_fail_errno(err, -ENOMEM, "tracing");
	f->previous = previous;
	rc = read_all(f, fs, err);
	if (rc)
		return rc;
	*ret = take_ptr(f);
	return 0;
}

int bu_formats_read(const struct bu_tracefs *fs, struct bu_formats **ret, struct bu_err *err)
{
	return read_formats(fs, NULL, false, ret, err);
}

int bu_formats_read_for(const struct bu_tracefs *fs, const char *set_event, struct bu_formats **ret,
			struct bu_err *err)
{
	return read_formats(fs, set_event, false, ret, err);
}

int bu_formats_read_previous(const struct bu_tracefs *fs, struct bu_formats **ret, struct bu_err *err)
{
	return read_formats(fs, NULL, true, ret, err);
}

/* An address has as many digits afterwards as before, so lines stay where they are. */
void bu_formats_shift(struct bu_formats *f, int64_t shift)
{
	char *line = (char *)f->content.kallsyms.data, *end = line ? line + f->content.kallsyms.len : NULL;
	const size_t digits = 16;
	char address[17];

	for (; line && line < end; line = memchr(line, '\n', (size_t)(end - line)), line = line ? line + 1 : NULL) {
		if ((size_t)(end - line) <= digits || line[digits] != ' ')
			continue;
		snprintf(address, sizeof(address), "%016" PRIx64, (uint64_t)(strtoull(line, NULL, 16) - (uint64_t)shift));
		memcpy(line, address, digits);
	}
}

void bu_formats_destroy(struct bu_formats *f)
{
	if (!f)
		return;
	bu_arena_fini(&f->arena);
	free(f->systems);
	free(f->wanted);
	free(f->cmdline);
	free(f);
}

void bu_formats_destroyp(struct bu_formats **f)
{
	bu_formats_destroy(*f);
}

const struct bu_dat_content *bu_formats_content(const struct bu_formats *f)
{
	return &f->content;
}

bool bu_formats_no_addresses(const struct bu_formats *f)
{
	return f->no_addresses;
}
