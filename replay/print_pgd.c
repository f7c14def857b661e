// SPDX-License-Identifier: GPL-2.0-only
/* print_pgd.c - what `bringup replay --pgd` says; see print_pgd.h. */
#include "replay/print_pgd.h"

#include <inttypes.h>
#include <stdio.h>

#include "replay/print.h"
#include "schemas/base/ns.h"

void bu_print_pgd_schedule(const struct bu_pgd_schedule *s)
{
	const struct bu_pgd_counts *c = &s->counts;
	char t[BU_NS_STRLEN];

	printf("%s, %d CPUs, %s\n", s->kernel_release, s->cpus, bu_ns_str(s->end_ns, t));
	printf("%" PRId64 " page tables at the start, %" PRId64 " at most; %" PRId64 " made, %" PRId64 " ended; %" PRId64
	       " context switches, %" PRId64 " of them to an address space\n", c->mms_at_start, c->mms_most,
	       c->what[BU_PGD_FORK] + c->what[BU_PGD_EXEC], c->what[BU_PGD_EXIT], c->what[BU_PGD_SWITCH], c->mm_switches);
	printf("%" PRId64 " allocations of kernel space, for which init_mm needs %" PRId64 " new entries%s; %" PRId64 " touches\n",
	       c->mappings, c->new_entries, s->synthetic ? " (synthetic: of a granularity that was chosen)" : "",
	       c->what[BU_PGD_TOUCH]);
	printf("recorded: %" PRId64 " page faults, %" PRId64 " of them in vmalloc_fault(); %" PRId64 " synchronisations of %" PRId64
	       " page tables and entries\n", c->what[BU_PGD_FAULT], c->lazy, c->what[BU_PGD_SYNC], c->walked);
}

static const char *or_dash(int64_t ns, char *buf)
{
	return ns == BU_NS_UNKNOWN ? "-" : bu_ns_str(ns, buf);
}

/* What one of each takes; cores that have none of them are left out. */
static void print_costs(const struct bu_run *const *runs, const struct bu_pgd_outcome *out, size_t n)
{
	static const char *const names[BU_PGD_COST_ALLOC] = {
		[BU_PGD_COST_FAULT] = "a page fault", [BU_PGD_COST_CHECK] = "a check", [BU_PGD_COST_WALK] = "a walk for an entry",
	};
	char t[3][BU_NS_STRLEN];
	size_t i;
	int k;

	printf("\n%-14s %-20s %10s %10s %10s\n", "core", "costs", "p50", "p99", "max");
	for (i = 0; i < n; i++)
		for (k = 0; k < BU_PGD_COST_ALLOC; k++) {
			const struct bu_pgd_quantiles *q = &out[i].costs[k];

			if (q->max_ns != BU_NS_UNKNOWN)
				printf("%-14s %-20s %10s %10s %10s\n", runs[i]->core, names[k], bu_ns_str(q->p50_ns, t[0]),
				       bu_ns_str(q->p99_ns, t[1]), bu_ns_str(q->max_ns, t[2]));
		}
}

void bu_print_pgd_runs(const struct bu_run *const *runs, const struct bu_pgd_outcome *out, size_t n)
{
	char t[5][BU_NS_STRLEN];
	size_t i;

	printf("\n%-14s %8s %9s %7s %9s %10s %7s %10s %10s %10s  %s\n", "core", "faults", "checks", "copies", "walked", "walking", "IPIs",
	       "alloc p50", "p99", "max", "verdict");
	for (i = 0; i < n; i++) {
		const struct bu_pgd_outcome *o = &out[i];
		const struct bu_pgd_quantiles *wait = &o->costs[BU_PGD_COST_ALLOC];

		printf("%-14s %8" PRIu64 " %9" PRId64 " %7" PRId64 " %9" PRId64 " %10s %7" PRId64 " %10s %10s %10s  %s\n", runs[i]->core,
		       o->faults, o->counts[BU_PGD_CHECKS], o->counts[BU_PGD_COPIES], o->counts[BU_PGD_WALKED],
		       bu_ns_str(o->counts[BU_PGD_WALK_NS], t[0]), o->counts[BU_PGD_IPIS], or_dash(wait->p50_ns, t[1]),
		       or_dash(wait->p99_ns, t[2]), or_dash(wait->max_ns, t[3]), runs[i]->verdict);
		if (runs[i]->verdict_detail[0])
			printf("%14s %s\n", "", runs[i]->verdict_detail);
	}
	print_costs(runs, out, n);
	for (i = 0; i < n; i++)
		if (runs[i]->witness)
			bu_print_witness(runs[i]->core, runs[i]->witness);
}

json_t *bu_json_pgd_schedule(const struct bu_pgd_schedule *s)
{
	const struct bu_pgd_counts *c = &s->counts;

	return json_pack("{s:i, s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "cpus", s->cpus, "arch",
			 s->arch, "slot_shift", s->slot_shift, "synthetic", s->synthetic, "end_ns", (json_int_t)s->end_ns, "mms_at_start",
			 (json_int_t)c->mms_at_start, "mms_most", (json_int_t)c->mms_most, "made",
			 (json_int_t)c->what[BU_PGD_FORK] + c->what[BU_PGD_EXEC], "ended", (json_int_t)c->what[BU_PGD_EXIT], "switches",
			 (json_int_t)c->what[BU_PGD_SWITCH], "mm_switches", (json_int_t)c->mm_switches, "allocs",
			 (json_int_t)c->mappings, "new_entries", (json_int_t)c->new_entries, "recorded_faults",
			 (json_int_t)c->what[BU_PGD_FAULT], "recorded_vmalloc_faults", (json_int_t)c->lazy, "recorded_syncs",
			 (json_int_t)c->what[BU_PGD_SYNC], "recorded_walked", (json_int_t)c->walked);
}
