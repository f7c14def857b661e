/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture_db.h - typed writing of a new capture database: one feed per table of events.
 *
 * The importer's last stage. Rows may come in any order; indexes and derived tables are made afterwards. What the
 * columns mean is said once, in schemas/capture.sql.
 */
#ifndef BU_SCHEMAS_STORE_CAPTURE_DB_H
#define BU_SCHEMAS_STORE_CAPTURE_DB_H

#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/model/dict.h"
#include "schemas/model/event.h"
#include "schemas/store/db.h"
#include "schemas/store/load.h"

struct bu_capture_writer;

/**
 * bu_capture_writer_create() - Prepare to fill @db, which was made by bu_db_create() with bu_capture_format. Events may
 * come in any order, and other rows and commits in between.
 * @raw_stamps: keep ts_raw; false where the ring buffer's stamps were nanoseconds already.
 */
int bu_capture_writer_create(struct bu_db *db, bool raw_stamps, struct bu_capture_writer **ret,
			     struct bu_err *err);

/**
 * bu_capture_loader_create() - The same, a few times faster (load.h): events come in order of their ids, and nothing else
 * is done with @db until bu_capture_writer_flush(), which is called once, at the end. The indexes of index.sql are made too.
 * @more: tables that are filled at the same time, by way of bu_capture_load(), where they have numbers from BU_EV_TABLES on.
 */
int bu_capture_loader_create(struct bu_db *db, bool raw_stamps, const struct bu_load_table *more, size_t n_more,
			     struct bu_capture_writer **ret, struct bu_err *err);
struct bu_load *bu_capture_load(const struct bu_capture_writer *w);
void bu_capture_writer_destroy(struct bu_capture_writer *w);
void bu_capture_writer_destroyp(struct bu_capture_writer **w);

/**
 * bu_capture_write_event() - Add one row to the table that @ev->table names. @ev is borrowed for the call. The row is in
 * its table after bu_capture_writer_flush(), which has to come before the writer is destroyed.
 */
int bu_capture_write_event(struct bu_capture_writer *w, const struct bu_event *ev, struct bu_err *err);
int bu_capture_writer_flush(struct bu_capture_writer *w, struct bu_err *err);

/**
 * bu_symbol_base() - How many bytes of @name are the symbol's base.
 */
size_t bu_symbol_base(const char *name);

/**
 * bu_capture_write_symbols(), bu_capture_write_tasks() - Write a dictionary whole. A symbol's base is its name
 * without what compilers append after the first dot.
 */
int bu_capture_write_symbols(struct bu_db *db, const struct bu_dict *symbols, struct bu_err *err);
int bu_capture_write_tasks(struct bu_db *db, const struct bu_dict *tasks, struct bu_err *err);

struct bu_event_kind {
	uint32_t id;
	const char *system, *name;
	enum bu_ev_table table;
	int64_t events;
};

int bu_capture_write_kind(struct bu_db *db, const struct bu_event_kind *kind, struct bu_err *err);

struct bu_loss {
	uint32_t buf;
	int32_t cpu;
	const char *kind;	/* as the CHECK of the table has them */
	int64_t count;		/* these five: BU_NS_UNKNOWN is NULL */
	int64_t after_id, before_id, after_ns, before_ns;
};

int bu_capture_write_loss(struct bu_db *db, const struct bu_loss *loss, struct bu_err *err);

/**
 * bu_capture_note() - Leave an import_note.
 * @severity: "info", "warning" or "error".
 * @count: how often it was seen.
 */
int bu_capture_note(struct bu_db *db, const char *severity, const char *topic, int64_t count,
		    struct bu_err *err, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
