// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader_journal.c - what was there before a boot loader's configuration was changed, as one JSON file.
 *
 * Flow: bootloader.c -> [bootloader_journal] -> disk, before anything else is changed; and back for undoing. Contents are
 * in hexadecimal, since a configuration file may hold any byte.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "collector/bootloader_int.h"

enum { FORMAT = 1 };

static char *to_hex(const struct bu_file_state *s)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(s->len * 2 + 1);
	size_t i;

	if (!hex)
		return NULL;
	for (i = 0; i < s->len; i++) {
		hex[2 * i] = digits[s->data[i] >> 4];
		hex[2 * i + 1] = digits[s->data[i] & 15];
	}
	hex[2 * i] = 0;
	return hex;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int from_hex(const char *hex, struct bu_file_state *s)
{
	size_t i, n = strlen(hex);

	if (n % 2)
		return -EBADMSG;
	s->len = n / 2;
	s->data = malloc(s->len + 1);
	if (!s->data)
		return -ENOMEM;
	for (i = 0; i < s->len; i++) {
		int hi = digit(hex[2 * i]), lo = digit(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EBADMSG;
		s->data[i] = (unsigned char)(hi << 4 | lo);
	}
	s->data[i] = 0;
	return 0;
}

static json_t *state_json(const struct bu_file_state *s)
{
	_cleanup_free_ char *hex = to_hex(s);

	if (!hex)
		return NULL;
	return json_pack("{s:b, s:i, s:i, s:i, s:I, s:s}", "exists", (int)s->exists, "mode",
			 (int)s->mode, "uid", (int)s->uid, "gid", (int)s->gid, "mtime_ns",
			 (json_int_t)s->mtime_ns, "hex", hex);
}

static int state_load(json_t *o, struct bu_file_state *s)
{
	int exists, mode, uid, gid;
	json_int_t mtime;
	const char *hex;

	if (json_unpack(o, "{s:b, s:i, s:i, s:i, s:I, s:s}", "exists", &exists, "mode", &mode,
			"uid", &uid, "gid", &gid, "mtime_ns", &mtime, "hex", &hex))
		return -EBADMSG;
	*s = (struct bu_file_state){ .exists = exists,
				     .mode = (mode_t)mode,
				     .uid = (uid_t)uid,
				     .gid = (gid_t)gid,
				     .mtime_ns = mtime };
	return from_hex(hex, s);
}

int bu_journal_save(const char *root, const struct bu_journal *journal, struct bu_err *err)
{
	struct bu_file_state out = { .exists = true, .mode = 0600 };
	json_t *files = json_array(), *o;
	size_t i;
	int rc;

	for (i = 0; i < journal->n_files; i++) {
		const struct bu_journal_file *f = &journal->files[i];

		json_array_append_new(files,
				      json_pack("{s:s, s:b, s:o, s:o}", "path", f->path, "made_dir",
						(int)f->made_dir, "before", state_json(&f->before),
						"written", state_json(&f->written)));
	}
	o = json_pack("{s:i, s:s, s:b, s:o}", "format", (int)FORMAT, "loader",
		      bu_bootloader_name(journal->kind), "made_dir", (int)journal->made_dir,
		      "files", files);
	out.data = o ? (unsigned char *)json_dumps(o, JSON_INDENT(1)) : NULL;
	json_decref(o);
	if (!out.data)
		return bu_fail_errno(err, -ENOMEM, "write the journal");
	out.len = strlen((char *)out.data);
	rc = bu_file_write(root, BU_BOOTLOADER_JOURNAL, &out, err);
	free(out.data);
	return rc;
}

static int load(json_t *o, struct bu_journal *ret)
{
	json_t *files, *f, *before, *written;
	int format, made_dir;
	const char *loader, *path;
	size_t i;
	int rc;

	if (json_unpack(o, "{s:i, s:s, s:b, s:o}", "format", &format, "loader", &loader, "made_dir",
			&made_dir, "files", &files) ||
	    format != FORMAT || json_array_size(files) > BU_BOOTLOADER_MAX_FILES)
		return -EBADMSG;
	if (!strcmp(loader, bu_bootloader_name(BU_BOOTLOADER_GRUB)))
		ret->kind = BU_BOOTLOADER_GRUB;
	else if (!strcmp(loader, bu_bootloader_name(BU_BOOTLOADER_SYSTEMD_BOOT)))
		ret->kind = BU_BOOTLOADER_SYSTEMD_BOOT;
	else
		return -EBADMSG;
	ret->made_dir = made_dir;
	json_array_foreach(files, i, f)
	{
		struct bu_journal_file *to = &ret->files[i];

		ret->n_files = i + 1;
		if (json_unpack(f, "{s:s, s:b, s:o, s:o}", "path", &path, "made_dir", &made_dir,
				"before", &before, "written", &written) ||
		    path[0] != '/' || strlen(path) >= sizeof(to->path))
			return -EBADMSG;
		memcpy(to->path, path, strlen(path) + 1);
		to->made_dir = made_dir;
		rc = state_load(before, &to->before);
		if (!rc)
			rc = state_load(written, &to->written);
		if (rc)
			return rc;
	}
	return 0;
}

int bu_journal_load(const char *root, struct bu_journal *ret, struct bu_err *err)
{
	_cleanup_(bu_file_state_fini) struct bu_file_state in = { .exists = false };
	json_t *o;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_file_read(root, BU_BOOTLOADER_JOURNAL, &in, err);
	if (rc)
		return rc;
	if (!in.exists)
		return -ENOENT;
	o = json_loadb((char *)in.data, in.len, 0, NULL);
	rc = o ? load(o, ret) : -EBADMSG;
	json_decref(o);
	if (rc)
		return bu_fail(err, rc,
			       "%s%s is damaged; undo by hand what the boot loader has of it", root,
			       BU_BOOTLOADER_JOURNAL);
	return 0;
}

int bu_journal_remove(const char *root, bool made_dir, struct bu_err *err)
{
	static const struct bu_file_state nothing = { .exists = false };
	int rc = bu_file_write(root, BU_BOOTLOADER_JOURNAL, &nothing, err);

	if (!rc && made_dir)
		bu_dir_remove(root, BU_BOOTLOADER_JOURNAL);
	return rc;
}

void bu_journal_fini(struct bu_journal *journal)
{
	size_t i;

	for (i = 0; i < journal->n_files; i++) {
		bu_file_state_fini(&journal->files[i].before);
		bu_file_state_fini(&journal->files[i].written);
	}
	memset(journal, 0, sizeof(*journal));
}
