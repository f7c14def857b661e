/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run_db.h - replay's results into a runs.db. Flow: replay/session -> [run_db] -> analyze.
 */
#ifndef BU_SCHEMAS_STORE_RUN_DB_H
#define BU_SCHEMAS_STORE_RUN_DB_H

#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/model/run.h"
#include "schemas/store/db.h"

/**
 * bu_run_db_add() - Store one run in a database opened by bu_db_append(). All or nothing within the caller's
 * transaction.
 * @ret_id: run.id of the new run; may be NULL.
 */
int bu_run_db_add(struct bu_db *db, const struct bu_run *run, int64_t *ret_id, struct bu_err *err);

#endif
