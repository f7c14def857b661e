// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader_entry.c - systemd-boot: a boot entry with a plan's parameters, and the line that an entry has.
 *
 * Flow: bootloader.c -> [bootloader_entry] -> loader/entries
 *
 * An entry of its own beside the one of that kernel (UAPI group, Boot Loader Specification 1.0: any number of `options`
 * lines, joined by blanks), to be started once by name. Neither /etc/kernel/cmdline, which would reach every kernel
 * installed from now on, nor the default entry is touched: a boot that hangs is left by switching off and on.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/bootloader_int.h"

static const char *const boot_folders[] = { "/boot", "/efi", "/boot/efi" };

bool bu_entry_loader_here(const char *root)
{
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(boot_folders); i++) {
		_cleanup_(bu_closedirp) DIR *d = NULL;
		struct dirent *e;

		snprintf(path, sizeof(path), "%s/EFI/systemd", boot_folders[i]);
		d = bu_root_opendir(root, path);
		while (d && (e = readdir(d)) != NULL)
			if (!fnmatch("systemd-boot*.efi", e->d_name, FNM_CASEFOLD))
				return true;
	}
	return false;
}

/*
 * The next value of @key in an entry or in loader.conf, from @pos on, which is moved behind it; false when there is none.
 */
static bool next_value(const char **pos, const char *key, char *value, size_t size)
{
	const char *line = *pos, *end;
	size_t n = strlen(key);

	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		line += strspn(line, " \t");
		if (strncmp(line, key, n) || (line[n] != ' ' && line[n] != '\t'))
			continue;
		line += n + strspn(line + n, " \t");
		snprintf(value, size, "%.*s", (int)(end > line ? end - line : 0), line);
		n = strlen(value);
		while (n && strchr(" \t\r", value[n - 1]))
			value[--n] = 0;
		*pos = *end ? end + 1 : end;
		return true;
	}
	return false;
}

static bool entry_value(const struct bu_file_state *s, const char *key, char *value, size_t size)
{
	const char *pos = (const char *)s->data;

	return next_value(&pos, key, value, size);
}

struct entry {
	char folder[64]; /* "/boot/loader" */
	char name[256];	 /* of the file, in folder/entries */
	struct bu_file_state state;
};

static void entry_fini(struct entry *e)
{
	bu_file_state_fini(&e->state);
}

static bool wanted(const struct bu_bootloader_request *r, const char *name,
		   const struct bu_file_state *s)
{
	char version[128];

	if (r->entry)
		return !strcmp(name, r->entry);
	return entry_value(s, "version", version, sizeof(version)) && !strcmp(version, r->release);
}

static int find_entry(const struct bu_bootloader_request *r, struct entry *ret, struct bu_err *err)
{
	char folder[64], path[BU_BOOTLOADER_PATH];
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(boot_folders); i++) {
		_cleanup_(bu_closedirp) DIR *d = NULL;
		struct dirent *e;

		snprintf(folder, sizeof(folder), "%s/loader", boot_folders[i]);
		snprintf(path, sizeof(path), "%s/entries", folder);
		d = bu_root_opendir(r->root, path);
		while (d && (e = readdir(d)) != NULL) {
			_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };

			if (fnmatch("*.conf", e->d_name, 0) ||
			    !fnmatch("*-bringup.conf", e->d_name, 0) ||
			    (size_t)snprintf(path, sizeof(path), "%s/entries/%s", folder,
					     e->d_name) >= sizeof(path))
				continue;
			rc = bu_file_read(r->root, path, &s, err);
			if (rc)
				return rc;
			if (!s.exists || !wanted(r, e->d_name, &s))
				continue;
			if (ret->state.exists)
				return bu_fail(err, -ENOTUNIQ,
					       "both %s and %s are entries of kernel %s; choose "
					       "one with --entry",
					       ret->name, e->d_name, r->release);
			snprintf(ret->folder, sizeof(ret->folder), "%s", folder);
			snprintf(ret->name, sizeof(ret->name), "%s", e->d_name);
			ret->state = s;
			s = (struct bu_file_state){ .exists = false };
		}
	}
	if (ret->state.exists)
		return 0;
	if (r->entry)
		return bu_fail(err, -EINVAL, "there is no boot entry %s; `bootctl list` shows them",
			       r->entry);
	return bu_fail(err, -EINVAL,
		       "no boot entry is for kernel %s; name one with --entry (a unified kernel "
		       "image has its "
		       "parameters inside and needs to be built anew)",
		       r->release);
}

/*
 * The copy must not become what is started by default. An entry with a sort-key stands behind those with a smaller one;
 * without sort-keys the order depends on file names, so there loader.conf has to say what the default is.
 */
static int check_default(const struct bu_bootloader_request *r, const struct entry *e,
			 const char *name, bool sorted, struct bu_err *err)
{
	_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };
	char path[BU_BOOTLOADER_PATH], pattern[256];
	int rc;

	snprintf(path, sizeof(path), "%s/loader.conf", e->folder);
	rc = bu_file_read(r->root, path, &s, err);
	if (rc)
		return rc;
	/* "@saved" and its like name no entry. */
	if (!s.exists || !entry_value(&s, "default", pattern, sizeof(pattern)) ||
	    pattern[0] == '@') {
		if (sorted)
			return 0;
		return bu_fail(err, -EINVAL,
			       "%s names no default and the entries have no sort-key, so a new "
			       "entry might "
			       "become the default; add a line `default %s` first",
			       path, e->name);
	}
	if (!fnmatch(pattern, name, FNM_CASEFOLD))
		return bu_fail(err, -EINVAL,
			       "`default %s` of %s would also mean the new entry %s; name the "
			       "default in full "
			       "first",
			       pattern, path, name);
	return 0;
}

/* The copy: title and sort-key changed, the parameters in a line of their own. Lines it does not know stay. */
static char *copy_entry(const struct bu_file_state *s, const char *add, bool *ret_sorted)
{
	char *text = NULL;
	const char *line = (const char *)s->data, *end;
	size_t size = 0, n;
	FILE *to = open_memstream(&text, &size);

	*ret_sorted = false;
	if (!to)
		return NULL;
	for (; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		n = (size_t)(end - line);
		while (n && line[n - 1] == '\r')
			n--;
		if (!strncmp(line, "title", 5) && strchr(" \t", line[5])) {
			fprintf(to, "%.*s (bringup: traced)\n", (int)n, line);
		} else if (!strncmp(line, "sort-key", 8) && strchr(" \t", line[8])) {
			fprintf(to, "sort-key zz-bringup\n");
			*ret_sorted = true;
		} else {
			fprintf(to, "%.*s\n", (int)n, line);
		}
	}
	fprintf(to, "options %s\n", add);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

int bu_entry_plan(const struct bu_bootloader_request *r, struct bu_journal_file *f, struct bu_err *err)
{
	_cleanup_(entry_fini) struct entry e = { .folder = "" };
	char stem[256], name[272], value[16];
	bool sorted;
	char *text;
	int rc;

	rc = find_entry(r, &e, err);
	if (rc)
		return rc;
	if (!entry_value(&e.state, "linux", value, sizeof(value)))
		return bu_fail(err, -EINVAL,
			       "entry %s starts a unified kernel image, whose parameters are "
			       "inside; build the "
			       "image anew with the parameters",
			       e.name);
	/* "NAME+3-1.conf" counts boots; the copy is started by hand and does not. */
	snprintf(stem, sizeof(stem), "%s", e.name);
	stem[strcspn(stem, "+")] = 0;
	if (strlen(stem) > 5 && !strcmp(stem + strlen(stem) - 5, ".conf"))
		stem[strlen(stem) - 5] = 0;
	snprintf(name, sizeof(name), "%s-bringup.conf", stem);
	if ((size_t)snprintf(f->path, sizeof(f->path), "%s/entries/%s", e.folder, name) >=
	    sizeof(f->path))
		return bu_fail(err, -ENAMETOOLONG, "%s: the name is too long", e.name);
	text = copy_entry(&e.state, r->add, &sorted);
	if (!text)
		return bu_fail_errno(err, -ENOMEM, "copy a boot entry");
	f->written = (struct bu_file_state){ .exists = true,
					     .mode = e.state.mode,
					     .uid = e.state.uid,
					     .gid = e.state.gid,
					     .data = (unsigned char *)text,
					     .len = strlen(text) };
	return check_default(r, &e, name, sorted, err);
}

int bu_entry_present(const struct bu_bootloader_request *r, char **ret, struct bu_err *err)
{
	_cleanup_(entry_fini) struct entry e = { .folder = "" };
	char options[BU_BOOTLOADER_LINE];
	const char *pos;
	size_t size;
	FILE *to;
	int rc;

	rc = find_entry(r, &e, err);
	if (rc)
		return rc;
	to = open_memstream(ret, &size);
	if (!to)
		return bu_fail_errno(err, -ENOMEM, "read entry %s", e.name);
	for (pos = (const char *)e.state.data; next_value(&pos, "options", options, sizeof(options));)
		fprintf(to, "%s%s", ftell(to) ? " " : "", options);
	return fclose(to) ? bu_fail_errno(err, -ENOMEM, "read entry %s", e.name) : 0;
}
