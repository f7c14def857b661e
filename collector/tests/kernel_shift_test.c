// SPDX-License-Identifier: GPL-2.0-only
/* kernel_shift_test.c - where a kernel lay, from made-up pages with the addresses of made-up functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/kernel_shift.h"
#include "schemas/base/mem.h"

#define PAGE 4096
#define FUNCTIONS 30000
#define MIB (INT64_C(1) << 20)

static uint64_t function(unsigned int i)	/* sixteen bytes apart or more, over some 20 MiB */
{
	return UINT64_C(0xffffffff9a000000) + i * UINT64_C(2654435761) % (UINT64_C(20) << 16) * 16;
}

static char *symbols(size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		fprintf(f, "%016" PRIx64 " t f%u\n", function(i), i);
	fclose(f);
	return text;
}

/* A page of @n events with two words each, of which the second is the function's address, @shift lower. */
static void write_page(const char *path, unsigned int n, int64_t shift)
{
	FILE *f = fopen(path, "we");
	char page[PAGE] = "";
	uint64_t at = 16, word;
	uint32_t head;
	unsigned int i;

	for (i = 0; i < n; i++) {
		head = 4;	/* type_len in words: 16 bytes of data (include/linux/ring_buffer.h) */
		memcpy(page + at, &head, sizeof(head));
		word = function(i * 977 % FUNCTIONS) - (uint64_t)shift;
		memcpy(page + at + 4 + 8, &word, sizeof(word));
		at += 20;
	}
	word = at - 16;
	memcpy(page + 8, &word, sizeof(word));	/* commit */
	assert_non_null(f);
	assert_int_equal(fwrite(page, 1, PAGE, f), PAGE);	/* what stands before the pages does not matter */
	assert_int_equal(fwrite(page, 1, PAGE, f), PAGE);
	assert_int_equal(fclose(f), 0);
}

static void test_found(void **state)
{
	static const int64_t shifts[] = { 0, 2 * MIB, -456 * MIB, 380 * MIB };
	char path[] = "/tmp/bringup-shift.XXXXXX";
	size_t len = 0, i;
	_cleanup_free_ char *text = symbols(&len);
	int64_t got;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		got = -1;
		write_page(path, 40, shifts[i]);
		assert_int_equal(bu_kernel_shift_find(path, PAGE, PAGE, text, len, &got, NULL), 1);
		assert_true(got == shifts[i]);
	}
	write_page(path, 40, 3 * MIB);	/* nowhere that a kernel can lie */
	assert_int_equal(bu_kernel_shift_find(path, PAGE, PAGE, text, len, &got, NULL), 0);
	write_page(path, 2, 2 * MIB);	/* too little to be sure */
	assert_int_equal(bu_kernel_shift_find(path, PAGE, PAGE, text, len, &got, NULL), 0);
	write_page(path, 0, 0);
	assert_int_equal(bu_kernel_shift_find(path, PAGE, PAGE, text, len, &got, NULL), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_found) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
