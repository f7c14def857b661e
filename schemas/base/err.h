/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * err.h - one error as a value: a negative errno for the machine, a chain of words for the human.
 *
 * Stands below everything. Functions that can fail take `struct bu_err *err` and return 0 or a negative
 * errno; the message grows from the inside out, "replay a.db: open: No such file or directory". A bu_err
 * is plain memory of the caller: nothing is allocated, so running out of memory can be reported too.
 */
#ifndef BU_SCHEMAS_BASE_ERR_H
#define BU_SCHEMAS_BASE_ERR_H

#define BU_ERR_LEN 512

struct bu_err {
	int code;		/* 0, or the negative errno of the first failure */
	char text[BU_ERR_LEN];	/* "" or the message chain, always terminated */
};

#define BU_ERR_INIT { 0, "" }

/**
 * bu_fail() - Record a failure, or put words in front of one that is already recorded.
 * @err: where to; may be NULL when nobody wants the words.
 * @code: negative errno; 0 means -EIO.
 * @fmt: what was being done, printf-style. With an empty @err and a @fmt that does not itself explain
 *       the cause, use bu_fail_errno() so that strerror() is appended.
 * Return: the negative errno now in @err, so that `return bu_fail(...)` works.
 */
int bu_fail(struct bu_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * bu_fail_errno() - Like bu_fail(), with ": strerror(code)" appended. For failures of the system itself.
 */
int bu_fail_errno(struct bu_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * bu_assert_failed() - A caller's bug: says where and aborts. Bad input never comes here.
 */
void bu_assert_failed(const char *id, const char *cond, const char *file, int line)
	__attribute__((noreturn));

#define BU_ASSERT(id, cond) \
	((cond) ? (void)0 : bu_assert_failed(id, #cond, __FILE__, __LINE__))

#endif
