/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * live_setup.h - an instance of one's own, with the events and functions that were asked for; tracing still off.
 *
 * Flow: command line -> [live_setup] -> live_record. Writes only into that instance, and through the journal.
 */
#ifndef BU_COLLECTOR_LIVE_SETUP_H
#define BU_COLLECTOR_LIVE_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/journal.h"
#include "collector/tracefs_dir.h"
#include "schemas/base/cli.h"
#include "schemas/base/err.h"

struct bu_live_wish {
	const char *profile;			/* NULL: only what follows */
	const struct bu_strings *events;	/* SYSTEM:EVENT, SYSTEM:*, SYSTEM or EVENT, with * and ? */
	const struct bu_strings *functions;	/* patterns of the function tracer's filter */
	const char *clock;			/* NULL: boot, or for profile clock what counts the TSC, where there is that */
	int64_t buffer_bytes;			/* per CPU; 0: the kernel's own */
	bool user_faults;
};

struct bu_live_event {
	char *system, *name;
	uint32_t type;		/* common_type of its records */
	bool on;
};

struct bu_live_setup {
	struct bu_tracefs fs;		/* buffer: the instance */
	const char *instance;		/* owned by the journal */
	struct bu_live_event *events;
	size_t n, cap;
	bool mounted;			/* tracefs had to be mounted */
	bool functions;			/* the function tracer is on */
	char *no_functions;		/* why the profile's functions are not traced, or NULL */
	char *set_event;		/* the events, a line each */
	char *top_size;			/* buffer_size_kb of the top level as it was before; NULL: not known */
};

/**
 * bu_live_setup() - Make the instance and set it up.
 * @ret: filled in; bu_live_setup_fini() whatever is returned. Undoing is the journal's.
 * Return: 0; -ENOENT when an event does not exist; -ENOMEM when the instance would take more than a quarter of the free
 * memory; others of the system.
 */
int bu_live_setup(struct bu_journal *j, const struct bu_live_wish *wish, struct bu_live_setup *ret, struct bu_err *err);
void bu_live_setup_fini(struct bu_live_setup *s);

/**
 * bu_live_setup_expanded() - Whether the kernel gave the top-level buffer its full size meanwhile. That is not a change of
 * a setting, but it takes memory, and buffer_size_kb shows it.
 */
bool bu_live_setup_expanded(const struct bu_live_setup *s);

/**
 * bu_live_switch_off() - No more of this event; NULL: of the function tracer.
 */
int bu_live_switch_off(struct bu_journal *j, struct bu_live_setup *s, struct bu_live_event *ev, struct bu_err *err);

/**
 * bu_live_is_fault() - Is it one of the events of page faults?
 */
bool bu_live_is_fault(const struct bu_live_event *ev);

#endif
