/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * small.h - a capture and a run that are just large enough to touch every way in which the store writes.
 * Flow: small -> the tests of the store.
 */
#ifndef BU_SCHEMAS_STORE_TESTS_SMALL_H
#define BU_SCHEMAS_STORE_TESTS_SMALL_H

#include <stdint.h>

#include "schemas/base/err.h"

#define SMALL_EVENTS 200

/**
 * small_capture(), small_loaded_capture() - Create, fill and finish the capture @path, replacing what is there; by
 * statements, and by pages.
 */
int small_capture(const char *path, struct bu_err *err);
int small_loaded_capture(const char *path, struct bu_err *err);

/**
 * small_run() - Add a run to @path, which is made where it is missing.
 */
int small_run(const char *path, struct bu_err *err);

/**
 * small_check() - Open @path as the store does, check its integrity, count.
 * @ret_rows: rows of ev_func, or of run.
 * Return: 0 or what is wrong with it.
 */
int small_check(const char *path, int64_t *ret_rows, struct bu_err *err);

#endif
