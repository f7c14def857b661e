// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot.c - see plot.h: the folder, the child and the file that appears whole or not at all. What is in the
 * pictures is decided in plot_NAME.c, how they look in plots/NAME.gp.
 *
 *   folder made -> data and vars.gp written -> gnuplot run in it -> picture checked -> copied to OUT.partial
 *   -> renamed to OUT -> folder removed (unless it is to be kept)
 */
#include "analyze/plot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyze/plot_int.h"
#include "analyze/plot_scripts.h"
#include "schemas/base/suggest.h"

extern char **environ;

static const struct {
	const char *name;
	int (*write)(struct bu_plot_job *job, struct bu_err *err);
	size_t max_boots;	/* 0: any number */
} pictures[] = {
	{ "timeline", bu_plot_timeline, BU_PLOT_MAX_PANELS }, { "steps", bu_plot_steps, 1 },
	{ "compare", bu_plot_compare, BU_PLOT_MAX_COMPARED }, { "scaling", bu_plot_scaling, 0 },
	{ "saturation", bu_plot_saturation, 0 }, { "holdoff", bu_plot_holdoff, BU_PLOT_MAX_COMPARED },
	{ "stop-machine", bu_plot_stop_machine, 1 }, { "pgd", bu_plot_pgd, 0 },
};

static const struct {
	const char *ending, *end_mark;	/* a whole file has the mark among its last 64 bytes */
	size_t mark_len;
} formats[] = {
	[BU_PLOT_SVG] = { ".svg", "</svg>", 6 },
	[BU_PLOT_PNG] = { ".png", "IEND", 4 },
	[BU_PLOT_PDF] = { ".pdf", "%%EOF", 5 },
};

bool bu_plot_format_of(const char *path, enum bu_plot_format *ret)
{
	size_t len = strlen(path), i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (len > 4 && !strcmp(path + len - 4, formats[i].ending)) {
			*ret = (enum bu_plot_format)i;
			return true;
		}
	return false;
}

bool bu_plot_known(const char *name, const char **near)
{
	struct bu_suggest s = BU_SUGGEST_INIT(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pictures); i++) {
		if (!strcmp(name, pictures[i].name))
			return true;
		bu_suggest_offer(&s, pictures[i].name);
	}
	*near = s.best;
	return false;
}

size_t bu_plot_max_boots(const char *name)
{
	size_t i = 0;

	while (strcmp(pictures[i].name, name))
		BU_ASSERT("plot-known", ++i < ARRAY_SIZE(pictures));
	return pictures[i].max_boots;
}

/* ---- what the pictures share ------------------------------------------------------------------------------ */

FILE *bu_plot_file(struct bu_plot_job *job, const char *name, struct bu_err *err)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", job->dir, name);
	f = fopen(path, "we");
	if (!f)
		bu_fail_errno(err, -errno, "%s: create", path);
	return f;
}

int bu_plot_close(struct bu_plot_job *job, FILE *f, struct bu_err *err)
{
	int bad = ferror(f);

	errno = 0;
	if (fclose(f) || bad)
		return bu_fail_errno(err, errno ? -errno : -EIO, "%s: write the data of the plot", job->dir);
	return 0;
}

void bu_plot_terminal(struct bu_plot_job *job)
{
	enum bu_plot_format format = BU_PLOT_SVG;
	int w = job->width_px, h = job->height_px;

	bu_plot_format_of(job->opts->out, &format);
	fprintf(job->vars, "set encoding utf8\n");
	if (format == BU_PLOT_SVG)
		fprintf(job->vars, "set terminal svg size %d,%d noenhanced font 'DejaVu Sans,12' background '#ffffff'\n",
			w, h);
	else if (format == BU_PLOT_PNG)
		fprintf(job->vars, "set terminal pngcairo size %d,%d noenhanced font 'DejaVu Sans,9' background '#ffffff'\n",
			w, h);
	else	/* a pixel is 1/96 inch there */
		fprintf(job->vars, "set terminal pdfcairo size %.3fin,%.3fin noenhanced font 'DejaVu Sans,9' fontscale 0.82"
			" background '#ffffff'\n", w / 96.0, h / 96.0);
	/* SVG counts letters in pixels, the others in points. */
	fprintf(job->vars, "title_font = ',%d'\nsmall_font = ',%d'\n", format == BU_PLOT_SVG ? 14 : 11,
		format == BU_PLOT_SVG ? 10 : 8);
	fprintf(job->vars, "set output '%s%s'\n", job->opts->name, formats[format].ending);
}

void bu_plot_text(FILE *to, const char *text)
{
	putc('\'', to);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			continue;
		if (*text == '\'')
			putc('\'', to);
		putc(*text, to);
	}
	putc('\'', to);
}

const char *bu_plot_host(const struct bu_boot *boot, char *buf, size_t len)
{
	buf[0] = '\0';
	if (boot->physical_cpus)
		snprintf(buf, len, ", sharing %lld CPU%s of a host", (long long)boot->physical_cpus,
			 boot->physical_cpus == 1 ? "" : "s");
	return buf;
}

const char *bu_plot_recording(const struct bu_boot *boot)
{
	return boot->runtime ? "recording of runtime hotplug" : "boot";
}

const char *bu_plot_title(const struct bu_boot *boot, char *buf, size_t len)
{
	char total[BU_NS_STRLEN], cpus[32] = "", host[64];

	if (boot->cpus_total != BU_NS_UNKNOWN)
		snprintf(cpus, sizeof(cpus), ", %lld CPUs", (long long)boot->cpus_total);
	bu_boot_dur(boot, boot->bringup_ns, total);
	if (boot->is_run)
		snprintf(buf, len, "Run %lld: core %s%s%s%s, from a %s of Linux %s: %s", (long long)boot->run, boot->core, cpus,
			 bu_plot_host(boot, host, sizeof(host)), boot->sampled ? " (sampled)" : "", bu_plot_recording(boot),
			 boot->kernel_release ? boot->kernel_release : "unknown",
			 boot->bringup_ns == BU_NS_UNKNOWN ? boot->verdict : total);
	else if (boot->runtime)
		snprintf(buf, len, "Linux %s%s, CPUs taken down and brought up at run time: %zu operations",
			 boot->kernel_release ? boot->kernel_release : "unknown", cpus, boot->n_op);
	else
		snprintf(buf, len, "Linux %s%s, %s bring-up: %s%s%s",
			 boot->kernel_release ? boot->kernel_release : "unknown", cpus, boot->algorithm, total,
			 boot->cpus_ok < boot->cpus ? ", not all CPUs came up" : "",
			 boot->complete ? "" : " (capture incomplete)");
	return buf;
}

void bu_plot_source(struct bu_plot_job *job, const struct bu_boot *b)
{
	const char *path = b->trace_name ? b->trace_name : b->file, *slash = strrchr(path, '/');
	char text[300];

	snprintf(text, sizeof(text), "%s", slash ? slash + 1 : path);
	if (!b->trace_sha256 || b->trace_sha256[0])	/* else it was made up */
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", trace %.12s", b->trace_sha256 ? b->trace_sha256 : "unknown");
	fprintf(job->vars, "source = ");
	bu_plot_text(job->vars, text);
	putc('\n', job->vars);
}

struct bu_plot_unit bu_plot_unit_of(const struct bu_boot *boot, double max_ns)
{
	if (boot->ticks)
		return (struct bu_plot_unit){ "clock ticks", 1 };
	max_ns = fabs(max_ns);
	if (max_ns >= 2e9)
		return (struct bu_plot_unit){ "s", 1e9 };
	if (max_ns >= 1e6)
		return (struct bu_plot_unit){ "ms", 1e6 };
	return (struct bu_plot_unit){ "us", 1e3 };
}

/* ---- folder ------------------------------------------------------------------------------------------------- */

static int make_dir(const char *keep, char *dir, size_t len, struct bu_err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (keep) {
		if (mkdir(keep, 0777) && errno != EEXIST)
			return bu_fail_errno(err, -errno, "%s: make folder", keep);
		snprintf(dir, len, "%s", keep);
		return 0;
	}
	snprintf(dir, len, "%s/bringup-plot-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return bu_fail_errno(err, -errno, "%s: make folder", dir);
	return 0;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static int write_script(struct bu_plot_job *job, struct bu_err *err)
{
	const struct bu_gp_script *s = bu_gp_table;
	char name[NAME_MAX];
	FILE *f;

	while (s->name && strcmp(s->name, job->opts->name))
		s++;
	BU_ASSERT("plot-script-embedded", s->name);
	snprintf(name, sizeof(name), "%s.gp", s->name);
	f = bu_plot_file(job, name, err);
	if (!f)
		return err && err->code ? err->code : -EIO;
	fputs(s->text, f);
	return bu_plot_close(job, f, err);
}

/* ---- child -------------------------------------------------------------------------------------------------- */

/* What gnuplot had to say, on one line, without its marker lines. */
static void said(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int c, last = ' ';

	while (f && (c = getc(f)) != EOF && n + 1 < len) {
		if (c < ' ')
			c = ' ';
		if (c != ' ' || last != ' ')
			buf[n++] = (char)c;
		last = c;
	}
	buf[n] = 0;
	if (f)
		fclose(f);
}

static int run_gnuplot(struct bu_plot_job *job, struct bu_err *err)
{
	char script[NAME_MAX], log[PATH_MAX], words[300];
	char name[] = "gnuplot", plain[] = "--default-settings";
	char *args[] = { name, plain, script, NULL };
	posix_spawn_file_actions_t fa;
	int rc, status;
	pid_t pid;

	snprintf(script, sizeof(script), "%s.gp", job->opts->name);
	snprintf(log, sizeof(log), "%s/gnuplot.log", job->dir);
	rc = posix_spawn_file_actions_init(&fa);
	if (rc)
		return bu_fail_errno(err, -rc, "start gnuplot");
	/* In its folder all names are ours. Its output is kept in a file, which never makes it wait for us. */
	rc = posix_spawn_file_actions_addchdir_np(&fa, job->dir);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&fa, 1, "gnuplot.log", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&fa, 1, 2);
	if (!rc)
		rc = posix_spawnp(&pid, name, &fa, NULL, args, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (rc == ENOENT)
		return bu_fail(err, -ENOENT, "gnuplot is not installed (or not in PATH); on Debian: apt install gnuplot-nox");
	if (rc)
		return bu_fail_errno(err, -rc, "start gnuplot");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return bu_fail_errno(err, -errno, "wait for gnuplot");
	said(log, words, sizeof(words));
	unlink(log);
	if (WIFSIGNALED(status))
		return bu_fail(err, -EPROTO, "gnuplot was killed by signal %d: %s", WTERMSIG(status), words);
	if (WEXITSTATUS(status))
		return bu_fail(err, -EPROTO, "gnuplot failed: %s", *words ? words : "it gave no reason");
	return 0;
}

/* ---- the file that appears ---------------------------------------------------------------------------------- */

static int copy_bytes(FILE *from, FILE *to, char *tail, size_t tail_len)
{
	char buf[65536];
	size_t n;

	memset(tail, 0, tail_len);
	while ((n = fread(buf, 1, sizeof(buf), from)) > 0) {
		if (fwrite(buf, 1, n, to) != n)
			return -errno;
		if (n >= tail_len) {
			memcpy(tail, buf + n - tail_len, tail_len);
		} else {
			memmove(tail, tail + n, tail_len - n);
			memcpy(tail + tail_len - n, buf, n);
		}
	}
	return ferror(from) ? -EIO : 0;
}

/* gnuplot does not notice a full disk; a picture without its end is none. */
static int publish(struct bu_plot_job *job, struct bu_err *err)
{
	enum bu_plot_format format = BU_PLOT_SVG;
	char made[PATH_MAX], partial[PATH_MAX], tail[64];
	FILE *from, *to;
	int rc;

	bu_plot_format_of(job->opts->out, &format);
	snprintf(made, sizeof(made), "%s/%s%s", job->dir, job->opts->name, formats[format].ending);
	if (snprintf(partial, sizeof(partial), "%s.partial", job->opts->out) >= (int)sizeof(partial))
		return bu_fail_errno(err, -ENAMETOOLONG, "%s", job->opts->out);
	from = fopen(made, "re");
	if (!from)
		return bu_fail(err, -EPROTO, "gnuplot made no picture; does it know the terminal for %s files?",
			       formats[format].ending + 1);
	to = fopen(partial, "we");
	if (!to) {
		rc = bu_fail_errno(err, -errno, "%s: create", partial);
		fclose(from);
		return rc;
	}
	rc = copy_bytes(from, to, tail, sizeof(tail));
	fclose(from);
	if (!rc && (fflush(to) || fsync(fileno(to))))
		rc = -errno;
	if (fclose(to) && !rc)
		rc = -errno;
	if (rc)
		rc = bu_fail_errno(err, rc, "%s: write", partial);
	else if (!memmem(tail, sizeof(tail), formats[format].end_mark, formats[format].mark_len))
		rc = bu_fail(err, -EIO, "the picture that gnuplot made in %s is cut off; is the disk full?", job->dir);
	else if (rename(partial, job->opts->out))
		rc = bu_fail_errno(err, -errno, "%s: rename into place", job->opts->out);
	if (rc)
		unlink(partial);
	unlink(made);
	return rc;
}

/* An output that cannot be written is said before the work, not after it. */
static int can_write(const char *out, struct bu_err *err)
{
	char partial[PATH_MAX];
	FILE *f;

	if (snprintf(partial, sizeof(partial), "%s.partial", out) >= (int)sizeof(partial))
		return bu_fail_errno(err, -ENAMETOOLONG, "%s", out);
	f = fopen(partial, "we");
	if (!f)
		return bu_fail_errno(err, -errno, "%s: create", partial);
	fclose(f);
	unlink(partial);
	return 0;
}

int bu_plot(const struct bu_boot *boots, size_t n, const struct bu_plot_opts *opts, struct bu_err *err)
{
	struct bu_plot_job job = { .boots = boots, .n = n, .opts = opts };
	char dir[PATH_MAX];
	size_t i = 0;
	int rc;

	while (i < ARRAY_SIZE(pictures) && strcmp(pictures[i].name, opts->name))
		i++;
	BU_ASSERT("plot-known", i < ARRAY_SIZE(pictures) && n);
	rc = can_write(opts->out, err);
	if (!rc)
		rc = make_dir(opts->keep, dir, sizeof(dir), err);
	if (rc)
		return rc;
	job.dir = dir;
	job.vars = bu_plot_file(&job, "vars.gp", err);
	if (!job.vars) {
		rc = err && err->code ? err->code : -EIO;
	} else {
		int closed;

		rc = pictures[i].write(&job, err);
		closed = bu_plot_close(&job, job.vars, rc ? NULL : err);
		rc = rc ? rc : closed;
	}
	if (!rc)
		rc = write_script(&job, err);
	if (!rc)
		rc = run_gnuplot(&job, err);
	if (!rc)
		rc = publish(&job, err);
	if (!opts->keep)
		remove_dir(dir);
	return rc;
}
