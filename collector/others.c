// SPDX-License-Identifier: GPL-2.0-only
/* others.c - see others.h. */
#include "collector/others.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/base/mem.h"

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

int bu_others_check(const struct bu_tracefs *fs, bool named, struct bu_err *err)
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
	if (named || boot_traces() || bu_read_whole(fs->buffer, "tracing_on", &on, NULL) || *on != '1' ||
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
