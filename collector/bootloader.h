/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bootloader.h - puts a plan's parameters where the boot loader finds them, and takes them away again.
 *
 * Stands behind plan.h: the only part of the planner that changes a machine, and only when told so. What it may touch is
 * one drop-in of grub, or one entry of its own of systemd-boot; grub's menu is grub's own to write.
 *
 * What always holds:
 * (1) Nothing is touched before the journal, which says how everything was, is safely on disk.
 * (2) With the journal, bu_bootloader_undo() gives back the state before, byte for byte with mode and owner, whether the
 *     change was made whole, in part or not at all; and it may itself be stopped anywhere and called again.
 * (3) The journal goes last.
 * (4) A file that somebody else changed since is not touched; the message says so.
 */
#ifndef BU_COLLECTOR_BOOTLOADER_H
#define BU_COLLECTOR_BOOTLOADER_H

#include <stdbool.h>

#include "schemas/base/err.h"
#include "schemas/base/mem.h"

#define BU_BOOTLOADER_JOURNAL "/var/lib/bringup/bootloader.journal"

enum bu_bootloader_kind {
	BU_BOOTLOADER_ANY,	/* find out */
	BU_BOOTLOADER_GRUB,
	BU_BOOTLOADER_SYSTEMD_BOOT,
};

struct bu_bootloader_request {
	const char *root;		/* folder that stands for /, without a slash at its end; "" is the machine itself */
	enum bu_bootloader_kind kind;
	const char *add;		/* the parameters */
	const char *release;		/* systemd-boot: the kernel whose entry is copied */
	const char *entry;		/* systemd-boot: the file name of that entry; NULL: the one of @release */
};

struct bu_bootloader_change {
	enum bu_bootloader_kind kind;
	char path[512];			/* what was written, seen from inside the root; "" when there was nothing to undo */
	char next[640];			/* what to do now, in words */
};

/**
 * bu_bootloader_apply() - Write the journal and then the change.
 * Return: 0; -EEXIST when there already is a change that was not undone; -ENOENT when no boot loader is known here;
 * -ENOTUNIQ when there is more than one; -EINVAL when the parameters or the configuration cannot be used; other negative
 * errno of the system. @err says what to do. After a failure nothing is left changed.
 */
int bu_bootloader_apply(const struct bu_bootloader_request *request, struct bu_bootloader_change *ret,
			struct bu_err *err);

/**
 * bu_bootloader_present() - The kernel command line that the boot loader below the root has for @request->release now
 * (grub: as its menu says, systemd-boot: as the entry does). Of the request, @add is not looked at.
 * @ret: to be freed.
 * Return: 0; -ENOENT, -ENOTUNIQ or -EINVAL as for bu_bootloader_apply(), or when there is no such kernel; other negative
 * errno of the system.
 */
int bu_bootloader_present(const struct bu_bootloader_request *request, char **ret, struct bu_err *err);

/**
 * bu_bootloader_undo() - Give back what was before bu_bootloader_apply().
 * @root: as in the request.
 * Return: 0, also when there was nothing to undo (@ret->path is ""); -EBUSY when a file was changed by somebody else;
 * -EBADMSG when the journal is damaged; other negative errno of the system.
 */
int bu_bootloader_undo(const char *root, struct bu_bootloader_change *ret, struct bu_err *err);

/**
 * bu_bootloader_update_grub() - Have grub write its menu anew: update-grub, or grub-mkconfig where that is missing.
 * @root: as in the request; another root than the machine's own is entered by chroot(2).
 * Return: 0; -EIO when the command failed; -ENOENT when there is none.
 */
int bu_bootloader_update_grub(const char *root, struct bu_err *err);

/**
 * bu_bootloader_name() - "grub" or "systemd-boot". Static.
 */
const char *bu_bootloader_name(enum bu_bootloader_kind kind);

#endif
