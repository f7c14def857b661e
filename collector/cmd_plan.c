// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_plan.c - bringup plan: the kernel command line that records a boot, or what is wrong with one.
 *
 * Flow: this machine or the options -> plan.h -> text or JSON (docs/json-plan.md); with --apply also -> bootloader.h. Only
 * --apply and --undo change anything.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/bootloader.h"
#include "collector/commands_int.h"
#include "collector/plan.h"
#include "collector/plan_int.h"
#include "schemas/base/cli.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* What tracing costs. Neither is of the machine at hand, and the output says so. */
#define EVENT_NS_LOW	INT64_C(220)	/* one page-fault event in a guest of two CPUs, Linux 6.18 */
#define EVENT_NS_HIGH	INT64_C(340)
#define EVENT_BASIS	"0.22 to 0.34 us each, measured for page-fault events in a 6.18 guest"
#define ALLOC_NS_MIB_LOW INT64_C(700000)	/* resizing an instance's buffers, best of 8, in a guest of two CPUs, 6.18 */
#define ALLOC_NS_MIB_HIGH INT64_C(4800000)	/* trace_rb_cpu_prepare, emulated: 0.30 s for 63 CPUs of 1 MiB */
#define ALLOC_BASIS	"0.7 ms per MiB in a 6.18 guest, 4.8 in an emulated 6.12; no hardware was measured"
#define PATTERN_NS	INT64_C(40000000)	/* per pattern of ftrace_filter=, matched against 40,000 functions */
#define PATTERN_BASIS	"40 ms each under emulation; no hardware was measured"

struct options {
	const char *kernel, *arch, *memory, *profile, *buffer, *instance, *present, *check, *loader, *root, *entry;
	int64_t cpus, max_memory;
	bool no_functions, user_faults, persistent, json, apply, undo, run_update, traps;
};

static const char *bytes_str(int64_t bytes, char *buf, size_t size)
{
	if (bytes < 1 << 20)
		snprintf(buf, size, "%" PRId64 " KiB", (bytes + 1023) / 1024);
	else if (bytes < INT64_C(10) << 30)
		snprintf(buf, size, "%.1f MiB", (double)bytes / (1 << 20));
	else
		snprintf(buf, size, "%.1f GiB", (double)bytes / (1 << 30));
	return buf;
}

/* ---- what the machine is ---- */

static int parse_loader(const char *text, enum bu_bootloader_kind *ret)
{
	if (!strcmp(text, "auto"))
		*ret = BU_BOOTLOADER_ANY;
	else if (!strcmp(text, "grub"))
		*ret = BU_BOOTLOADER_GRUB;
	else if (!strcmp(text, "systemd-boot"))
		*ret = BU_BOOTLOADER_SYSTEMD_BOOT;
	else
		return -EINVAL;
	return 0;
}

/* The number of CPUs in a list like "0-3,8", as the highest number and one: trace buffers go by nr_cpu_ids. */
static int64_t possible_cpus(void)
{
	_cleanup_free_ char *line = NULL;
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	size_t size = 0, n;
	int64_t cpus = 0;

	if (f && getline(&line, &size, f) > 0) {
		n = strcspn(line, "\n");
		line[n] = 0;
		while (n && strchr("0123456789", line[n - 1]))
			n--;
		cpus = strtoll(line + n, NULL, 10) + 1;
	}
	if (f)
		fclose(f);
	return cpus > 0 ? cpus : sysconf(_SC_NPROCESSORS_CONF);
}

static int running_line(struct bu_arena *arena, const char **ret, struct bu_err *err)
{
	_cleanup_free_ char *line = NULL;
	FILE *f = fopen("/proc/cmdline", "re");
	size_t size = 0;

	if (!f)
		return bu_fail_errno(err, -errno, "/proc/cmdline (give the present line with --cmdline)");
	if (getline(&line, &size, f) < 0)
		*ret = "";
	else
		*ret = bu_arena_strdup(arena, line);
	fclose(f);
	if (!*ret)
		return bu_fail_errno(err, -ENOMEM, "/proc/cmdline");
	((char *)*ret)[strcspn(*ret, "\n")] = 0;
	return 0;
}

/* What this machine runs with; of the system below --root, what its boot loader has for the kernel. */
static int present_line(const struct options *o, struct bu_arena *arena, const char **ret, struct bu_err *err)
{
	struct bu_bootloader_request r = { .root = o->root, .release = o->kernel, .entry = o->entry };
	_cleanup_free_ char *line = NULL;
	int rc;

	if (!*o->root)
		return running_line(arena, ret, err);
	parse_loader(o->loader, &r.kind);
	rc = bu_bootloader_present(&r, &line, err);
	if (rc)
		return rc;
	*ret = bu_arena_strdup(arena, line);
	return *ret ? 0 : bu_fail_errno(err, -ENOMEM, "the present line");
}

/* Options and machine into @in. Return: -1 to go on, or the exit code. */
static int fill_input(const struct bu_usage *usage, const struct options *o, struct bu_arena *arena,
		      struct bu_plan_input *in)
{
	struct bu_err err = BU_ERR_INIT;
	struct utsname uts;
	int64_t bytes;

	if (uname(&uts)) {
		bu_fail_errno(&err, -errno, "uname");
		return bu_cli_failed(usage, &err);
	}
	if (bu_plan_kernel_parse(o->kernel ? o->kernel : uts.release, o->arch ? o->arch : uts.machine, &in->kernel, &err))
		return bu_cli_usage_error(usage, "%s", err.text);
	in->cpus = o->cpus ? o->cpus : possible_cpus();
	in->max_memory_percent = o->max_memory;
	in->memory_kib = sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024);
	if (o->memory) {
		bytes = bu_memparse(o->memory, NULL);
		if (bytes < 1 << 20)
			return bu_cli_usage_error(usage, "--memory wants a size like 16G, not '%s'", o->memory);
		in->memory_kib = bytes / 1024;
	}
	if (o->buffer) {
		bytes = bu_memparse(o->buffer, NULL);
		if (bytes < 3 * BU_PLAN_SUBBUF)
			return bu_cli_usage_error(usage, "--buffer wants a size like 512K, of 12K at least, not '%s'",
						  o->buffer);
		in->buffer_kib = bytes / 1024;
	}
	if (o->instance && (!*o->instance || strpbrk(o->instance, " ,^@/\"")))
		return bu_cli_usage_error(usage, "--instance wants a plain name, not '%s'", o->instance);
	if (!bu_plan_profile_known(o->profile))
		return bu_cli_usage_error(usage, "there is no profile '%s'; take hotplug, clock, pgd, text or all", o->profile);
	in->profile = o->profile;
	in->instance = o->instance;
	in->no_functions = o->no_functions;
	in->user_faults = o->user_faults;
	in->persistent = o->persistent;
	in->present = o->present;
	if (!in->present && !o->check && present_line(o, arena, &in->present, &err))
		return bu_cli_failed(usage, &err);
	return -1;
}

/* ---- output ---- */

static json_int_t allocation_ns(const struct bu_plan *p, int64_t ns_per_mib)
{
	return (p->cpus - 1) * (p->buffer_bytes * ns_per_mib >> 20);
}

static json_t *findings_json(const struct bu_plan *p)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < p->n_findings; i++) {
		const struct bu_plan_finding *f = &p->findings[i];

		json_array_append_new(a, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", f->id, "level",
						   f->level == BU_PLAN_REFUSE ? "refuse" : "warn", "what", f->what,
						   "instead", f->instead, "source", f->source));
	}
	return a;
}

static json_t *plan_json(const struct bu_plan_input *in, const struct bu_plan *p, const struct bu_bootloader_change *c)
{
	const struct bu_plan_prediction *q = &p->predicted;
	json_t *o = json_pack("{s:s, s:I, s:I, s:s?, s:s?, s:s, s:I, s:I}",
			      "kernel", in->kernel.release, "cpus", (json_int_t)p->cpus,
			      "memory_kib", (json_int_t)in->memory_kib, "profile", p->add ? in->profile : NULL,
			      "add", p->add, "line", p->line, "line_bytes", (json_int_t)p->line_bytes,
			      "line_max_bytes", (json_int_t)bu_plan_line_max(&in->kernel));

	json_object_set_new(o, "next_boot", p->next_boot ? json_string(p->next_boot) : json_null());
	json_object_set_new(o, "buffer_bytes", json_integer(p->buffer_bytes));
	json_object_set_new(o, "memory_bytes", json_integer(p->memory_bytes));
	json_object_set_new(o, "wrap_cpus", p->wrap_cpus ? json_integer(p->wrap_cpus) : json_null());
	json_object_set_new(o, "predicted",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
				      "boot_cpu_events", (json_int_t)q->boot_events, "boot_cpu_bytes",
				      (json_int_t)q->boot_bytes, "boot_cpu_bytes_per_cpu", (json_int_t)q->per_cpu_bytes,
				      "other_cpu_bytes", (json_int_t)q->other_bytes, "total_events",
				      (json_int_t)q->total_events, "total_bytes", (json_int_t)q->total_bytes,
				      "unmeasured", (json_int_t)q->unmeasured, "basis", bu_plan_basis(&in->kernel)));
	json_object_set_new(o, "overhead",
			    json_pack("{s:I, s:I, s:s, s:I, s:I, s:s, s:I, s:s}",
				      "boot_cpu_ns_low", (json_int_t)q->boot_events * EVENT_NS_LOW,
				      "boot_cpu_ns_high", (json_int_t)q->boot_events * EVENT_NS_HIGH, "events_basis",
				      EVENT_BASIS, "allocation_ns_low", allocation_ns(p, ALLOC_NS_MIB_LOW),
				      "allocation_ns_high", allocation_ns(p, ALLOC_NS_MIB_HIGH),
				      "allocation_basis", ALLOC_BASIS, "filter_ns", (json_int_t)q->patterns * PATTERN_NS,
				      "filter_basis", PATTERN_BASIS));
	json_object_set_new(o, "findings", findings_json(p));
	json_object_set_new(o, "refused", json_boolean(p->refused));
	json_object_set_new(o, "applied",
			    c ? json_pack("{s:s, s:s, s:s}", "loader", bu_bootloader_name(c->kind), "file", c->path,
					  "next", c->next) : json_null());
	return o;
}

static void print_findings(const struct bu_plan *p)
{
	size_t i;

	for (i = 0; i < p->n_findings; i++) {
		const struct bu_plan_finding *f = &p->findings[i];

		printf("%s %s: %s\n", f->level == BU_PLAN_REFUSE ? "REFUSED" : "warning", f->id, f->what);
		printf("  instead: %s\n  source:  %s\n", f->instead, f->source);
	}
}

static void print_numbers(const struct bu_plan_input *in, const struct bu_plan *p)
{
	const struct bu_plan_prediction *q = &p->predicted;
	char a[32], b[32], c[BU_NS_STRLEN], d[BU_NS_STRLEN];

	printf("Line       %zu of %zu bytes, the present line included\n", p->line_bytes, bu_plan_line_max(&in->kernel));
	if (p->memory_bytes > 0)
		printf("Buffers    %s for each of %" PRId64 " possible CPUs, %s in all, %.2f %% of memory\n",
		       bytes_str(p->buffer_bytes, a, sizeof(a)), p->cpus, bytes_str(p->memory_bytes, b, sizeof(b)),
		       100.0 * (double)p->memory_bytes / 1024 / (double)in->memory_kib);
	if (!q->total_events)
		return;
	printf("Predicted  %" PRId64 " events, %s; at most %" PRId64 " events, %s on the boot CPU\n", q->total_events,
	       bytes_str(q->total_bytes, a, sizeof(a)), q->boot_events, bytes_str(q->boot_bytes, b, sizeof(b)));
	if (p->wrap_cpus)
		printf("           the boot CPU's buffer is full with about %" PRId64 " CPUs\n", p->wrap_cpus);
	printf("           basis: %s\n", bu_plan_basis(&in->kernel));
	printf("Cost       %s to %s on the boot CPU for its events (" EVENT_BASIS ")\n",
	       bu_ns_str(q->boot_events * EVENT_NS_LOW, c), bu_ns_str(q->boot_events * EVENT_NS_HIGH, d));
	printf("           %s to %s for allocating buffers within the bring-up (" ALLOC_BASIS ")\n",
	       bu_ns_str(allocation_ns(p, ALLOC_NS_MIB_LOW), c), bu_ns_str(allocation_ns(p, ALLOC_NS_MIB_HIGH), d));
	if (q->patterns)
		printf("           %s before the bring-up for matching %" PRId64 " patterns (" PATTERN_BASIS ")\n",
		       bu_ns_str(q->patterns * PATTERN_NS, c), q->patterns);
}

static void print_plan(const struct bu_plan_input *in, const struct bu_plan *p, const struct bu_bootloader_change *c)
{
	char a[32];

	printf("Linux %s, %" PRId64 " possible CPUs, %s", in->kernel.release, p->cpus,
	       bytes_str(in->memory_kib * 1024, a, sizeof(a)));
	if (p->add) {
		printf(", profile %s\n\n%s:\n\n%s\n\n", in->profile, p->refused ? "This would be the line" :
		       "Add to the kernel command line", p->add);
		if (p->next_boot)
			printf("After a boot that hung, start the next one without these, and with:\n\n%s\n\n", p->next_boot);
	} else {
		printf("\n");
	}
	print_numbers(in, p);
	print_findings(p);
	if (c)
		printf("Written    %s (%s); %s\n", c->path, bu_bootloader_name(c->kind), c->next);
	else if (p->add && !p->refused)
		printf("Nothing was changed; --apply writes it for the boot loader.\n");
	else if (!p->n_findings)
		printf("No trap found.\n");
}

static int print_traps(bool json)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < bu_n_traps; i++) {
		const struct bu_trap *t = &bu_traps[i];

		if (json)
			json_array_append_new(a, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", t->id, "level",
							   t->level == BU_PLAN_REFUSE ? "refuse" : "warn", "about", t->about,
							   "instead", t->instead, "source", t->source));
		else
			printf("%s (%s)\n  %s\n  instead: %s\n  source:  %s\n", t->id,
			       t->level == BU_PLAN_REFUSE ? "refused" : "warning", t->about, t->instead, t->source);
	}
	if (json) {
		json_dumpf(a, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(a);
	return BU_EXIT_OK;
}

/* ---- changing the machine ---- */

static int apply(const struct options *o, const struct bu_plan_input *in, const struct bu_plan *plan,
		 struct bu_bootloader_change *ret, struct bu_err *err)
{
	struct bu_bootloader_request r = { .root = o->root, .add = plan->add, .release = in->kernel.release,
					   .entry = o->entry };
	struct bu_bootloader_change undone;
	struct bu_err ignored = BU_ERR_INIT;
	int rc;

	parse_loader(o->loader, &r.kind);
	rc = bu_bootloader_apply(&r, ret, err);
	if (!rc && o->run_update && ret->kind == BU_BOOTLOADER_GRUB) {
		rc = bu_bootloader_update_grub(o->root, err);
		if (rc)
			bu_bootloader_undo(o->root, &undone, &ignored);
		else
			snprintf(ret->next, sizeof(ret->next), "update-grub was run; reboot to record");
	}
	return rc;
}

static int run_undo(const struct bu_usage *usage, const struct options *o)
{
	struct bu_bootloader_change c;
	struct bu_err err = BU_ERR_INIT;
	int rc;

	rc = bu_bootloader_undo(o->root, &c, &err);
	if (!rc && o->run_update && *c.path && c.kind == BU_BOOTLOADER_GRUB) {
		rc = bu_bootloader_update_grub(o->root, &err);
		snprintf(c.next, sizeof(c.next), "update-grub was run");
	}
	if (rc)
		return bu_cli_failed(usage, &err);
	if (o->json) {
		json_t *j = json_pack("{s:s?, s:s?, s:s?}", "undone", *c.path ? c.path : NULL, "loader",
				      *c.path ? bu_bootloader_name(c.kind) : NULL, "next", *c.next ? c.next : NULL);

		json_dumpf(j, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(j);
	} else if (!*c.path) {
		printf("There was nothing to undo.\n");
	} else {
		printf("Undone: %s is as it was before%s%s\n", c.path, *c.next ? "; " : "", c.next);
	}
	return BU_EXIT_OK;
}

static int run_plan(const struct bu_usage *usage, const struct options *o)
{
	_cleanup_(bu_arena_fini) struct bu_arena arena = { NULL, 0 };
	_cleanup_(bu_plan_fini) struct bu_plan plan = { .add = NULL };
	struct bu_plan_input in = { .profile = NULL };
	struct bu_bootloader_change change;
	struct bu_err err = BU_ERR_INIT;
	bool applied = false;
	json_t *j;
	int rc;

	rc = fill_input(usage, o, &arena, &in);
	if (rc >= 0)
		return rc;
	rc = o->check ? bu_plan_check(&in, o->check, &plan, &err) : bu_plan_make(&in, &plan, &err);
	if (rc)
		return bu_cli_failed(usage, &err);
	if (o->apply && !plan.refused) {
		if (strstr(plan.line, " -- ")) {
			bu_fail(&err, -EINVAL, "the present line hands arguments to init behind \"--\", and a boot loader would "
				"append the plan to those; put it in front of the \"--\" by hand");
			return bu_cli_failed(usage, &err);
		}
		if (apply(o, &in, &plan, &change, &err))
			return bu_cli_failed(usage, &err);
		applied = true;
	}
	if (o->json) {
		j = plan_json(&in, &plan, applied ? &change : NULL);
		json_dumpf(j, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(j);
	} else {
		print_plan(&in, &plan, applied ? &change : NULL);
	}
	return plan.refused ? BU_EXIT_FAILED : BU_EXIT_OK;
}

int bu_cmd_plan(int argc, char **argv)
{
	struct options o = { .profile = "hotplug", .loader = "auto", .root = "", .max_memory = 25 };
	const struct bu_opt opts[] = {
		{ "profile", 'p', BU_OPT_STRING, &o.profile, "NAME", "hotplug (default), clock, pgd, text or all", 0, 0 },
		{ "kernel", 'k', BU_OPT_STRING, &o.kernel, "RELEASE", "as uname -r has it (the running one)", 0, 0 },
		{ "arch", 0, BU_OPT_STRING, &o.arch, "NAME", "as uname -m has it (this machine's)", 0, 0 },
		{ "cpus", 'c', BU_OPT_INT, &o.cpus, "N", "possible CPUs (this machine's)", 1, 65536 },
		{ "memory", 'm', BU_OPT_STRING, &o.memory, "SIZE", "memory, like 16G (this machine's)", 0, 0 },
		{ "max-memory", 0, BU_OPT_INT, &o.max_memory, "PERCENT", "of it that trace buffers may take (25)", 1, 90 },
		{ "buffer", 'b', BU_OPT_STRING, &o.buffer, "SIZE", "per CPU, like 512K (as predicted, and half again)", 0, 0 },
		{ "no-functions", 0, BU_OPT_FLAG, &o.no_functions, NULL, "only events; CPUs are not seen before they are "
		  "online", 0, 0 },
		{ "user-faults", 0, BU_OPT_FLAG, &o.user_faults, NULL, "page faults of user space, too", 0, 0 },
		{ "instance", 0, BU_OPT_STRING, &o.instance, "NAME", "trace into an instance (6.3 and later): no functions, "
		  "clock \"local\"", 0, 0 },
		{ "persistent", 0, BU_OPT_FLAG, &o.persistent, NULL, "keep the hotplug steps over a warm reboot as well "
		  "(6.12 and later)", 0, 0 },
		{ "cmdline", 0, BU_OPT_STRING, &o.present, "TEXT", "the present command line (/proc/cmdline; with --root "
		  "what the boot loader has)", 0, 0 },
		{ "check", 0, BU_OPT_STRING, &o.check, "LINE", "look for traps in this whole command line instead", 0, 0 },
		{ "traps", 0, BU_OPT_FLAG, &o.traps, NULL, "list all traps that are looked for", 0, 0 },
		{ "apply", 0, BU_OPT_FLAG, &o.apply, NULL, "write the plan where the boot loader finds it", 0, 0 },
		{ "undo", 0, BU_OPT_FLAG, &o.undo, NULL, "give back what was before --apply, byte for byte", 0, 0 },
		{ "run-update", 0, BU_OPT_FLAG, &o.run_update, NULL, "with these two: run update-grub as well", 0, 0 },
		{ "loader", 0, BU_OPT_STRING, &o.loader, "NAME", "grub, systemd-boot or auto", 0, 0 },
		{ "entry", 0, BU_OPT_STRING, &o.entry, "FILE", "systemd-boot: the entry to copy (the one of --kernel)", 0, 0 },
		{ "root", 0, BU_OPT_STRING, &o.root, "DIR", "the system below DIR, not this one; with --kernel", 0, 0 },
		{ "json", 'j', BU_OPT_FLAG, &o.json, NULL, "one JSON object (docs/json-plan.md)", 0, 0 },
	};
	const struct bu_usage usage = {
		"plan", "plan [options]",
		"Print the kernel command line that records how this machine brings its CPUs up, with what it will cost,\n"
		"and refuse what is known to go wrong. Nothing is changed without --apply.\n"
		"Exit code 1: the plan, or the line given with --check, is refused; the output says why.",
		"  bringup plan --profile hotplug\n"
		"  bringup plan --kernel 6.12.113 --cpus 512 --memory 2T --check \"$(cat new-cmdline)\"",
		opts, ARRAY_SIZE(opts), 0, 0,
	};
	_cleanup_free_ char *root = NULL;
	enum bu_bootloader_kind kind;
	int first, rc;

	rc = bu_cli_parse(&usage, argc, argv, &first);
	if (rc >= 0)
		return rc;
	if (o.traps)
		return print_traps(o.json);
	if (parse_loader(o.loader, &kind))
		return bu_cli_usage_error(&usage, "there is no loader '%s'; take grub, systemd-boot or auto", o.loader);
	if (!!o.apply + !!o.undo + !!o.check > 1)
		return bu_cli_usage_error(&usage, "--apply, --undo and --check exclude one another");
	if (o.run_update && !o.apply && !o.undo)
		return bu_cli_usage_error(&usage, "--run-update goes with --apply or --undo");
	root = strdup(o.root);
	if (!root)
		return BU_EXIT_FAILED;
	while (*root && root[strlen(root) - 1] == '/')
		root[strlen(root) - 1] = 0;
	o.root = root;
	if (*root && !o.undo && !o.kernel)
		return bu_cli_usage_error(&usage, "--root wants --kernel, the release of the kernel below %s", root);
	return o.undo ? run_undo(&usage, &o) : run_plan(&usage, &o);
}
