// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_bootloader_test.c - apply and undo in a root of their own, killed before each change that they make to the disk:
 * whatever was reached, one undo gives the first state back, with content, mode, owner and time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/bootloader_int.h"

#define ADD "trace_clock=x86-tsc trace_event=cpuhp:* ftrace=function ftrace_filter=smp_init,*_ap_init"

static char root[64];

static void path_of(char *to, size_t size, const char *path)
{
	assert_true((size_t)snprintf(to, size, "%s%s", root, path) < size);
}

static void put(const char *path, const char *text, mode_t mode)
{
	char full[512];
	char *slash;
	FILE *f;

	path_of(full, sizeof(full), path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fwrite(text, 1, strlen(text), f) == strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(full, mode), 0);
}

static void remove_root(void)
{
	char *args[] = { root, NULL };
	FTS *fts = fts_open(args, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while ((e = fts_read(fts)) != NULL)
		if (e->fts_info != FTS_D)
			remove(e->fts_accpath);
	fts_close(fts);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Everything about the files below the root, as text; the folder of the journal, which may stay, aside. */
static char *snapshot(void)
{
	char *args[] = { root, NULL }, *text = NULL;
	FTS *fts = fts_open(args, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	FTSENT *e;

	while ((e = fts_read(fts)) != NULL) {
		const struct stat *st = e->fts_statp;
		const char *name = e->fts_path + strlen(root);

		if (e->fts_info == FTS_DP || !strncmp(name, "/var", 4))
			continue;
		fprintf(to, "%s %o %d:%d", name, st->st_mode, (int)st->st_uid, (int)st->st_gid);
		if (e->fts_info == FTS_F) {
			struct bu_file_state s;

			assert_int_equal(bu_file_read(root, name, &s, NULL), 0);
			fprintf(to, " %lld.%09ld ", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
			fwrite(s.data, 1, s.len, to);
			bu_file_state_fini(&s);
		}
		fputc('\n', to);
	}
	fts_close(fts);
	assert_int_equal(fclose(to), 0);
	return text;
}

/* ---- roots ---- */

static void make_grub(void)
{
	put("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", 0644);
	put("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do . $x; done\n", 0755);
}

static void make_grub_with_drop_in(void)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { 1000000000, 123456789 } };
	char full[512];

	make_grub();
	put("/etc/default/grub.d/90-bringup.cfg", "# mine, \xff\x01 and no end of line", 0600);
	path_of(full, sizeof(full), "/etc/default/grub.d/90-bringup.cfg");
	if (!geteuid())
		assert_int_equal(chown(full, 12, 34), 0);
	assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
}

#define ENTRY "/boot/loader/entries/0123-6.12.113"

static void make_systemd_boot(void)
{
	put("/boot/EFI/systemd/systemd-bootx64.efi", "MZ", 0700);
	put("/boot/loader/loader.conf", "timeout 3\n", 0644);
	put(ENTRY "+3-1.conf", "title      Debian\r\nversion    6.12.113\nsort-key debian\noptions    root=/dev/sda1 ro\n"
	    "linux      /0123/6.12.113/linux", 0640);
	put("/boot/loader/entries/0123-6.1.0.conf", "title Old\nversion 6.1.0\nlinux /x\noptions y\n", 0644);
}

/* Without sort-keys the order is by file name, and only loader.conf says what the default is. */
static void make_systemd_boot_unsorted(void)
{
	make_systemd_boot();
	put(ENTRY "+3-1.conf", "title Debian\nversion 6.12.113\nlinux /x\noptions y\n", 0644);
	put("/boot/loader/loader.conf", "default 0123-6.1.0.conf\n", 0644);
}

static const struct kind {
	void (*make)(void);
	enum bu_bootloader_kind kind;
	const char *path;
} kinds[] = {
	{ make_grub, BU_BOOTLOADER_GRUB, "/etc/default/grub.d/90-bringup.cfg" },
	{ make_grub_with_drop_in, BU_BOOTLOADER_GRUB, "/etc/default/grub.d/90-bringup.cfg" },
	{ make_systemd_boot, BU_BOOTLOADER_SYSTEMD_BOOT, ENTRY "-bringup.conf" },
	{ make_systemd_boot_unsorted, BU_BOOTLOADER_SYSTEMD_BOOT, ENTRY "-bringup.conf" },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void new_root(void)
{
	snprintf(root, sizeof(root), "/tmp/bringup-plan.XXXXXX");
	assert_non_null(mkdtemp(root));
}

static int apply(struct bu_err *err)
{
	const struct bu_bootloader_request r = { root, BU_BOOTLOADER_ANY, ADD, "6.12.113", NULL };
	struct bu_bootloader_change c;

	return bu_bootloader_apply(&r, &c, err);
}

static int undo(struct bu_err *err)
{
	struct bu_bootloader_change c;

	return bu_bootloader_undo(root, &c, err);
}

/* ---- tests ---- */

static void apply_and_undo(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_KINDS; i++) {
		const struct bu_bootloader_request r = { root, BU_BOOTLOADER_ANY, ADD, "6.12.113", NULL };
		struct bu_bootloader_change c;
		struct bu_file_state s;
		struct bu_err err = BU_ERR_INIT;
		char *before, *after;

		new_root();
		kinds[i].make();
		before = snapshot();
		if (bu_bootloader_apply(&r, &c, &err))
			fail_msg("%s", err.text);
		assert_int_equal(c.kind, kinds[i].kind);
		assert_string_equal(c.path, kinds[i].path);
		assert_int_equal(bu_file_read(root, c.path, &s, NULL), 0);
		assert_non_null(strstr((char *)s.data, ADD));
		bu_file_state_fini(&s);
		assert_int_equal(apply(&err), -EEXIST);
		memset(&err, 0, sizeof(err));
		assert_int_equal(undo(&err), 0);
		after = snapshot();
		assert_string_equal(after, before);
		assert_int_equal(undo(&err), 0);	/* nothing left to do */
		free(before);
		free(after);
		remove_root();
	}
}

static int die_at;

static void die(int number)
{
	if (number == die_at)
		kill(getpid(), SIGKILL);
}

/* Runs @f in a child that is killed before step @at. Return: whether it was; otherwise @f ended well. */
static bool killed_at(int (*f)(struct bu_err *), int at)
{
	struct bu_err err = BU_ERR_INIT;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		die_at = at;
		bu_bootloader_step = die;
		_exit(f(&err) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static void killed_anywhere_in_apply(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_KINDS; i++) {
		bool killed = true;
		int at;

		for (at = 0; killed; at++) {
			struct bu_err err = BU_ERR_INIT;
			char *before, *after;

			new_root();
			kinds[i].make();
			before = snapshot();
			killed = killed_at(apply, at);
			if (undo(&err))
				fail_msg("killed at %d: %s", at, err.text);
			after = snapshot();
			assert_string_equal(after, before);
			assert_int_equal(apply(&err), 0);	/* and it can be done again */
			free(before);
			free(after);
			remove_root();
		}
		assert_in_range(at, 10, 40);
	}
}

static void killed_anywhere_in_undo(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_KINDS; i++) {
		bool killed = true;
		int at;

		for (at = 0; killed; at++) {
			struct bu_err err = BU_ERR_INIT;
			char *before, *after;

			new_root();
			kinds[i].make();
			before = snapshot();
			assert_int_equal(apply(&err), 0);
			killed = killed_at(undo, at);
			if (undo(&err))
				fail_msg("killed at %d: %s", at, err.text);
			after = snapshot();
			assert_string_equal(after, before);
			free(before);
			free(after);
			remove_root();
		}
		assert_in_range(at, 5, 40);
	}
}

static void what_others_changed_is_left_alone(void **state)
{
	struct bu_err err = BU_ERR_INIT;
	char *before, *after;

	(void)state;
	new_root();
	make_grub();
	assert_int_equal(apply(&err), 0);
	put("/etc/default/grub.d/90-bringup.cfg", "edited\n", 0644);
	before = snapshot();
	assert_int_equal(undo(&err), -EBUSY);
	after = snapshot();
	assert_string_equal(after, before);
	free(before);
	free(after);

	memset(&err, 0, sizeof(err));
	put(BU_BOOTLOADER_JOURNAL, "{\"format\": 1, \"files\": [", 0600);
	assert_int_equal(undo(&err), -EBADMSG);
	remove_root();
}

struct refusal {
	const char *path, *text;	/* a file that makes it refuse */
	int rc;
	const char *words;
};

static void refused(void (*make)(void), const struct refusal *r)
{
	struct bu_err err = BU_ERR_INIT;
	char *before, *after;

	new_root();
	if (make)
		make();
	if (r->path)
		put(r->path, r->text, 0644);
	before = snapshot();
	assert_int_equal(apply(&err), r->rc);
	if (!strstr(err.text, r->words))
		fail_msg("'%s' does not say '%s'", err.text, r->words);
	after = snapshot();
	assert_string_equal(after, before);
	free(before);
	free(after);
	remove_root();
}

static void refuses_what_it_cannot_do_safely(void **state)
{
	static const struct refusal unknown = { NULL, NULL, -ENOENT, "no boot loader that is known" };
	static const struct refusal grub[] = {
		{ "/boot/EFI/systemd/systemd-bootx64.efi", "MZ", -ENOTUNIQ, "--loader" },
		{ "/usr/sbin/grub-mkconfig", ". /etc/default/grub\n", -EINVAL, "does not read" },
		{ "/etc/default/grub.d/99-x.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", -EINVAL, "99-x.cfg" },
	};
	static const struct refusal sd[] = {
		{ ENTRY "+3-1.conf", "title Debian\nversion 6.12.113\nlinux /x\noptions y\n", -EINVAL, "sort-key" },
		{ ENTRY "+3-1.conf", "title Debian\nversion 6.12.113\nefi /x.efi\n", -EINVAL, "unified" },
		{ "/boot/loader/loader.conf", "default 0123-*\n", -EINVAL, "default" },
		{ "/efi/loader/entries/b.conf", "version 6.12.113\nlinux /x\n", -ENOTUNIQ, "--entry" },
		{ ENTRY "+3-1.conf", "title Debian\nversion 6.12.114\nlinux /x\n", -EINVAL, "no boot entry" },
	};
	static const struct refusal saved = { "/boot/loader/loader.conf", "default @saved\n", -EINVAL, "sort-key" };
	size_t i;

	(void)state;
	refused(NULL, &unknown);
	refused(make_systemd_boot_unsorted, &saved);
	for (i = 0; i < sizeof(grub) / sizeof(grub[0]); i++)
		refused(make_grub, &grub[i]);
	for (i = 0; i < sizeof(sd) / sizeof(sd[0]); i++)
		refused(make_systemd_boot, &sd[i]);
}

static void parameters_that_would_mean_something_to_a_shell(void **state)
{
	static const char *const bad[] = { "a=$(id)", "a=\"b c\"", "a;b", "a\nb", "a`b", "a\\b" };
	struct bu_bootloader_change c;
	size_t i;

	(void)state;
	new_root();
	make_grub();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bu_bootloader_request r = { root, BU_BOOTLOADER_GRUB, bad[i], "6.12.113", NULL };

		assert_int_equal(bu_bootloader_apply(&r, &c, NULL), -EINVAL);
	}
	remove_root();
}

static void the_copied_entry_is_traced_and_not_the_default(void **state)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_file_state s;

	(void)state;
	new_root();
	make_systemd_boot();
	assert_int_equal(apply(&err), 0);
	assert_int_equal(bu_file_read(root, ENTRY "-bringup.conf", &s, NULL), 0);
	assert_string_equal((char *)s.data,
			    "title      Debian (bringup: traced)\nversion    6.12.113\nsort-key zz-bringup\n"
			    "options    root=/dev/sda1 ro\nlinux      /0123/6.12.113/linux\noptions " ADD "\n");
	bu_file_state_fini(&s);
	remove_root();
}

static void the_present_line_is_that_of_the_entry(void **state)
{
	struct bu_bootloader_request r = { root, BU_BOOTLOADER_ANY, NULL, "6.12.113", NULL };
	struct bu_err err = BU_ERR_INIT;
	char *line = NULL;

	(void)state;
	new_root();
	make_systemd_boot();
	put(ENTRY "+3-1.conf", "title Debian\nversion 6.12.113\noptions  root=/dev/sda1 ro \r\noption x\n"
	    "linux /x\noptions\tquiet", 0640);
	assert_int_equal(bu_bootloader_present(&r, &line, &err), 0);
	assert_string_equal(line, "root=/dev/sda1 ro quiet");
	free(line);
	r.release = "6.12";
	assert_int_equal(bu_bootloader_present(&r, &line, &err), -EINVAL);
	remove_root();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apply_and_undo),
		cmocka_unit_test(killed_anywhere_in_apply),
		cmocka_unit_test(killed_anywhere_in_undo),
		cmocka_unit_test(what_others_changed_is_left_alone),
		cmocka_unit_test(refuses_what_it_cannot_do_safely),
		cmocka_unit_test(parameters_that_would_mean_something_to_a_shell),
		cmocka_unit_test(the_present_line_is_that_of_the_entry),
		cmocka_unit_test(the_copied_entry_is_traced_and_not_the_default),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
