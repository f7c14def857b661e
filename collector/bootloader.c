// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader.c - see bootloader.h: finds the boot loader, makes its change, and takes it back.
 *
 * Flow: plan.c -> cmd_plan.c -> [bootloader] -> bootloader_grub.c or bootloader_entry.c, with the journal beside it all.
 *
 *   nothing --journal on disk--> announced --file renamed--> applied
 *      ^                            |                          |
 *      +--------- undo: file as it was, folder gone, journal gone
 */
#include "collector/bootloader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/bootloader_int.h"

const char *bu_bootloader_name(enum bu_bootloader_kind kind)
{
	return kind == BU_BOOTLOADER_SYSTEMD_BOOT ? "systemd-boot" : "grub";
}

/* ---- which boot loader ---- */

static int detect(const char *root, enum bu_bootloader_kind *ret, struct bu_err *err)
{
	bool grub = bu_grub_here(root), sd = bu_entry_loader_here(root);

	if (grub && sd)
		return bu_fail(
			err, -ENOTUNIQ,
			"both grub and systemd-boot are here; say which one starts this machine: "
			"--loader grub or --loader systemd-boot");
	if (!grub && !sd)
		return bu_fail(err, -ENOENT,
			       "no boot loader that is known here (grub, systemd-boot); add the "
			       "parameters "
			       "to the kernel command line by hand");
	*ret = grub ? BU_BOOTLOADER_GRUB : BU_BOOTLOADER_SYSTEMD_BOOT;
	return 0;
}

/* The parameters go into files that shells and boot loaders read: nothing in them may mean something there. */
static int check_parameters(const char *add, struct bu_err *err)
{
	const char *c;

	for (c = add; *c; c++)
		if (*c < ' ' || *c > '~' || strchr("\"'\\$`;&|<>(){}#!~", *c))
			return bu_fail(err, -EINVAL,
				       "a boot loader's file cannot hold the character '%c' "
				       "(0x%02x) of the "
				       "parameters",
				       *c < ' ' || *c > '~' ? '?' : *c, (unsigned char)*c);
	return 0;
}

/* ---- apply and undo ---- */

static void say_next(struct bu_bootloader_change *c, const char *root, bool applied)
{
	const char *name = strrchr(c->path, '/');

	if (c->kind == BU_BOOTLOADER_GRUB)
		snprintf(c->next, sizeof(c->next), "%s%s%s",
			 *root ? "run update-grub inside " : "run update-grub", root,
			 applied ? ", then reboot" : "");
	else if (applied)
		snprintf(c->next, sizeof(c->next),
			 "start it once with: systemctl reboot --boot-loader-entry=%s",
			 name ? name + 1 : c->path);
	else
		c->next[0] = 0;
}

static int write_all(const char *root, struct bu_journal *j, struct bu_err *err)
{
	bool made;
	size_t i;
	int rc = 0;

	for (i = 0; i < j->n_files && !rc; i++) {
		rc = bu_dir_make(root, j->files[i].path, false, &made, err);
		if (!rc)
			rc = bu_file_write(root, j->files[i].path, &j->files[i].written, err);
	}
	return rc;
}

static int undo(const char *root, struct bu_journal *j, struct bu_err *err)
{
	size_t i;
	int rc;

	/* Look at all before touching any. */
	for (i = 0; i < j->n_files; i++) {
		_cleanup_(bu_file_state_fini) struct bu_file_state now = { .exists = false };

		rc = bu_file_read(root, j->files[i].path, &now, err);
		if (rc)
			return rc;
		if (!bu_file_same(&now, &j->files[i].written) &&
		    !bu_file_same(&now, &j->files[i].before))
			return bu_fail(err, -EBUSY,
				       "%s%s was changed by somebody else since; make it what you "
				       "want, or remove it, "
				       "and then remove %s%s",
				       root, j->files[i].path, root, BU_BOOTLOADER_JOURNAL);
	}
	for (i = j->n_files; i > 0; i--) {
		rc = bu_file_write(root, j->files[i - 1].path, &j->files[i - 1].before, err);
		if (rc)
			return rc;
		if (j->files[i - 1].made_dir)
			bu_dir_remove(root, j->files[i - 1].path);
	}
	return bu_journal_remove(root, j->made_dir, err);
}

int bu_bootloader_apply(const struct bu_bootloader_request *r, struct bu_bootloader_change *ret,
			struct bu_err *err)
{
	_cleanup_(bu_journal_fini) struct bu_journal j = { .kind = r->kind },
						     old = { .kind = r->kind };
	struct bu_journal_file *f = &j.files[0];
	struct bu_err ignored = BU_ERR_INIT;
	char dir[BU_BOOTLOADER_PATH];
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_journal_load(r->root, &old, err);
	if (!rc)
		return bu_fail(err, -EEXIST,
			       "a change of the boot loader is in place already (%s%s); run "
			       "`bringup plan --undo` first",
			       r->root, BU_BOOTLOADER_JOURNAL);
	if (rc != -ENOENT)
		return rc;
	rc = check_parameters(r->add, err);
	if (!rc && j.kind == BU_BOOTLOADER_ANY)
		rc = detect(r->root, &j.kind, err);
	if (rc)
		return rc;
	j.n_files = 1;
	rc = j.kind == BU_BOOTLOADER_GRUB ? bu_grub_plan(r, f, err) : bu_entry_plan(r, f, err);
	if (!rc)
		rc = bu_file_read(r->root, f->path, &f->before, err);
	if (rc)
		return rc;
	if (f->before.exists) { /* it stays whose it was */
		f->written.mode = f->before.mode;
		f->written.uid = f->before.uid;
		f->written.gid = f->before.gid;
	}
	snprintf(dir, sizeof(dir), "%s", f->path);
	*strrchr(dir, '/') = 0;
	f->made_dir = !bu_root_exists(r->root, dir);
	rc = bu_dir_make(r->root, BU_BOOTLOADER_JOURNAL, true, &j.made_dir, err);
	if (!rc)
		rc = bu_journal_save(r->root, &j, err);
	if (rc) {
		bu_journal_remove(r->root, j.made_dir, &ignored);
		return rc;
	}
	rc = write_all(r->root, &j, err);
	if (rc) {
		undo(r->root, &j, &ignored);
		return rc;
	}
	ret->kind = j.kind;
	snprintf(ret->path, sizeof(ret->path), "%s", f->path);
	say_next(ret, r->root, true);
	return 0;
}

int bu_bootloader_present(const struct bu_bootloader_request *r, char **ret, struct bu_err *err)
{
	enum bu_bootloader_kind kind = r->kind;
	int rc = kind == BU_BOOTLOADER_ANY ? detect(r->root, &kind, err) : 0;

	if (rc)
		return rc;
	return kind == BU_BOOTLOADER_GRUB ? bu_grub_present(r, ret, err) : bu_entry_present(r, ret, err);
}

int bu_bootloader_undo(const char *root, struct bu_bootloader_change *ret, struct bu_err *err)
{
	_cleanup_(bu_journal_fini) struct bu_journal j = { .kind = BU_BOOTLOADER_ANY };
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_journal_load(root, &j, err);
	if (rc ==
	    -ENOENT) /* perhaps stopped before the journal was whole: nothing else was touched then */
		return bu_root_exists(root, BU_BOOTLOADER_JOURNAL ".partial")
			       ? bu_journal_remove(root, false, err)
			       : 0;
	if (rc)
		return rc;
	ret->kind = j.kind;
	if (j.n_files)
		snprintf(ret->path, sizeof(ret->path), "%s", j.files[0].path);
	rc = undo(root, &j, err);
	if (!rc)
		say_next(ret, root, false);
	return rc;
}
