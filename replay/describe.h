/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * describe.h - what a machine is, beyond the work that was recorded on it: every parameter with where its value is from.
 *
 * Flow: defaults <- capture <- description file (--machine) <- --set: the later one wins. The parameters are those of
 * BU_HP_MACHINE_FIELDS (replay/core_hotplug.h).
 *
 * A parameter has a value on two machines: `machine.NAME` on the one that is simulated, `recorded.NAME` on the one that
 * was recorded, which is the same unless it is said that it was another one.
 *
 * A description file is text, one parameter per line: `machine.physical_cpus = 2   # where this value is from`.
 */
#ifndef BU_REPLAY_DESCRIBE_H
#define BU_REPLAY_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "replay/core_hotplug.h"
#include "schemas/base/cli.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

enum {
#define BU_HP_MACHINE_INDEX(name, unit, def, min, max, meaning) BU_HP_MACHINE_##name,
	BU_HP_MACHINE_FIELDS(BU_HP_MACHINE_INDEX)
#undef BU_HP_MACHINE_INDEX
	BU_HP_MACHINE_N
};

struct bu_description {
	struct bu_arena arena;		/* owns the texts */
	struct bu_hp_machine machine, recorded;
	const char *source[BU_HP_MACHINE_N];	/* of machine's values; NULL: the default */
	bool recorded_set[BU_HP_MACHINE_N];	/* said of the recorded machine by itself */
};

void bu_describe_init(struct bu_description *d);
void bu_describe_fini(struct bu_description *d);

/**
 * bu_describe_capture() - What a capture says of its machine. Return: 0; errors of the store.
 */
int bu_describe_capture(struct bu_db *db, struct bu_description *d, struct bu_err *err);

/**
 * bu_describe_file() - A description file. Return: 0; -EINVAL with the line that is wrong; errno of reading.
 */
int bu_describe_file(const char *path, struct bu_description *d, struct bu_err *err);

/**
 * bu_describe_set() - "machine.NAME=VALUE" or "recorded.NAME=VALUE". @source: borrowed from here on.
 * Return: 0; -EINVAL: no such parameter, or a value that it cannot have.
 */
int bu_describe_set(struct bu_description *d, const char *assignment, const char *source, struct bu_err *err);

/**
 * bu_describe() - All of these in their order. @capture, @file: may be NULL. @set: borrowed from here on.
 * Return: 0; -EINVAL: @file or @set is wrong; errors of the store, of reading.
 */
int bu_describe(struct bu_db *capture, const char *file, const struct bu_strings *set, struct bu_description *d,
		struct bu_err *err);

/**
 * bu_describe_json() - A machine as stored with a run: {"NAME": value, ...}. Return: to be freed; NULL: out of memory.
 * bu_describe_stored() - Back again. Return: 0; -EINVAL: a parameter that this program does not know, or a value that
 * it cannot have.
 */
char *bu_describe_json(const struct bu_hp_machine *m);
int bu_describe_stored(const char *json, struct bu_hp_machine *m, struct bu_err *err);

/**
 * bu_describe_print() - A line per parameter, in the format of a description file.
 */
void bu_describe_print(const struct bu_description *d, FILE *to);

#endif
