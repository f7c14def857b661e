/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what the fuzz targets share: their entry points, a reader of the input, files that live in memory.
 *
 * A target is a file NAME_fuzz.c in a folder tests/fuzz with the two functions below. `make fuzz` links it with
 * libFuzzer, which makes inputs from those in datasets/fuzz/NAME; `make check` links it with corpus_main.c, which
 * feeds it those inputs and cheap variations of them. A finding is a crash, a report of a sanitizer, a FUZZ_CHECK
 * that does not hold, or an input that takes too long.
 */
#ifndef BU_SCHEMAS_BASE_TESTS_FUZZ_H
#define BU_SCHEMAS_BASE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Called once, before the first input; a target may do without. Return: 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* One input, borrowed. Must leave nothing behind that another input could see. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond) do {									\
	if (!(cond)) {										\
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);	\
		abort();									\
	}											\
} while (0)

struct fuzz_in {
	const uint8_t *p;
	size_t left;
};

/* The next @bytes as a number, lowest byte first; what is missing at the end is 0. */
static inline uint64_t fuzz_num(struct fuzz_in *in, unsigned int bytes)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < bytes && in->left; i++, in->p++, in->left--)
		v |= (uint64_t)*in->p << 8 * i;
	return v;
}

/* A number that is often remarkable: near a limit of some type, or else small, or anything. */
static inline int64_t fuzz_i64(struct fuzz_in *in)
{
	unsigned int how = (unsigned int)fuzz_num(in, 1), bit = how & 63;
	uint64_t near = (uint64_t)1 << bit;

	switch (how >> 6) {
	case 0:
		return (int64_t)fuzz_num(in, 8);
	case 1:
		return (int64_t)(near - 1);
	case 2:
		return (int64_t)(0 - near);
	default:
		return (int64_t)fuzz_num(in, 2);
	}
}

/* A file in memory: rewritten by each fuzz_file_set(), read at @path. */
struct fuzz_file {
	int fd;
	char path[32];
};

static inline void fuzz_file_init(struct fuzz_file *f)
{
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(f->fd >= 0);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

static inline void fuzz_file_set(struct fuzz_file *f, const void *data, size_t len)
{
	FUZZ_CHECK(!ftruncate(f->fd, 0));
	FUZZ_CHECK(pwrite(f->fd, data, len, 0) == (ssize_t)len);
}

/* A fresh folder, in memory where the system has such a place; the caller removes it. @path: room for 64 bytes. */
static inline void fuzz_folder(char *path)
{
	snprintf(path, 64, "%s/bringup-fuzz.XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_CHECK(mkdtemp(path));
}

#endif
