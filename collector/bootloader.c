// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootloader.c - see bootloader.h: finds the boot loader, makes its change, and takes it back.
 *
 * Flow: plan.c -> cmd_plan.c -> [bootloader] -> /etc/default/grub.d or loader/entries, with the journal beside it all.
 *
 *   nothing --journal on disk--> announced --file renamed--> applied
 *      ^                            |                          |
 *      +--------- undo: file as it was, folder gone, journal gone
 *
 * grub: Debian's grub-mkconfig reads /etc/default/grub.d/NAME.cfg after /etc/default/grub, in the order of their names, so
 * a drop-in can append to GRUB_CMDLINE_LINUX_DEFAULT; recovery entries do not have that, and so stay untraced. Where
 * grub-mkconfig does not read that folder, a drop-in would do nothing, and is refused.
 *
 * systemd-boot: an entry of its own beside the one of that kernel (UAPI group, Boot Loader Specification 1.0: any number
 * of `options` lines, joined by blanks), to be started once by name. Neither /etc/kernel/cmdline, which would reach every
 * kernel installed from now on, nor the default entry is touched: a boot that hangs is left by switching off and on.
 */
#include "collector/bootloader.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/bootloader_int.h"

#define GRUB_DEFAULTS "/etc/default/grub"
#define GRUB_FOLDER   "/etc/default/grub.d"
#define GRUB_DROP_IN  "90-bringup.cfg"

static const char *const grub_mkconfig[] = { "/usr/sbin/grub-mkconfig",
					     "/usr/sbin/grub2-mkconfig" };
static const char *const boot_folders[] = { "/boot", "/efi", "/boot/efi" };

const char *bu_bootloader_name(enum bu_bootloader_kind kind)
{
	return kind == BU_BOOTLOADER_SYSTEMD_BOOT ? "systemd-boot" : "grub";
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static DIR *open_dir(const char *root, const char *path)
{
	char full[BU_BOOTLOADER_PATH * 2];

	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
		return NULL;
	return opendir(full);
}

static bool exists(const char *root, const char *path)
{
	char full[BU_BOOTLOADER_PATH * 2];
	struct stat st;

	return (size_t)snprintf(full, sizeof(full), "%s%s", root, path) < sizeof(full) &&
	       !stat(full, &st);
}

/* ---- which boot loader ---- */

static bool has_grub(const char *root)
{
	return exists(root, GRUB_DEFAULTS);
}

static bool has_systemd_boot(const char *root)
{
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(boot_folders); i++) {
		_cleanup_(closedirp) DIR *d = NULL;
		struct dirent *e;

		snprintf(path, sizeof(path), "%s/EFI/systemd", boot_folders[i]);
		d = open_dir(root, path);
		while (d && (e = readdir(d)) != NULL)
			if (!fnmatch("systemd-boot*.efi", e->d_name, FNM_CASEFOLD))
				return true;
	}
	return false;
}

static int detect(const char *root, enum bu_bootloader_kind *ret, struct bu_err *err)
{
	bool grub = has_grub(root), sd = has_systemd_boot(root);

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

/* ---- grub ---- */

static int check_mkconfig(const char *root, struct bu_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(grub_mkconfig); i++) {
		_cleanup_(bu_file_state_fini) struct bu_file_state s = { .exists = false };

		if (!exists(root, grub_mkconfig[i]))
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
	_cleanup_(closedirp) DIR *d = open_dir(root, GRUB_FOLDER);
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

static int plan_grub(const struct bu_bootloader_request *r, struct bu_journal_file *f,
		     struct bu_err *err)
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

/* ---- systemd-boot ---- */

/* The value of @key in an entry or in loader.conf; false when there is none. */
static bool entry_value(const struct bu_file_state *s, const char *key, char *value, size_t size)
{
	const char *line = (const char *)s->data, *end;
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
		return true;
	}
	return false;
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
		_cleanup_(closedirp) DIR *d = NULL;
		struct dirent *e;

		snprintf(folder, sizeof(folder), "%s/loader", boot_folders[i]);
		snprintf(path, sizeof(path), "%s/entries", folder);
		d = open_dir(r->root, path);
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

static int plan_systemd_boot(const struct bu_bootloader_request *r, struct bu_journal_file *f,
			     struct bu_err *err)
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
	rc = j.kind == BU_BOOTLOADER_GRUB ? plan_grub(r, f, err) : plan_systemd_boot(r, f, err);
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
	f->made_dir = !exists(r->root, dir);
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

int bu_bootloader_undo(const char *root, struct bu_bootloader_change *ret, struct bu_err *err)
{
	_cleanup_(bu_journal_fini) struct bu_journal j = { .kind = BU_BOOTLOADER_ANY };
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = bu_journal_load(root, &j, err);
	if (rc ==
	    -ENOENT) /* perhaps stopped before the journal was whole: nothing else was touched then */
		return exists(root, BU_BOOTLOADER_JOURNAL ".partial")
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
