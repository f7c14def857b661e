/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * previous_boot.h - trace buffers in memory that outlives a reset: what the boot before left there.
 *
 * Such an instance is made on the kernel command line (trace_instance=NAME@MEMORY, 6.12 and later) and has a file
 * last_boot_info. Its events stay until something is switched on in it: where the kernel then lies elsewhere (KASLR) it
 * empties the buffer first, and where it does not, the new events are written behind the old ones (update_last_data(),
 * kernel/trace/trace.c, 6.12). So nothing is written to the instance here, and nothing may have been before.
 */
#ifndef BU_COLLECTOR_PREVIOUS_BOOT_H
#define BU_COLLECTOR_PREVIOUS_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/tracefs_formats.h"
#include "schemas/base/err.h"

/* Where the kernel lay in that boot. */
struct bu_last_boot {
	bool has_delta;
	int64_t delta;		/* an address now minus the same one then */
	bool has_text;
	uint64_t text;		/* address of _text then */
	bool current;		/* something was switched on since: this is the boot that runs */
};

/**
 * bu_last_boot_find() - The one instance with a buffer of that kind.
 * @top: the tracefs folder. @ret_name: owned by the caller.
 * Return: 0; -ENOENT when there is none, with what to do; -EINVAL when there are several.
 */
int bu_last_boot_find(int top, char **ret_name, struct bu_err *err);

/**
 * bu_last_boot_read() - Read last_boot_info of the instance folder @instance.
 * Return: 0; -ENOENT when it is no such instance; -EPROTO when the file is of a form not known.
 */
int bu_last_boot_read(int instance, struct bu_last_boot *ret, struct bu_err *err);

/**
 * bu_last_boot_shift() - How much higher the kernel lies now, by what was read.
 * @kallsyms: lines "address type name", of now.
 */
int64_t bu_last_boot_shift(const struct bu_last_boot *b, const char *kallsyms, size_t len);

/**
 * bu_last_boot_symbols() - Give @out the symbols of @formats as that boot had them: by the addresses in the pages, and
 * where those do not tell by @b.
 * @path: of the file that @out writes.
 * Return: 0; 1: by @b alone, which may speak of an earlier boot; negative errno.
 */
int bu_last_boot_symbols(const struct bu_last_boot *b, struct bu_formats *formats, const char *path,
			 struct bu_dat_out *out, struct bu_err *err);

/**
 * bu_last_boot_parse() - The same from its text: "text delta:\tN\ndata delta:\tN" (6.12), or "HEX\t[kernel]", the address of
 * _text, with modules in further lines, or "# Current" (6.15 and later). Return: 0 or -EPROTO.
 */
int bu_last_boot_parse(const char *text, struct bu_last_boot *ret);

#endif
