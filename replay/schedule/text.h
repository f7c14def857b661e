/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - kernel text patching as a recorded boot did it, independent of how: which sites, when, at what cost, and what
 * interrupts came.
 *
 * Flow: capture.db -> [schedule] -> host -> core. Patching at boot is one batch of sites, from alternative_instructions() on;
 * each later one (text_poke_bp_batch()) is a batch of its own. Made up instead of recorded by bu_text_made_up().
 */
#ifndef BU_REPLAY_SCHEDULE_TEXT_H
#define BU_REPLAY_SCHEDULE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/core_text.h"
#include "schemas/base/err.h"
#include "schemas/base/mem.h"
#include "schemas/store/db.h"

/*
 * How long bytes lie in a front end before they are executed: 512 entries of a reorder buffer at 6 per cycle and 2.6 GHz
 * (Golden Cove, Intel Optimization Reference Manual, 2.1).
 */
#define BU_TEXT_AHEAD_NS 33

/* Sites of one batch that were patched by one function, not in one go perhaps. */
struct bu_text_phase {
	const char *name;	/* "apply_returns", or the batch's own */
	int n;
	int64_t ns;		/* time in it, that of interrupts taken out */
	int ticks;		/* timer interrupts recorded in it */
};

struct bu_text_patch {		/* one batch */
	const char *name;
	struct bu_text_batch at;
	bool alone;		/* no other CPU ran yet */
	int64_t start_ns, ns;	/* recorded, since the start of the first batch */
	int first_phase, n_phases;
	int ticks;		/* timer interrupts recorded in it, on any CPU */
	int ipis;		/* do_sync_core() recorded on other CPUs */
	int nmis;
};

/* A site that interrupts execute. */
struct bu_text_risk {
	const char *function;	/* it is in */
	const char *phase;	/* function that patches it; NULL: whichever */
	int64_t rank, of;	/* it is number @rank of the @of sites of the phase; of 0: not known, drawn for each run */
	int len;		/* bytes; 0: as the phase's */
};

struct bu_text_schedule {
	struct bu_arena arena;		/* owns everything below */
	const char *capture_name, *capture_sha256, *kernel_release;
	int32_t cpus;
	struct bu_text_site *sites;
	int64_t *cost_ns;		/* by site */
	uint32_t *phase;		/* likewise */
	int n_sites;
	struct bu_text_phase *phases;
	int n_phases;
	struct bu_text_patch *batches;
	int n_batches;
	struct bu_text_risk *risks;
	int n_risks;
	int n_pairs;			/* the first 2 * n_pairs sites are pairs, of which an interrupt executes one after the other */
	/* The timer interrupt. */
	const char *tick_name;
	int64_t tick_period_ns;		/* 0: the timer does not tick */
	int64_t tick_work_ns;		/* in one of them */
	int64_t tick_first_ns;		/* the first recorded in the first batch, since its start; BU_NS_UNKNOWN */
	int64_t nmi_period_ns;		/* NMIs on every CPU; 0: none */
	int64_t ipi_ns;			/* from sending one to its arrival */
	int64_t ahead_ns;		/* from the fetch of one part of a site to its execution */
	int64_t lead_in_ns;		/* from calibrate_delay() to the first batch */
	bool lpj_known;			/* calibrate_delay() had nothing to wait for */
	const char *figures;		/* those given, as a JSON object: bu_text_made_up() or _change() make the same from them */
};

/**
 * bu_text_schedule_load() - Extract the schedule from a capture.
 * Return: 0; -ENODATA when no patching was traced, with what to trace; errors of the store.
 */
int bu_text_schedule_load(struct bu_db *db, struct bu_text_schedule *ret, struct bu_err *err);

/**
 * bu_text_made_up() - A schedule from "name=value,name=value"; bu_text_made_up_help has the names.
 * Return: 0; -EINVAL with words for the user; -ENOMEM.
 */
int bu_text_made_up(const char *text, struct bu_text_schedule *ret, struct bu_err *err);
extern const char bu_text_made_up_help[];

/**
 * bu_text_change() - Other figures than those recorded, as above, of the names that are not about sites.
 */
int bu_text_change(struct bu_text_schedule *s, const char *text, struct bu_err *err);

/* Whether a CPU that comes between the two stores of a memcpy() executes neither instruction. */
bool bu_text_tearable(const struct bu_text_site *site);

/* A site of the kind that @phase patches, 0: of @len bytes; the source of each kind is in text_kinds.c. */
struct bu_text_site bu_text_kind(const char *phase, int len);

void bu_text_schedule_fini(struct bu_text_schedule *s);

#endif
