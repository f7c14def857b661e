/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commands_int.h - what the command files of replay share: the arguments of `replay` and the steps that its forms (one
 * run per core, many runs, one run again) have in common.
 */
#ifndef BU_REPLAY_COMMANDS_INT_H
#define BU_REPLAY_COMMANDS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/describe.h"
#include "replay/registry.h"
#include "replay/schedule/hotplug.h"
#include "replay/session.h"
#include "schemas/base/cli.h"

enum { BU_MAX_CORES = 16, BU_GUARD_MS = 2000 };

struct bu_replay_args {
	const char *capture, *hotplug, *text, *pgd, *hang, *events, *clocksource, *model, *params, *out, *machine;
	struct bu_strings set;
	const char *stored_machine, *stored_recorded;	/* of a run that is verified, instead of the two before; or NULL */
	const char *stored_sha256;			/* likewise: of the trace that it replayed */
	int64_t cpus, seed, runs, only, jobs, verify, slot_shift;
	bool json, draw_all;
};

struct bu_replay_job {		/* one core of a call */
	struct bu_core core;
	int64_t *params;
	struct bu_replay_result result;
};

struct bu_replay_input {
	struct bu_hp_schedule recorded;
	struct bu_hp_schedule resized;	/* empty when the recorded size is asked for */
	struct bu_description description;
	bool complete;			/* the capture has lost nothing */
};

extern const struct bu_usage bu_replay_usage;

int bu_cmd_replay(int argc, char **argv);
int bu_cmd_machine(int argc, char **argv);

/**
 * bu_replay_cores() - Open the cores that @args names. Return: -1 to go on, else the exit code of the refusal.
 */
int bu_replay_cores(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n);
void bu_replay_jobs_fini(struct bu_replay_job *jobs, size_t n);

/**
 * bu_replay_load() - The machine, the schedule of the capture, and one of the size asked for.
 * Return: 0; -EINVAL: the machine is described wrongly; as bu_hp_schedule_load().
 */
int bu_replay_load(const struct bu_replay_args *args, struct bu_replay_input *ret, struct bu_err *err);
void bu_replay_input_fini(struct bu_replay_input *in);

/**
 * bu_replay_open() - Open the cores of @family that @list names, with their parameters. Return: as above.
 */
int bu_replay_open(const struct bu_replay_args *args, const char *family, const char *list, struct bu_replay_job *jobs,
		   size_t *n);

/* A parameter that none of the @n cores has is a mistake. Return: as above. */
int bu_replay_check_params(const struct bu_replay_job *jobs, size_t n, const char *params);

/**
 * bu_replay_store() - Add runs to the database @path.
 */
int bu_replay_store(const char *path, const char *command, const struct bu_run *const *runs, size_t n, struct bu_err *err);

/* The other forms of the command; each returns its exit code. */
int bu_replay_many(const struct bu_replay_args *args, const struct bu_replay_input *in, struct bu_replay_job *jobs, size_t n);
int bu_replay_text_cores(const char *command, const struct bu_replay_args *args);
int bu_replay_pgd_folder(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t n);
int bu_replay_pgd_cores(const char *command, const struct bu_replay_args *args);
int bu_replay_clocksource_cores(const char *command, const struct bu_replay_args *args);
int bu_replay_hang_cores(const char *command, const struct bu_replay_args *args);
int bu_replay_verify(struct bu_replay_args *args);

/*
 * One run once more, as @args say; its result is that of jobs[0]. bu_replay_same_capture() refuses a capture that is not the one that
 * the stored run replayed. Return: -1 to go on, else the exit code of the refusal.
 */
int bu_replay_text_again(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n);
int bu_replay_pgd_again(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n);
int bu_replay_clocksource_again(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n);
int bu_replay_hang_again(const struct bu_replay_args *args, struct bu_replay_job *jobs, size_t *n);
int bu_replay_same_capture(const struct bu_replay_args *args, const char *sha256, struct bu_err *err);

#endif
