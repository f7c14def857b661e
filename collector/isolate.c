// SPDX-License-Identifier: GPL-2.0-only
/* isolate.c - see isolate.h. Answers come back through a page of memory that both processes share. */
#include "collector/isolate.h"

#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schemas/base/mem.h"

struct answer {
	bool done;	/* the work came to its end by itself */
	int rc;
	struct bu_err err;
	alignas(max_align_t) char result[];
};

static void child(int (*work)(void *, void *, struct bu_err *), void *arg, struct answer *a, int noise)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);	/* a crash over a broken file is expected here */
	if (noise >= 0) {
		dup2(noise, STDOUT_FILENO);
		dup2(noise, STDERR_FILENO);
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	a->rc = work(arg, a->result, &a->err);
	a->done = true;
	_exit(0);
}

/* The last line that the child printed, without its newline; "" when there is none. */
static void last_words(int noise, char *to, size_t len)
{
	off_t size = noise < 0 ? 0 : lseek(noise, 0, SEEK_END);
	off_t from = size > (off_t)len - 1 ? size - ((off_t)len - 1) : 0;
	ssize_t n = size > 0 ? pread(noise, to, len - 1, from) : 0;
	char *line, *c;

	to[n > 0 ? n : 0] = 0;
	while (n > 0 && strchr(" \n", to[n - 1]))
		to[--n] = 0;
	line = strrchr(to, '\n');
	if (line)
		memmove(to, line + 1, strlen(line));
	for (c = to; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

static int explain_death(const char *what, int status, int noise, struct bu_err *err)
{
	char words[160];
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGINT || sig == SIGTERM || sig == SIGQUIT || sig == SIGHUP)
		return bu_fail(err, -EINTR, "%s: interrupted", what);
	if (sig == SIGKILL)
		return bu_fail(err, -ENOMEM, "%s: the import was killed, most likely because memory ran out", what);
	last_words(noise, words, sizeof(words));
	return bu_fail(err, -EILSEQ, "%s is damaged: the trace library failed over it (%s%s%s)", what,
		       sig ? strsignal(sig) : "it exited", *words ? ": " : "", words);
}

int bu_isolated(const char *what, int (*work)(void *arg, void *result, struct bu_err *err), void *arg,
		void *result, size_t result_bytes, struct bu_err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	size_t len = sizeof(struct answer) + result_bytes;
	struct answer *a;
	int status = 0, noise, rc;
	pid_t pid;

	a = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (a == MAP_FAILED)
		return bu_fail_errno(err, -errno, "%s", what);
	noise = memfd_create("noise", MFD_CLOEXEC);
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(work, arg, a, noise);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	if (pid < 0) {
		rc = bu_fail_errno(err, -errno, "%s: start a process", what);
	} else {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (a->done) {
			memcpy(result, a->result, result_bytes);
			rc = a->rc;
			if (rc && err)
				*err = a->err;
		} else {
			rc = explain_death(what, status, noise, err);
		}
	}
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	if (noise >= 0)
		close(noise);
	munmap(a, len);
	return rc;
}
