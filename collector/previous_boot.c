// SPDX-License-Identifier: GPL-2.0-only
/* previous_boot.c - see previous_boot.h. */
#include "collector/previous_boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/kernel_shift.h"
#include "collector/tracefs_dir.h"
#include "schemas/base/mem.h"

#define INFO "last_boot_info"

static int fail_without(struct bu_err *err)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (!uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 12)))
		return bu_fail(err, -ENOENT, "kernel %s cannot keep a trace buffer over a reboot, that came with 6.12; for hangs: "
			       "ftrace_dump_on_oops and a serial console, which 'bringup import' reads", u.release);
	return bu_fail(err, -ENOENT, "no trace instance of this kernel lies in memory that outlives a reboot; boot with "
		       "reserve_mem= and trace_instance=NAME@..., as 'bringup plan --persistent' prints them");
}

int bu_last_boot_find(int top, char **ret_name, struct bu_err *err)
{
	int fd = openat(top, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ char *found = NULL;
	struct dirent *e;
	char path[300];
	int rc = 0;

	while (d && !rc && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/" INFO, e->d_name);
		if (e->d_name[0] == '.' || faccessat(fd, path, F_OK, 0))
			continue;
		if (found)
			rc = bu_fail(err, -EINVAL, "%s and %s both lie in memory that outlives a reboot; name one with --instance",
				     found, e->d_name);
		else if (!(found = strdup(e->d_name)))
			rc = bu_fail_errno(err, -ENOMEM, "instances");
	}
	if (d)
		closedir(d);
	if (!rc && !found)
		rc = fail_without(err);
	if (!rc)
		*ret_name = take_ptr(found);
	return rc;
}

int bu_last_boot_parse(const char *text, struct bu_last_boot *ret)
{
	char tag[16] = "";

	memset(ret, 0, sizeof(*ret));
	if (sscanf(text, "text delta:\t%" SCNd64, &ret->delta) == 1) {
		ret->has_delta = true;
		return 0;
	}
	if (!strncmp(text, "# Current", strlen("# Current"))) {
		ret->current = true;
		return 0;
	}
	if (sscanf(text, "%" SCNx64 " %15s", &ret->text, tag) == 2 && !strcmp(tag, "[kernel]")) {
		ret->has_text = true;
		return 0;
	}
	return -EPROTO;
}

int64_t bu_last_boot_shift(const struct bu_last_boot *b, const char *kallsyms, size_t len)
{
	static const char text[] = " T _text\n";
	const char *p = b->has_text && kallsyms ? memmem(kallsyms, len, text, strlen(text)) : NULL;

	if (!p)
		return b->delta;
	while (p > kallsyms && p[-1] != '\n')
		p--;
	return (int64_t)(strtoull(p, NULL, 16) - b->text);
}

int bu_last_boot_read(int instance, struct bu_last_boot *ret, struct bu_err *err)
{
	_cleanup_free_ char *text = NULL;
	int rc = bu_read_whole(instance, INFO, &text, NULL);

	if (rc == -ENOENT)
		return bu_fail(err, rc, "this instance does not lie in memory that outlives a reboot");
	if (rc)
		return bu_fail_errno(err, rc, "tracing: " INFO);
	rc = bu_last_boot_parse(text, ret);
	return rc ? bu_fail(err, rc, "tracing: " INFO " says '%.*s', which this version does not know",
			    (int)strcspn(text, "\n"), text) : 0;
}

int bu_last_boot_symbols(const struct bu_last_boot *b, struct bu_formats *formats, const char *path,
			 struct bu_dat_out *out, struct bu_err *err)
{
	const struct bu_dat_text *k = &bu_formats_content(formats)->kallsyms;
	const struct bu_dat_place place = bu_dat_out_place(out);
	int64_t claimed = bu_last_boot_shift(b, k->data, k->len), shift = claimed;
	_cleanup_free_ char *partial = NULL;
	int found = 0, rc;

	if (asprintf(&partial, "%s.partial", path) < 0) {
		partial = NULL;
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	}
	if (k->len && !bu_formats_no_addresses(formats))
		found = bu_kernel_shift_find(partial, place.pages_at, place.page_bytes, k->data, k->len, &shift, err);
	if (found < 0)
		return found;
	bu_formats_shift(formats, shift);
	rc = bu_dat_out_kallsyms(out, k, err);
	return rc ? rc : !found && claimed;
}
