// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader_grub.c - grub: the drop-in that adds a plan's parameters, the line that is there, and update-grub.
 *
 * Flow: bootloader.c -> [bootloader_grub] -> /etc/default/grub.d
 *
 * Debian's grub-mkconfig reads /etc/default/grub.d/NAME.cfg after /etc/default/grub, in the order of their names, so a
 * drop-in can append to GRUB_CMDLINE_LINUX_DEFAULT; recovery entries do not have that, and so stay untraced. Where
 * grub-mkconfig does not read that folder, a drop-in would do nothing, and is refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/bootloader_int.h"

#define GRUB_DEFAULTS "/etc/default/grub"
#define GRUB_FOLDER   "/etc/default/grub.d"
#define GRUB_DROP_IN  "90-bringup.cfg"

static const char *const grub_mkconfig[] = { "/usr/sbin/grub-mkconfig",
					     "/usr/sbin/grub2-mkconfig" };
static const char *const grub_menus[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };

bool bu_grub_here(const char *root)
{
	return bu_root_exists(root, GRUB_DEFAULTS);
}

static int check_mkconfig(const char *root, struct bu_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(grub_mkconfig); i++) {
		_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };

		if (!bu_root_exists(root, grub_mkconfig[i]))
			continue;
		rc = bu_file_read(root, grub_mkconfig[i], &s, err);
		if (rc)
			return rc;
		if (strstr((char *)s.data, "default/grub.d"))
			return 0;
		return bu_fail(err, -EINVAL,
			       "this grub's %s does not read %s; add the parameters to "
			       "GRUB_CMDLINE_LINUX in %s "
			       "by hand, or with grubby --update-kernel",
			       grub_mkconfig[i], GRUB_FOLDER, GRUB_DEFAULTS);
	}
	return bu_fail(err, -ENOENT,
		       "there is %s%s but no grub-mkconfig that would read it; install grub's "
		       "tools, or add "
		       "the parameters by hand",
		       root, GRUB_DEFAULTS);
}

/* A drop-in that is read after ours and sets the variable would take our parameters away again. */
static int check_later_drop_ins(const char *root, struct bu_err *err)
{
	_cleanup_(bu_closedirp) DIR *d = bu_root_opendir(root, GRUB_FOLDER);
	char path[BU_BOOTLOADER_PATH];
	struct dirent *e;
	int rc;

	while (d && (e = readdir(d)) != NULL) {
		_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };

		if (strcmp(e->d_name, GRUB_DROP_IN) <= 0 || fnmatch("*.cfg", e->d_name, 0))
			continue;
		if ((size_t)snprintf(path, sizeof(path), GRUB_FOLDER "/%s", e->d_name) >=
		    sizeof(path))
			continue;
		rc = bu_file_read(root, path, &s, err);
		if (rc)
			return rc;
		if (s.exists && strstr((char *)s.data, "GRUB_CMDLINE_LINUX_DEFAULT="))
			return bu_fail(err, -EINVAL,
				       "%s is read after %s and sets GRUB_CMDLINE_LINUX_DEFAULT; "
				       "move its line "
				       "to an earlier file first",
				       path, GRUB_DROP_IN);
	}
	return 0;
}

int bu_grub_plan(const struct bu_bootloader_request *r, struct bu_journal_file *f, struct bu_err *err)
{
	char *text = NULL;
	int rc, n;

	rc = check_mkconfig(r->root, err);
	if (!rc)
		rc = check_later_drop_ins(r->root, err);
	if (rc)
		return rc;
	n = asprintf(&text,
		     "# Written by `bringup plan --apply`; `bringup plan --undo` takes it away.\n"
		     "GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT} %s\"\n",
		     r->add);
	if (n < 0)
		return bu_fail_errno(err, -ENOMEM, "write a drop-in");
	f->written = (struct bu_file_state){
		.exists = true, .mode = 0644, .data = (unsigned char *)text, .len = (size_t)n
	};
	snprintf(f->path, sizeof(f->path), GRUB_FOLDER "/" GRUB_DROP_IN);
	return 0;
}

/* Whether @line of a menu starts a kernel of @release: "linux /boot/vmlinuz-RELEASE ..."; and if so what follows the file. */
static const char *linux_line(const char *line, const char *end, const char *release)
{
	size_t word = strcspn(line, " \t\n"), file, n = strlen(release);

	/* also linux16 and linuxefi */
	if (word < 5 || strncmp(line, "linux", 5) || line + word >= end)
		return NULL;
	line += word + strspn(line + word, " \t");
	file = strcspn(line, " \t\n");
	if (file <= n || strncmp(line + file - n, release, n) || line[file - n - 1] != '-')
		return NULL;
	return line + file + strspn(line + file, " \t");
}

/* The first entry of a kernel is the one for every day; those for recovery come later. */
int bu_grub_present(const struct bu_bootloader_request *r, char **ret, struct bu_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(grub_menus); i++) {
		_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };
		const char *line, *end, *found;

		rc = bu_file_read(r->root, grub_menus[i], &s, err);
		if (rc)
			return rc;
		for (line = s.exists ? (char *)s.data : ""; *line; line = *end ? end + 1 : end) {
			end = strchrnul(line, '\n');
			line += strspn(line, " \t");
			found = linux_line(line, end, r->release);
			if (!found)
				continue;
			*ret = found < end ? strndup(found, (size_t)(end - found)) : strdup("");
			return *ret ? 0 : bu_fail_errno(err, -ENOMEM, "read %s", grub_menus[i]);
		}
	}
	return bu_fail(err, -ENOENT,
		       "no grub menu below %s starts kernel %s; give the kernel's present command line with --cmdline",
		       r->root, r->release);
}

int bu_bootloader_update_grub(const char *root, struct bu_err *err)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return bu_fail_errno(err, -errno, "start update-grub");
	if (!pid) {
		if (*root && (chroot(root) || chdir("/")))
			_exit(126);
		setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
		execlp("update-grub", "update-grub", (char *)NULL);
		execlp("grub-mkconfig", "grub-mkconfig", "-o", "/boot/grub/grub.cfg", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return bu_fail_errno(err, -errno, "wait for update-grub");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return bu_fail(err, -ENOENT,
			       "neither update-grub nor grub-mkconfig is there; have grub write "
			       "its menu anew "
			       "by hand");
	return bu_fail(err, -EIO,
		       "update-grub failed; its menu is as before or half done: run it by hand");
}
