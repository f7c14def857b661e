/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_int.h - what the two readers behind query.h share: growing the model row by row.
 */
#ifndef BU_ANALYZE_QUERY_INT_H
#define BU_ANALYZE_QUERY_INT_H

#include "analyze/query.h"
#include "schemas/store/db.h"

/* A boot while it is being read: capacities of its arrays, and the zero of its times. */
struct bu_boot_builder {
	struct bu_boot *boot;
	struct bu_db *db;
	int64_t base_ns;		/* subtracted from every time of the file */
	size_t cap_cpu, cap_interval, cap_step, cap_wait, cap_figure, cap_op, cap_op_step, cap_loss, cap_note, cap_rendezvous;
	unsigned int last_step;		/* index of the step looked up last: steps come in order */
};

/**
 * bu_boot_read_capture() - Fill an empty boot from the capture behind @b->db.
 */
int bu_boot_read_capture(struct bu_boot_builder *b, struct bu_err *err);

/**
 * bu_boot_read_run() - Fill an empty boot from the run with id @run.
 */
int bu_boot_read_run(struct bu_boot_builder *b, int64_t run, struct bu_err *err);

/**
 * bu_boot_add_interval() - Append an interval; @start_ns and @end_ns as the file has them. The step is looked
 * up by (phase, nr, name) and added when new; @name is copied. One without a beginning is left out.
 */
int bu_boot_add_interval(struct bu_boot_builder *b, int lane, int cpu, enum bu_phase phase, int nr,
			 const char *name, int64_t start_ns, int64_t end_ns, enum bu_outcome outcome,
			 struct bu_err *err);

/**
 * bu_boot_add_cpu() - Append a CPU with everything unknown; the pointer is good until the next call.
 * CPUs must come in ascending order. Return: NULL when memory is out, with @err set.
 */
struct bu_boot_cpu *bu_boot_add_cpu(struct bu_boot_builder *b, int cpu, struct bu_err *err);

/**
 * bu_boot_text() - Column @col of @st copied into the boot's arena; NULL for NULL.
 * @rc: set to -ENOMEM with @err when memory is out, else left alone.
 */
const char *bu_boot_text(struct bu_boot_builder *b, struct bu_stmt *st, int col, int *rc, struct bu_err *err);

/**
 * bu_boot_ns() - Column @col of @st relative to the zero of the boot; BU_NS_UNKNOWN for NULL.
 */
int64_t bu_boot_ns(const struct bu_boot_builder *b, struct bu_stmt *st, int col);

/**
 * bu_outcome_parse() - 'ok', 'failed', 'open' or 'lost'; anything else counts as lost.
 */
enum bu_outcome bu_outcome_parse(const char *word);

/**
 * bu_phase_parse() - The phase called @word; false when there is none.
 */
bool bu_phase_parse(const char *word, enum bu_phase *ret);

#endif
