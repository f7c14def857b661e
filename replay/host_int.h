/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_int.h - one run while it is being made: the machine, the core on it, and what happens written down.
 *
 * Flow: session.c makes a machine and the core's first thread; host.c is what a core calls that is not the machine itself, and
 * takes down intervals and waits; family_NAME.c has what one family of cores is given, and turns the run into rows.
 */
#ifndef BU_REPLAY_HOST_INT_H
#define BU_REPLAY_HOST_INT_H

#include "replay/core.h"
#include "replay/machine/machine.h"
#include "replay/machine/waits.h"
#include "replay/session.h"
#include "schemas/model/run.h"

struct bu_host;

/* What a family brings to a run. */
struct bu_family {
	const char *name;
	const void *ops;	/* struct bu_NAME_ops of replay/core_NAME.h */
	void (*start)(struct bu_host *h);	/* the machine is there, the core's first thread is not; may be NULL */
	/* A wait that took time has ended (end_ns known) or never will (BU_NS_UNKNOWN). */
	void (*waited)(struct bu_host *h, const struct bu_waited *w);
};

struct bu_host {
	struct bu_host_tables tables;
	const struct bu_family *family;
	void *run_of_family;		/* what family_NAME.c keeps of this run */
	struct bu_machine *machine;
	bu_thread control;		/* the core's first thread */
	const struct bu_core_def *core;
	const struct bu_replay_options *options;
	struct bu_replay_result *out;
	void *core_data;
	const char **names;
	size_t n_names, cap_names, cap_intervals, cap_waits, cap_metrics;
	size_t alloc_limit;		/* bytes that the core may ask for */
	int64_t control_end_ns;		/* when the core's control function returned */
	int oom;
};

static inline struct bu_host *host_of(struct bu_machine *m)
{
	return bu_machine_host(m);
}

extern const struct bu_machine_ops *const bu_host_machine_ops;

/* The run ends: the core did what its family's operations forbid. Does not return when called by a thread. */
void host_core_error(struct bu_host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Index of a name in the run's dictionary; @text is copied. */
uint32_t host_name(struct bu_host *h, const char *text);
/* While the run is made, the task of an interval is a bu_thread, 0 for none. */
void host_add_interval(struct bu_host *h, const struct bu_run_interval *v);
int host_name_threads(struct bu_host *h);	/* and from here on an index into names, -1 for none. 0; -ENOMEM */
/* Takes a wait down as a row; @lane and @cpu as reports name them, @cpu -1: for none in particular. Return: its name. */
uint32_t host_add_wait(struct bu_host *h, const struct bu_waited *w, int32_t lane, int32_t cpu);

/* A figure of the run; @unit: static; @cpu -1: of the whole run. */
void host_add_metric(struct bu_host *h, const char *name, const char *unit, int32_t cpu, double value);

/**
 * host_run() - Run h->core on a machine of this configuration (tables, host and callbacks are filled in here) until it ends.
 * @threads: where the control function runs.
 * Fills in of the run: verdict, detail, witness, hash, events, lock statistics, accounts of CPUs (by machine CPU).
 * Return: 0; -ENOMEM, -EAGAIN.
 */
int host_run(struct bu_host *h, struct bu_machine_config *config, struct bu_err *err);
void host_fini(struct bu_host *h);

#endif
