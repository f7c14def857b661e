// SPDX-License-Identifier: GPL-2.0-only
/* machine_probe.c - see machine_probe.h. */
#include "collector/machine_probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "schemas/base/mem.h"

#define SYS_CPU "/sys/devices/system/cpu"
#define SYS_NODE "/sys/devices/system/node"
#define SYS_CLOCK "/sys/devices/system/clocksource/clocksource0"

/* syslog(2) */
#define SYSLOG_ACTION_READ_ALL 3
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* Files taken over as they are. @lasting: the same in each boot of this kernel on this machine. */
static const struct {
	const char *name, *path;
	enum { SYSTEM, BUFFER, TOP } below;
	bool lasting;
} plain[] = {
	{ "cmdline", "/proc/cmdline", SYSTEM, false },
	{ "interrupts", "/proc/interrupts", SYSTEM, false },
	{ "meminfo", "/proc/meminfo", SYSTEM, false },
	{ "uptime_at_init", "/proc/uptime", SYSTEM, false },
	{ "clocksource_current", SYS_CLOCK "/current_clocksource", SYSTEM, false },
	{ "clocksource_available", SYS_CLOCK "/available_clocksource", SYSTEM, true },
	{ "hotplug_states", SYS_CPU "/hotplug/states", SYSTEM, true },
	{ "smt", SYS_CPU "/smt/control", SYSTEM, false },
	{ "trace_clock", "trace_clock", BUFFER, true },
	{ "current_tracer", "current_tracer", BUFFER, false },
	{ "set_event", "set_event", BUFFER, false },
	{ "set_ftrace_filter", "set_ftrace_filter", BUFFER, false },
	{ "set_ftrace_notrace", "set_ftrace_notrace", BUFFER, false },
	{ "buffer_size_kb", "buffer_size_kb", BUFFER, true },
	{ "trace_options", "trace_options", BUFFER, false },
	{ "set_graph_function", "set_graph_function", TOP, false },
};

struct probe {
	const char *dir;
	bool lasting;		/* only what is the same in each boot */
	int fd;
	struct bu_err *err;
};

static FILE *begin(struct probe *p, const char *name)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		bu_fail_errno(p->err, -errno, "%s/%s: create", p->dir, name);
		if (fd >= 0)
			close(fd);
	}
	return f;
}

static int end(struct probe *p, const char *name, FILE *f)
{
	int bad = ferror(f);

	errno = 0;
	return fclose(f) || bad ? bu_fail_errno(p->err, errno ? -errno : -EIO, "%s/%s: write", p->dir, name) : 0;
}

static int save(struct probe *p, const char *name, const char *text, size_t len)
{
	FILE *f = begin(p, name);

	if (!f)
		return p->err->code;
	fwrite(text, 1, len, f);
	return end(p, name, f);
}

static int save_plain(struct probe *p, const struct bu_tracefs *fs)
{
	char *text = NULL;
	size_t i, len = 0;
	int rc = 0, below;

	for (i = 0; !rc && i < ARRAY_SIZE(plain); i++) {
		if (p->lasting && !plain[i].lasting)
			continue;
		below = plain[i].below == SYSTEM ? AT_FDCWD : plain[i].below == TOP ? fs->top : fs->buffer;
		if (bu_read_whole(below, plain[i].path, &text, &len))
			continue;
		rc = save(p, plain[i].name, text, len);
		free(text);
	}
	return rc;
}

static int save_uname(struct probe *p)
{
	struct utsname u;
	FILE *f = begin(p, "uname");

	if (!f)
		return p->err->code;
	/* The host's name is nobody's business; a bracketed word holds its place, as the kernel itself does it. */
	if (!uname(&u))
		fprintf(f, "%s (none) %s %s %s GNU/Linux\n", u.sysname, u.release, u.version, u.machine);
	return end(p, "uname", f);
}

/* The kernel's log, without the priority that stands before each line. */
static int save_dmesg(struct probe *p)
{
	_cleanup_free_ char *log = NULL;
	int size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0), n;
	char *line, *next;
	FILE *f;

	if (size <= 0)
		return 0;
	log = malloc((size_t)size + 1);
	if (!log)
		return bu_fail_errno(p->err, -ENOMEM, "dmesg");
	n = klogctl(SYSLOG_ACTION_READ_ALL, log, size);
	if (n <= 0)
		return 0;
	log[n] = 0;
	f = begin(p, "dmesg");
	if (!f)
		return p->err->code;
	for (line = log; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (*line == '<' && strchr(line, '>'))
			line = strchr(line, '>') + 1;
		fprintf(f, "%s\n", line);
	}
	return end(p, "dmesg", f);
}

/* The first CPU's block whole, of the others only what differs. */
static int save_cpuinfo(struct probe *p)
{
	static const char *const kept[] = { "processor", "physical id", "core id", "apicid" };
	_cleanup_free_ char *text = NULL;
	bool first = true;
	char *line, *next;
	size_t i;
	FILE *f;

	if (bu_read_whole(AT_FDCWD, "/proc/cpuinfo", &text, NULL))
		return 0;
	f = begin(p, "cpuinfo_head");
	if (!f)
		return p->err->code;
	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		for (i = 0; i < ARRAY_SIZE(kept); i++)
			if (!strncmp(line, kept[i], strlen(kept[i])))
				break;
		if (first || !*line || i < ARRAY_SIZE(kept))
			fprintf(f, "%s\n", line);
		first = first && *line;
	}
	return end(p, "cpuinfo_head", f);
}

/* /proc/modules without the addresses at the end of each line. */
static int save_modules(struct probe *p)
{
	_cleanup_free_ char *text = NULL;
	char *line, *next, *address;
	FILE *f;

	if (bu_read_whole(AT_FDCWD, "/proc/modules", &text, NULL))
		return 0;
	f = begin(p, "modules");
	if (!f)
		return p->err->code;
	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		address = strstr(line, " 0x");
		fprintf(f, "%.*s\n", (int)(address ? address - line : (ptrdiff_t)strlen(line)), line);
	}
	return end(p, "modules", f);
}

static int save_masks(struct probe *p)
{
	static const char *const masks[] = { "present", "possible", "kernel_max", "online", "offline", "isolated" };
	const size_t lasting = 3, n = p->lasting ? lasting : ARRAY_SIZE(masks);
	char path[64], *text;
	FILE *f = begin(p, "cpu_masks");
	size_t i;

	if (!f)
		return p->err->code;
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), SYS_CPU "/%s", masks[i]);
		if (bu_read_whole(AT_FDCWD, path, &text, NULL))
			continue;
		fprintf(f, "%s %.*s\n", masks[i], (int)strcspn(text, "\n"), text);
		free(text);
	}
	return end(p, "cpu_masks", f);
}

/* Calls @each for the entries of @path called @prefix followed by a number. */
static void for_each_numbered(const char *path, const char *prefix, void (*each)(FILE *f, const char *path,
			      unsigned int n), FILE *f)
{
	DIR *d = opendir(path);
	size_t len = strlen(prefix);
	struct dirent *e;
	char *rest;
	unsigned long n;

	while (d && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, prefix, len) || !isdigit((unsigned char)e->d_name[len]))
			continue;
		n = strtoul(e->d_name + len, &rest, 10);
		if (!*rest)
			each(f, path, (unsigned int)n);
	}
	if (d)
		closedir(d);
}

static void cpu_topology(FILE *f, const char *path, unsigned int cpu)
{
	static const char *const keys[] = { "physical_package_id", "die_id", "core_id", "thread_siblings_list" };
	char file[128], *text;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(file, sizeof(file), "%s/cpu%u/topology/%s", path, cpu, keys[i]);
		if (bu_read_whole(AT_FDCWD, file, &text, NULL))
			continue;
		fprintf(f, "cpu%u/topology/%s:%.*s\n", cpu, keys[i], (int)strcspn(text, "\n"), text);
		free(text);
	}
}

static void node_cpu(FILE *f, const char *path, unsigned int cpu)
{
	fprintf(f, "%s/cpu%u\n", path, cpu);
}

static void node(FILE *f, const char *path, unsigned int n)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/node%u", path, n);
	for_each_numbered(folder, "cpu", node_cpu, f);
}

static int save_numbered(struct probe *p, const char *name, const char *path, const char *prefix,
			 void (*each)(FILE *f, const char *path, unsigned int n))
{
	FILE *f = begin(p, name);

	if (!f)
		return p->err->code;
	for_each_numbered(path, prefix, each, f);
	return end(p, name, f);
}

static int open_folder(struct probe *p)
{
	if (mkdir(p->dir, 0755) && errno != EEXIST)
		return bu_fail_errno(p->err, -errno, "%s: make the folder", p->dir);
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->fd < 0 ? bu_fail_errno(p->err, -errno, "%s", p->dir) : 0;
}

static int probe(struct probe *p, const struct bu_tracefs *fs)
{
	int rc = open_folder(p);

	if (!rc)
		rc = save_plain(p, fs);
	if (!rc)
		rc = save_uname(p);
	if (!rc && !p->lasting)
		rc = save_dmesg(p);
	if (!rc)
		rc = save_cpuinfo(p);
	if (!rc && !p->lasting)
		rc = save_modules(p);
	if (!rc)
		rc = save_masks(p);
	if (!rc)
		rc = save_numbered(p, "topology", SYS_CPU, "cpu", cpu_topology);
	if (!rc)
		rc = save_numbered(p, "nodes", SYS_NODE, "node", node);
	if (p->fd >= 0)
		close(p->fd);
	return rc;
}

int bu_machine_probe(const char *dir, const struct bu_tracefs *fs, struct bu_err *err)
{
	struct probe p = { dir, false, -1, err };

	return probe(&p, fs);
}

int bu_machine_probe_lasting(const char *dir, const struct bu_tracefs *fs, struct bu_err *err)
{
	struct probe p = { dir, true, -1, err };

	return probe(&p, fs);
}

int bu_machine_probe_stats(const char *dir, const char *name, const struct bu_tracefs *fs, struct bu_err *err)
{
	struct probe p = { dir, false, -1, err };
	char path[64], *text, *line, *next;
	FILE *f = NULL;
	size_t i;
	int rc = open_folder(&p);

	if (!rc) {
		f = begin(&p, name);
		rc = f ? 0 : err->code;
	}
	for (i = 0; !rc && i < fs->n_cpus; i++) {
		snprintf(path, sizeof(path), "per_cpu/cpu%u/stats", fs->cpus[i]);
		if (bu_read_whole(fs->buffer, path, &text, NULL))
			continue;
		for (line = text; line && *line; line = next) {
			next = strchr(line, '\n');
			if (next)
				*next++ = 0;
			fprintf(f, "cpu%u/stats:%s\n", fs->cpus[i], line);
		}
		free(text);
	}
	if (!rc)
		rc = end(&p, name, f);
	if (p.fd >= 0)
		close(p.fd);
	return rc;
}
