/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault_vfs.h - a VFS of SQLite, made the default one, that fails a chosen file operation; and the same for the calls
 * of our own that finish a file. For tests called *_fault_test.c, which the Makefile links with -Wl,--wrap for open,
 * fsync and rename. Include it in one file of the test.
 *
 * Operations are opening for writing, write, truncate, sync, and delete, counted from fault_at(). What a failing
 * write leaves in the file is half of what it was to write, as on a disk that is full.
 */
#ifndef BU_SCHEMAS_STORE_TESTS_FAULT_VFS_H
#define BU_SCHEMAS_STORE_TESTS_FAULT_VFS_H

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int __real_open(const char *path, int flags, ...);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_open(const char *path, int flags, ...);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);

static sqlite3_vfs *fault_real;
static long fault_left;		/* operations that still succeed */
static bool fault_armed, fault_for_good, fault_full;
static unsigned long fault_count;

/* Operation @n from now on (0: the next) fails; @for_good: all that follow too; @full: with ENOSPC instead of EIO. */
static inline void fault_at(long n, bool for_good, bool full)
{
	fault_left = n;
	fault_for_good = for_good;
	fault_full = full;
	fault_count = 0;
	fault_armed = true;
}

/* Back to normal. Return: how many operations failed. */
static inline unsigned long fault_stop(void)
{
	fault_armed = false;
	return fault_count;
}

static bool fault_now(void)
{
	if (!fault_armed || fault_left-- > 0)
		return false;
	if (!fault_for_good)
		fault_armed = false;
	fault_count++;
	return true;
}

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_file *fault_inner(sqlite3_file *f)
{
	return ((struct fault_file *)f)->real;
}

static int fault_close(sqlite3_file *f)
{
	sqlite3_file *real = fault_inner(f);
	int rc = real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;

	free(real);
	return rc;
}

static int fault_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return fault_inner(f)->pMethods->xRead(fault_inner(f), to, n, at);
}

static int fault_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	if (fault_now()) {
		fault_inner(f)->pMethods->xWrite(fault_inner(f), from, n / 2, at);
		return fault_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	return fault_inner(f)->pMethods->xWrite(fault_inner(f), from, n, at);
}

static int fault_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fault_now() ? SQLITE_IOERR_TRUNCATE : fault_inner(f)->pMethods->xTruncate(fault_inner(f), size);
}

static int fault_sync(sqlite3_file *f, int flags)
{
	return fault_now() ? SQLITE_IOERR_FSYNC : fault_inner(f)->pMethods->xSync(fault_inner(f), flags);
}

static int fault_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return fault_inner(f)->pMethods->xFileSize(fault_inner(f), ret);
}

static int fault_lock(sqlite3_file *f, int level)
{
	return fault_inner(f)->pMethods->xLock(fault_inner(f), level);
}

static int fault_unlock(sqlite3_file *f, int level)
{
	return fault_inner(f)->pMethods->xUnlock(fault_inner(f), level);
}

static int fault_reserved(sqlite3_file *f, int *ret)
{
	return fault_inner(f)->pMethods->xCheckReservedLock(fault_inner(f), ret);
}

static int fault_control(sqlite3_file *f, int op, void *arg)
{
	return fault_inner(f)->pMethods->xFileControl(fault_inner(f), op, arg);
}

static int fault_sector(sqlite3_file *f)
{
	return fault_inner(f)->pMethods->xSectorSize(fault_inner(f));
}

static int fault_traits(sqlite3_file *f)
{
	return fault_inner(f)->pMethods->xDeviceCharacteristics(fault_inner(f));
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	static const sqlite3_io_methods methods = {
		1, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock,
		fault_unlock, fault_reserved, fault_control, fault_sector, fault_traits, NULL, NULL, NULL, NULL, NULL,
		NULL
	};
	struct fault_file *mine = (struct fault_file *)f;
	int rc;

	(void)vfs;
	mine->base.pMethods = NULL;
	if (flags & SQLITE_OPEN_READWRITE && fault_now())
		return fault_full ? SQLITE_FULL : SQLITE_CANTOPEN;
	mine->real = calloc(1, (size_t)fault_real->szOsFile);
	if (!mine->real)
		return SQLITE_NOMEM;
	rc = fault_real->xOpen(fault_real, name, mine->real, flags, ret_flags);
	if (rc == SQLITE_OK)
		mine->base.pMethods = &methods;
	else
		free(mine->real);
	return rc;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	return fault_now() ? SQLITE_IOERR_DELETE : fault_real->xDelete(fault_real, name, sync);
}

static inline int fault_vfs_register(void)
{
	static sqlite3_vfs vfs;

	if (sqlite3_initialize() != SQLITE_OK)
		return -1;
	fault_real = sqlite3_vfs_find(NULL);
	vfs = *fault_real;
	vfs.zName = "fault";
	vfs.szOsFile = sizeof(struct fault_file);
	vfs.pNext = NULL;
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}

static int fault_errno(void)
{
	errno = fault_full ? ENOSPC : EIO;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	return flags & (O_WRONLY | O_RDWR) && fault_now() ? fault_errno() : __real_open(path, flags, mode);
}

int __wrap_fsync(int fd)
{
	return fault_now() ? fault_errno() : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	return fault_now() ? fault_errno() : __real_rename(from, to);
}

#endif
