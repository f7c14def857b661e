// SPDX-License-Identifier: GPL-2.0-only
/*
 * live_record.c - see live_record.h: setting up, and the loop that reads until something ends it.
 *
 * One thread, one epoll: the CPUs' readers and a signalfd. Twice a second it looks at the budgets, once a second (less
 * often with very many CPUs) it reads all CPUs empty, which makes a round of the spool. The recorder runs at nice +10,
 * COMMAND as it would without.
 */
#include "collector/live_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/live_int.h"
#include "collector/live_writer.h"
#include "collector/machine_probe.h"
#include "collector/tracefs_formats.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define TICK_MS 500
#define NICE 10
#define ROUND_CPUS 64		/* so many CPUs are read in a round a second: each costs a partly filled page */
#define FUNCTION_TYPE 1		/* TRACE_FN, kernel/trace/trace.h: ids of ftrace's own records never changed */
#define SIGNALS UINT64_MAX	/* epoll data of the signalfd */

struct live {
	const struct bu_live_params *p;
	struct bu_live_result *ret;
	struct bu_journal *journal;
	struct bu_live_setup setup;
	struct bu_readers readers;
	struct bu_spool *spool;
	char *folder, *output, *machine;	/* absolute */
	uint32_t page_bytes;
	int signals, folder_fd;
	bool folder_made;
	sigset_t old_mask;
	pid_t command, writer;		/* 0: none, or no longer */
	int go, writer_pipe;		/* -1: none */
	int64_t start, next_tick, next_round, last_tick;
	int64_t min_free;
	bool leave_rest;		/* what is in the kernel at the end is left there: no room for it */
	bool progress;
	int64_t shown_events;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * BU_NS_PER_S + t.tv_nsec;
}

/* ---- before anything is recorded ------------------------------------------------------------------------------ */

static int make_folder(struct live *l, struct bu_err *err)
{
	int rc;

	l->output = bu_path_absolute(l->p->output);
	l->machine = bu_path_absolute(l->p->machine ? l->p->machine : "/");
	if (!l->output || !l->machine || asprintf(&l->folder, "%s.recording", l->output) < 0) {
		l->folder = NULL;
		return bu_fail_errno(err, -ENOMEM, "record");
	}
	if (!access(l->folder, F_OK))
		return bu_fail(err, -EEXIST, "%s is there already, from a recording that broke off; "
			       "'bringup record --recover' finishes it, or else remove it", l->folder);
	rc = bu_journal_remember(l->journal, BU_FACT_FOLDER, l->folder, err);
	if (!rc)
		rc = bu_journal_remember(l->journal, BU_FACT_OUTPUT, l->output, err);
	if (!rc)
		rc = bu_journal_remember(l->journal, BU_FACT_MACHINE, l->p->machine ? l->machine : "", err);
	if (!rc)
		rc = bu_journal_remember(l->journal, BU_FACT_REDACT, l->p->redact ? "yes" : "no", err);
	if (rc)
		return rc;
	if (mkdir(l->folder, 0700))
		return bu_fail_errno(err, -errno, "%s: make the folder", l->folder);
	l->folder_made = true;
	l->folder_fd = open(l->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->folder_fd < 0)
		return bu_fail_errno(err, -errno, "%s", l->folder);
	l->min_free = l->p->default_min_free ? bu_default_min_free(l->folder_fd) : l->p->budget.min_free;
	if (l->min_free && bu_free_bytes(l->folder_fd) < l->min_free)
		return bu_fail(err, -ENOSPC, "less than %" PRId64 " MiB are free where %s is to be; make room, or lower --min-free",
			       l->min_free >> 20, l->output);
	return 0;
}

/* The machine, and a trace.dat without events: what the writer decodes by. */
static int describe(struct live *l, struct bu_err *err)
{
	_cleanup_(bu_formats_destroyp) struct bu_formats *formats = NULL;
	_cleanup_(bu_dat_out_destroyp) struct bu_dat_out *out = NULL;
	_cleanup_free_ char *head = NULL, *machine = NULL, *pages = NULL;
	int rc;

	if (asprintf(&head, "%s/head.dat", l->folder) < 0 || asprintf(&machine, "%s/machine", l->folder) < 0 ||
	    asprintf(&pages, "%s/pages", l->folder) < 0)
		return bu_fail_errno(err, -ENOMEM, "record");
	rc = bu_machine_probe(machine, &l->setup.fs, err);
	if (!rc)
		rc = bu_formats_read_for(&l->setup.fs, l->setup.set_event, &formats, err);
	if (!rc)
		rc = bu_dat_out_create(head, bu_formats_content(formats), &out, err);
	if (!rc)
		rc = bu_dat_out_finish(out, err);
	if (rc)
		return rc;
	l->page_bytes = bu_formats_content(formats)->page_bytes;
	return bu_spool_open(pages, l->page_bytes, &l->spool, err);
}

/* COMMAND waits for a byte on @go before it starts; the end of the pipe, when the recorder is gone, ends it. */
static int start_command(struct live *l, struct bu_err *err)
{
	int ends[2];
	pid_t pid;
	char c;

	if (pipe2(ends, O_CLOEXEC))
		return bu_fail_errno(err, -errno, "%s", l->p->command[0]);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return bu_fail_errno(err, -errno, "%s: start a process", l->p->command[0]);
	}
	if (!pid) {
		sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
		close(ends[1]);
		if (read(ends[0], &c, 1) != 1)
			_exit(127);
		execvp(l->p->command[0], l->p->command);
		fprintf(stderr, "bringup record: %s: %s\n", l->p->command[0], strerror(errno));
		_exit(127);
	}
	close(ends[0]);
	l->command = pid;
	l->go = ends[1];
	return 0;
}

/* From the first change of tracefs on, a signal ends the recording and not the process. */
static int take_signals(struct live *l, struct bu_err *err)
{
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGPIPE);	/* a writer that died is noticed otherwise */
	sigprocmask(SIG_BLOCK, &set, &l->old_mask);
	l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signals >= 0)
		return 0;
	rc = bu_fail_errno(err, -errno, "signals");
	sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	return rc;
}

static void look_at_signals(struct live *l)
{
	struct signalfd_siginfo s;
	int status;
	pid_t pid;

	while (read(l->signals, &s, sizeof(s)) == (ssize_t)sizeof(s))
		if (s.ssi_signo != SIGCHLD && s.ssi_signo != SIGPIPE && !l->ret->ended_by)
			l->ret->ended_by = s.ssi_signo == SIGINT ? "SIGINT" : s.ssi_signo == SIGHUP ? "SIGHUP" : "SIGTERM";
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == l->command) {
			l->command = 0;
			l->ret->has_status = true;
			l->ret->status = status;
			if (!l->ret->ended_by)
				l->ret->ended_by = "the end of the command";
		} else if (pid == l->writer) {
			l->writer = 0;
			l->ret->writer_died = true;
		}
	}
}

static int prepare(struct live *l, struct bu_err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = SIGNALS };
	int rc;

	rc = bu_tracefs_may(err);
	if (!rc)
		rc = take_signals(l, err);
	if (!rc)
		rc = bu_journal_open(l->p->state, false, &l->journal, err);
	if (!rc)
		rc = make_folder(l, err);
	if (!rc)
		rc = bu_live_setup(l->journal, &l->p->wish, &l->setup, err);
	if (!rc)
		rc = describe(l, err);
	if (!rc && l->p->command)
		rc = start_command(l, err);
	if (!rc)
		rc = bu_readers_init(&l->readers, &l->setup.fs, l->page_bytes, err);
	if (!rc && epoll_ctl(l->readers.epoll, EPOLL_CTL_ADD, l->signals, &ev))
		rc = bu_fail_errno(err, -errno, "signals");
	if (rc)
		return rc;
	setpriority(PRIO_PROCESS, 0, NICE);
	if (l->p->database)
		rc = bu_live_writer_start(l->folder, &l->writer, &l->writer_pipe, err);
	if (!rc)
		rc = bu_journal_remember(l->journal, BU_FACT_EVENTS, l->setup.set_event ? l->setup.set_event : "", err);
	look_at_signals(l);
	if (!rc && l->ret->ended_by)
		rc = bu_fail(err, -EINTR, "ended by %s before anything was recorded", l->ret->ended_by);
	if (!rc)
		rc = bu_journal_write(l->journal, l->setup.fs.buffer, "tracing_on", "1", err);
	if (!rc && l->go >= 0) {
		if (write(l->go, "g", 1) != 1)
			rc = bu_fail_errno(err, -errno, "%s", l->p->command[0]);
		close(l->go);
		l->go = -1;
	}
	return rc;
}

/* ---- budgets --------------------------------------------------------------------------------------------------- */

static struct bu_live_event *event_of(struct live *l, uint32_t type)
{
	size_t i;

	for (i = 0; i < l->setup.n; i++)
		if (l->setup.events[i].type == type && l->setup.events[i].on)
			return &l->setup.events[i];
	return NULL;
}

/* Switches off what fills the buffers most. Return: 1 when there was something. */
static int thin(struct live *l, int64_t rate, struct bu_err *err)
{
	struct bu_live_event *ev = NULL;
	uint32_t most = 0, type;
	bool functions = false;
	int rc;

	for (type = 0; type < BU_LIVE_TYPES; type++) {
		if (l->readers.types[type] <= most || !(type == FUNCTION_TYPE ? l->setup.functions : !!event_of(l, type)))
			continue;
		most = l->readers.types[type];
		functions = type == FUNCTION_TYPE;
		ev = functions ? NULL : event_of(l, type);
	}
	if (!most)
		return 0;
	bu_give_up(&l->ret->given_up, "%s%s%s was switched off after %.1f s: %" PRId64 " events per second on one CPU are more "
		   "than --max-overhead %" PRId64, ev ? ev->system : "the function tracer", ev ? ":" : "", ev ? ev->name : "",
		   (double)(now_ns() - l->start) / 1e9, rate, l->p->budget.max_rate);
	rc = bu_live_switch_off(l->journal, &l->setup, ev, err);
	return rc ? rc : 1;
}

static int cap_faults(struct live *l, int64_t interval, struct bu_err *err)
{
	struct bu_live_event *ev;
	int64_t rate;
	size_t i;

	for (i = 0; i < l->setup.n; i++) {
		ev = &l->setup.events[i];
		if (!ev->on || !bu_live_is_fault(ev))
			continue;
		rate = (int64_t)l->readers.types[ev->type] * BU_NS_PER_S / interval;
		if (rate <= l->p->budget.max_fault_rate)
			continue;
		bu_give_up(&l->ret->given_up, "%s:%s was switched off after %.1f s: %" PRId64 " page faults per second are more "
			   "than --max-faults %" PRId64, ev->system, ev->name, (double)(now_ns() - l->start) / 1e9, rate,
			   l->p->budget.max_fault_rate);
		return bu_live_switch_off(l->journal, &l->setup, ev, err);
	}
	return 0;
}

static int check_rate(struct live *l, int64_t interval, struct bu_err *err)
{
	int64_t most = 0, rate;
	size_t i;
	int rc = 0;

	if (l->p->budget.max_fault_rate)
		rc = cap_faults(l, interval, err);
	for (i = 0; i < l->readers.n; i++)
		if (l->readers.cpus[i].recent > most)
			most = l->readers.cpus[i].recent;
	rate = most * BU_NS_PER_S / interval;
	if (!rc && l->p->budget.max_rate && rate > l->p->budget.max_rate) {
		rc = thin(l, rate, err);
		if (!rc) {
			l->ret->ended_by = "--max-overhead";
			bu_give_up(&l->ret->given_up, "the recording ended: %" PRId64 " events per second on one CPU, and nothing "
				   "left to switch off", rate);
		}
	}
	bu_readers_calm(&l->readers);
	return rc < 0 ? rc : 0;
}

static void stop_writer(struct live *l)
{
	if (l->writer_pipe >= 0)
		close(l->writer_pipe);
	l->writer_pipe = -1;
	if (!l->writer)
		return;
	kill(l->writer, SIGKILL);	/* its database is whole at any instant, and no longer needed */
	while (waitpid(l->writer, NULL, 0) < 0 && errno == EINTR)
		;
	l->writer = 0;
}

static void check_memory(struct live *l)
{
	int64_t mine, writer;

	if (!l->p->budget.max_rss)
		return;
	mine = bu_rss_bytes(getpid());
	writer = l->writer ? bu_rss_bytes(l->writer) : 0;
	if (mine + writer <= l->p->budget.max_rss)
		return;
	if (writer) {
		stop_writer(l);
		bu_give_up(&l->ret->given_up, "the database stopped growing after %.1f s, to stay below --max-rss; it was made "
			   "after the recording", (double)(now_ns() - l->start) / 1e9);
		return;
	}
	l->ret->ended_by = "--max-rss";
	bu_give_up(&l->ret->given_up, "the recording ended after %.1f s: it took %" PRId64 " MiB, more than --max-rss",
		   (double)(now_ns() - l->start) / 1e9, mine >> 20);
}

static void check_space(struct live *l)
{
	int64_t size = bu_spool_bytes(l->spool), avail = bu_free_bytes(l->folder_fd);

	if (l->p->budget.max_size && size > l->p->budget.max_size) {
		l->ret->ended_by = "--max-size";
		l->leave_rest = true;
		bu_give_up(&l->ret->given_up, "the recording ended after %.1f s: %" PRId64 " KiB were read, more than --max-size",
			   (double)(now_ns() - l->start) / 1e9, size >> 10);
	} else if (l->min_free && avail >= 0 && avail - size < l->min_free) {	/* finishing takes as much again */
		l->ret->ended_by = "--min-free";
		l->leave_rest = true;
		bu_give_up(&l->ret->given_up, "the recording ended after %.1f s: only %" PRId64 " MiB are free, with %" PRId64
			   " KiB recorded", (double)(now_ns() - l->start) / 1e9, avail >> 20, size >> 10);
	}
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static void show_progress(struct live *l, int64_t interval)
{
	int64_t rate = (l->readers.events - l->shown_events) * BU_NS_PER_S / interval;

	l->shown_events = l->readers.events;
	if (l->progress)
		fprintf(stderr, "\r%.0f s: %" PRId64 " events, %" PRId64 "/s, %s%" PRId64 " lost, %.1f MiB \033[K",
			(double)(now_ns() - l->start) / 1e9, l->readers.events, rate, l->readers.uncounted ? "more than " : "",
			l->readers.missed, (double)bu_spool_bytes(l->spool) / 1048576);
}

static int tick(struct live *l, int64_t now, struct bu_err *err)
{
	int64_t interval = now - l->last_tick;
	int rc = 0;

	if (l->p->for_ns && now - l->start >= l->p->for_ns && !l->ret->ended_by)
		l->ret->ended_by = "--for";
	if (now < l->next_tick)
		return 0;
	if (now >= l->next_round) {
		rc = bu_readers_all(&l->readers, l->spool, err);
		if (!rc)
			rc = bu_spool_round(l->spool, err);
		if (!rc && l->writer_pipe >= 0 && write(l->writer_pipe, "r", 1) < 0 && errno == EPIPE) {
			l->ret->writer_died = true;
			close(l->writer_pipe);
			l->writer_pipe = -1;
		}
		l->next_round = now + BU_NS_PER_S * (int64_t)(1 + l->readers.n / ROUND_CPUS);
		if (!rc)
			rc = check_rate(l, interval > 0 ? interval : 1, err);
		show_progress(l, interval > 0 ? interval : 1);
		l->last_tick = now;
	}
	check_memory(l);
	check_space(l);
	l->next_tick = now + TICK_MS * BU_NS_PER_MS;
	return rc;
}

static int wait_ms(const struct live *l, int64_t now)
{
	int64_t until = l->next_tick;

	if (l->p->for_ns && l->start + l->p->for_ns < until)
		until = l->start + l->p->for_ns;
	return until <= now ? 0 : (int)((until - now) / BU_NS_PER_MS) + 1;
}

static int loop(struct live *l, struct bu_err *err)
{
	struct epoll_event ready[64];
	int rc = 0, n, i;

	l->start = l->last_tick = now_ns();
	l->next_tick = l->start + TICK_MS * BU_NS_PER_MS;
	l->next_round = l->start + BU_NS_PER_S;
	while (!rc && !l->ret->ended_by) {
		n = epoll_wait(l->readers.epoll, ready, ARRAY_SIZE(ready), wait_ms(l, now_ns()));
		if (n < 0 && errno != EINTR)
			return bu_fail_errno(err, -errno, "record");
		for (i = 0; !rc && i < n; i++) {
			if (ready[i].data.u64 == SIGNALS)
				look_at_signals(l);
			else
				rc = bu_readers_ready(&l->readers, ready[i].data.u64, ready[i].events, l->spool, err);
		}
		if (!rc)	/* what was read is gone from the kernel: it must not die with this process */
			rc = bu_spool_flush(l->spool, err);
		if (!rc)
			rc = tick(l, now_ns(), err);
	}
	if (l->progress)
		fputs("\r\033[K", stderr);
	return rc;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* A full disk ends the recording as a budget does: what was written is kept. */
static int record(struct live *l, struct bu_err *err)
{
	struct bu_err e = BU_ERR_INIT;
	int rc = loop(l, &e);

	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG) {
		l->ret->ended_by = "a full disk";
		l->leave_rest = true;
		bu_give_up(&l->ret->given_up, "the recording ended: %s", e.text);
		rc = 0;
	}
	if (rc)
		return bu_fail(err, rc, "%s", e.text);
	rc = bu_live_stop(l->journal, &l->setup.fs, &l->readers, l->spool, l->leave_rest, err);
	look_at_signals(l);
	stop_writer(l);
	l->ret->pages = l->readers.pages;
	l->ret->spool_bytes = bu_spool_bytes(l->spool);
	l->ret->marks = l->readers.n_marks;
	l->ret->mounted = l->setup.mounted;
	l->ret->expanded = bu_live_setup_expanded(&l->setup);
	if (l->setup.no_functions)
		l->ret->no_functions = take_ptr(l->setup.no_functions);
	if (!rc)
		rc = bu_live_save(&l->setup.fs, l->journal, &l->readers, l->ret, err);
	return rc;
}

static void release(struct live *l)
{
	stop_writer(l);
	if (l->go >= 0)
		close(l->go);
	bu_readers_fini(&l->readers);
	bu_live_setup_fini(&l->setup);
	bu_spool_close(take_ptr(l->spool));
	if (l->folder_fd >= 0)
		close(l->folder_fd);
}

int bu_live_record(const struct bu_live_params *params, struct bu_live_result *ret, struct bu_err *err)
{
	struct live l = { .p = params, .ret = ret, .readers = { .epoll = -1 }, .signals = -1, .folder_fd = -1, .go = -1,
			  .writer_pipe = -1, .setup = { .fs = { .top = -1, .buffer = -1 } },
			  .progress = isatty(STDERR_FILENO) };
	bool prepared;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = prepare(&l, err);
	prepared = !rc;
	if (!rc)
		rc = record(&l, err);
	release(&l);
	/* From here on nothing of the kernel is needed; whoever recovers finds the trace.dat. */
	if (l.journal && (!rc || !prepared)) {
		int undone = bu_journal_undo(l.journal, !rc, rc ? NULL : err);

		if (!rc)
			rc = undone;
	}
	if (!prepared && l.folder_made)
		bu_remove_folder(l.folder);
	if (!rc)
		rc = bu_live_deliver(l.journal, ret, err);
	if (!rc)
		rc = bu_journal_undo(l.journal, false, err);
	if (rc && prepared)
		bu_fail(err, rc, "'bringup record --recover' tries again");
	bu_journal_close(l.journal);
	if (l.signals >= 0) {	/* until here, so that a second one does not break off what the first one ended */
		look_at_signals(&l);
		close(l.signals);
		sigprocmask(SIG_SETMASK, &l.old_mask, NULL);
	}
	free(l.folder);
	free(l.output);
	free(l.machine);
	return rc;
}
