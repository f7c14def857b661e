/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_shift.h - where the kernel lay when it wrote these pages, from the pages themselves.
 *
 * Flow: pages of the boot before, symbols of now -> [kernel_shift] -> symbols of then. last_boot_info is not enough: a
 * buffer that is emptied when a boot begins to use it (update_last_data()) keeps the place of an earlier boot's kernel
 * there, since ring_buffer_reset() does not update it (kernel/trace/ring_buffer.c, 6.12.117; seen).
 */
#ifndef BU_COLLECTOR_KERNEL_SHIFT_H
#define BU_COLLECTOR_KERNEL_SHIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"

/**
 * bu_kernel_shift_find() - How much higher the kernel lies now.
 * @path, @from: file, and where in it pages begin, up to its end. @page_bytes: of the ring buffer's sub-buffers.
 * @kallsyms: lines "address type name", of now.
 * @ret: written when it is found: addresses in the pages are then those of functions, as good as all of them.
 * Return: 1 found; 0 the pages do not tell; negative errno.
 */
int bu_kernel_shift_find(const char *path, uint64_t from, uint32_t page_bytes, const char *kallsyms, size_t len,
			 int64_t *ret, struct bu_err *err);

#endif
