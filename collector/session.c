// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.c - see session.h.
 *
 * per_cpu/cpuN/trace_pipe_raw gives one sub-buffer per read, swapped out of the ring buffer whole where it is full
 * (ring_buffer_read_page() in kernel/trace/ring_buffer.c, 6.1 and 6.12), so the cost is one system call per page and
 * none per event. A CPU that never came up has no buffer: its file cannot be opened or is at its end at once.
 */
#include "collector/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/journal.h"
#include "collector/machine_dir.h"
#include "collector/machine_probe.h"
#include "collector/tracedat_write.h"
#include "collector/tracefs_dir.h"
#include "collector/tracefs_formats.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* Drains one CPU. Nothing to read, or no buffer at all, is no error. */
static int drain_cpu(const struct bu_tracefs *fs, uint32_t cpu, struct bu_dat_out *out, char *page, size_t page_bytes,
		     struct bu_record_result *r, struct bu_err *err)
{
	int64_t before = r->pages;
	char path[64];
	ssize_t n;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "per_cpu/cpu%u/trace_pipe_raw", cpu);
	fd = openat(fs->buffer, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENOMEM ? bu_fail_errno(err, -errno, "tracing: %s", path) : 0;
	while (!rc) {
		n = read(fd, page, page_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)	/* EAGAIN: empty; ENODEV and others: no such buffer */
			break;
		if ((size_t)n < page_bytes)
			memset(page + n, 0, page_bytes - (size_t)n);
		rc = bu_dat_out_append(out, 0, cpu, page, page_bytes, err);
		r->pages++;
	}
	close(fd);
	r->cpus += r->pages > before;
	return rc;
}

static int drain(const struct bu_tracefs *fs, const struct bu_record_params *p, const struct bu_dat_content *content,
		 struct bu_record_result *r, struct bu_err *err)
{
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	_cleanup_free_ char *page = malloc(content->page_bytes);
	size_t i;
	int rc;

	if (!page)
		return bu_fail_errno(err, -ENOMEM, "record");
	rc = bu_dat_out_create(p->output, content, &out, err);
	for (i = 0; !rc && i < fs->n_cpus; i++)
		rc = drain_cpu(fs, fs->cpus[i], out, page, content->page_bytes, r, err);
	return rc ? rc : bu_dat_out_finish(out, err);
}

/* Adds up what the kernel's statistics say, and refuses an empty buffer before anything is touched. */
static int count(const struct bu_dat_content *c, const struct bu_record_params *p, struct bu_record_result *r,
		 struct bu_err *err)
{
	struct bu_machine_stat *stats = NULL;
	size_t n = 0, cap = 0, cpu;
	int64_t junk = 0;
	char text[4096];
	int rc = 0;

	for (cpu = 0; !rc && cpu < c->cpus; cpu++) {
		if (!c->cpustats[cpu].len)
			continue;
		snprintf(text, sizeof(text), "CPU: %zu\n%.*s", cpu, (int)c->cpustats[cpu].len, c->cpustats[cpu].data);
		rc = bu_machine_parse_stats(text, &stats, &n, &cap, &junk);
	}
	for (cpu = 0; cpu < n; cpu++) {
		const int64_t lost[] = { stats[cpu].overrun, stats[cpu].commit_overrun, stats[cpu].dropped };
		size_t i;

		r->entries += stats[cpu].entries == BU_NS_UNKNOWN ? 0 : stats[cpu].entries;
		for (i = 0; i < ARRAY_SIZE(lost); i++)
			r->lost += lost[i] == BU_NS_UNKNOWN ? 0 : lost[i];
	}
	free(stats);
	if (rc)
		return bu_fail_errno(err, rc, "record");
	if (!r->entries)
		return bu_fail(err, -ENODATA, "the %s buffer holds no events; %s", p->instance ? p->instance : "top-level",
			       p->instance ? "trace something in it first" :
			       "boot with trace_event=cpuhp:* trace_clock=x86-tsc, and let nobody read it before");
	return 0;
}

static int save(const struct bu_tracefs *fs, const struct bu_record_params *p, struct bu_record_result *r,
		struct bu_err *err)
{
	_cleanup_(bu_formats_destroyp) struct bu_formats *formats = NULL;
	int rc;

	rc = bu_formats_read(fs, &formats, err);
	if (!rc)
		rc = count(bu_formats_content(formats), p, r, err);
	if (!rc && p->machine) {
		rc = bu_machine_probe(p->machine, fs, err);
		if (!rc)
			rc = bu_machine_probe_stats(p->machine, "stats", fs, err);
	}
	if (rc)
		return rc;
	r->no_addresses = bu_formats_no_addresses(formats);
	rc = drain(fs, p, bu_formats_content(formats), r, err);
	if (!rc && p->machine)
		rc = bu_machine_probe_stats(p->machine, "stats.after", fs, err);
	return rc;
}

/* ---- others ---------------------------------------------------------------------------------------------------- */

/* Does the file that this link leads to read the buffer below @folder? Its instances are others' own. */
static bool reads_buffer(const char *target, const char *folder)
{
	size_t n = strlen(folder);
	const char *name;

	if (strncmp(target, folder, n) || target[n] != '/' || !strncmp(target + n, "/instances/", strlen("/instances/")))
		return false;
	name = strrchr(target, '/') + 1;
	return !strcmp(name, "trace_pipe") || !strcmp(name, "trace_pipe_raw");
}

/* A process that has trace_pipe or trace_pipe_raw of this buffer open; 0: none that can be seen. */
static int find_reader(const char *folder)
{
	char path[64], target[PATH_MAX];
	DIR *procs = opendir("/proc"), *fds;
	struct dirent *p, *e;
	int found = 0, pid;
	ssize_t n;

	while (procs && !found && (p = readdir(procs)) != NULL) {
		pid = atoi(p->d_name);
		if (pid <= 0 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd", pid);
		fds = opendir(path);
		while (fds && !found && (e = readdir(fds)) != NULL) {
			n = readlinkat(dirfd(fds), e->d_name, target, sizeof(target) - 1);
			if (n <= 0)
				continue;
			target[n] = 0;
			if (reads_buffer(target, folder))
				found = pid;
		}
		if (fds)
			closedir(fds);
	}
	if (procs)
		closedir(procs);
	return found;
}

static bool boot_traces(void)
{
	static const char *const parameters[] = { "trace_event=", "ftrace=" };
	_cleanup_free_ char *cmdline = NULL;
	size_t i;

	if (bu_read_whole(AT_FDCWD, "/proc/cmdline", &cmdline, NULL))
		return false;
	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		const char *p = strstr(cmdline, parameters[i]);

		if (p && (p == cmdline || p[-1] == ' '))
			return true;
	}
	return false;
}

/* Somebody else's recording is not to be stopped and emptied. */
static int check_others(const struct bu_tracefs *fs, const char *instance, struct bu_err *err)
{
	_cleanup_free_ char *on = NULL, *events = NULL, *tracer = NULL;
	char link[64], folder[PATH_MAX];
	ssize_t n;
	int pid;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fs->buffer);
	n = readlink(link, folder, sizeof(folder) - 1);
	folder[n > 0 ? n : 0] = 0;
	pid = n > 0 ? find_reader(folder) : 0;
	if (pid)
		return bu_fail(err, -EBUSY, "process %d is reading this trace buffer; two readers take events from one another, "
			       "so end that one first", pid);
	if (instance || boot_traces() || bu_read_whole(fs->buffer, "tracing_on", &on, NULL) || *on != '1' ||
	    bu_read_whole(fs->buffer, "set_event", &events, NULL) ||
	    bu_read_whole(fs->buffer, "current_tracer", &tracer, NULL))
		return 0;
	if (*events || strncmp(tracer, "nop", 3))
		return bu_fail(err, -EBUSY, "somebody is tracing into the top-level buffer (%s%.*s), and the kernel command line "
			       "did not begin it; it is left alone. Live recording (without --boot) does not get in its way",
			       *events ? "events are on, like " : "tracer ", (int)strcspn(*events ? events : tracer, "\n"),
			       *events ? events : tracer);
	return 0;
}

/* Where no journal can be kept, as in the unit's sandbox, the one thing written is that tracing is off. */
static int open_journal(const struct bu_record_params *p, struct bu_journal **ret, struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	int rc = bu_journal_open(p->state, false, ret, &e);

	if (!rc || (!p->state && (rc == -EROFS || rc == -EACCES || rc == -EPERM)))
		return 0;
	return bu_fail(err, rc, "%s", e.text);
}

int bu_record(const struct bu_record_params *p, struct bu_record_result *ret, struct bu_err *err)
{
	_cleanup_(bu_journal_closep) struct bu_journal *j = NULL;
	_cleanup_free_ char *was_on = NULL;
	struct bu_tracefs fs;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_tracefs_open(p->instance, &fs, err);
	if (!rc)
		rc = check_others(&fs, p->instance, err);
	if (!rc)
		rc = open_journal(p, &j, err);
	if (!rc) {
		ret->mounted = fs.mounted;
		rc = bu_read_whole(fs.buffer, "tracing_on", &was_on, NULL);
		if (rc)
			bu_fail_errno(err, rc, "tracing_on");
		else
			rc = bu_journal_write(j, fs.buffer, "tracing_on", "0", err);
	}
	if (!rc)
		rc = save(&fs, p, ret, err);
	if (was_on && *was_on == '1' && (rc || p->keep_tracing) && fs.buffer >= 0)
		bu_write_word(fs.buffer, "tracing_on", "1");
	if (j)
		bu_journal_forget(j);
	bu_tracefs_close(&fs);
	return rc;
}
