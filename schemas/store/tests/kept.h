/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.h - statements stay prepared from one input of a fuzz target to the next.
 *
 * Making the plan of a statement over the view `timeline` takes longer than all else that an input asks for, and it is
 * SQLite's work, the same for each. Linked with --wrap=sqlite3_prepare_v3,--wrap=sqlite3_finalize; for targets that
 * keep their databases open and leave the schema as it is.
 */
#ifndef BU_SCHEMAS_STORE_TESTS_KEPT_H
#define BU_SCHEMAS_STORE_TESTS_KEPT_H

#include <sqlite3.h>
#include <stdbool.h>

#include "schemas/base/hash.h"
#include "schemas/base/tests/fuzz/fuzz.h"

static struct kept {
	sqlite3_stmt *st;
	uint64_t hash;
	bool busy;
} kept[1024];
static size_t n_kept;

int __real_sqlite3_prepare_v3(sqlite3 *sq, const char *sql, int n, unsigned int flags, sqlite3_stmt **ret, const char **tail);
int __real_sqlite3_finalize(sqlite3_stmt *st);
int __wrap_sqlite3_prepare_v3(sqlite3 *sq, const char *sql, int n, unsigned int flags, sqlite3_stmt **ret, const char **tail);
int __wrap_sqlite3_finalize(sqlite3_stmt *st);

int __wrap_sqlite3_prepare_v3(sqlite3 *sq, const char *sql, int n, unsigned int flags, sqlite3_stmt **ret, const char **tail)
{
	uint64_t hash = bu_hash_u64(bu_hash_str(sql), (uint64_t)(uintptr_t)sq);
	struct kept *k;
	int rc;

	for (k = kept; k < kept + n_kept; k++)
		if (k->hash == hash && !k->busy) {
			k->busy = true;
			*ret = k->st;
			return SQLITE_OK;
		}
	FUZZ_CHECK(n == -1 && !tail && n_kept < sizeof(kept) / sizeof(kept[0]));
	rc = __real_sqlite3_prepare_v3(sq, sql, n, flags, ret, tail);
	if (rc == SQLITE_OK)
		kept[n_kept++] = (struct kept){ *ret, hash, true };
	return rc;
}

int __wrap_sqlite3_finalize(sqlite3_stmt *st)
{
	struct kept *k;

	for (k = kept; k < kept + n_kept && k->st != st; k++)
		;
	if (k == kept + n_kept)
		return __real_sqlite3_finalize(st);
	k->busy = false;
	sqlite3_reset(st);
	return sqlite3_clear_bindings(st);
}

#endif
