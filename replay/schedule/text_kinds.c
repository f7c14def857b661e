// SPDX-License-Identifier: GPL-2.0-only
/*
 * text_kinds.c - what the instructions look like that each function patches, and a schedule made up of them.
 *
 * The function tracer shows that a site was patched, not its bytes. What matters of them is how long the site is and how
 * much of it is executed: a return that takes the place of a jump is whole with its first byte, whatever follows.
 * Sources: arch/x86/kernel/alternative.c, static_call.c and jump_label.c of v6.12; displacements stand for any.
 */
#include "replay/schedule/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/schedule/figures.h"
#include "schemas/base/ns.h"

#define BYTES(a, b, c, d, e) \
	(UINT64_C(0x##a) | UINT64_C(0x##b) << 8 | UINT64_C(0x##c) << 16 | UINT64_C(0x##d) << 24 | UINT64_C(0x##e) << 32)

static const struct {
	const char *phase;
	struct bu_text_site site;
} kinds[] = {
	/* jmp __x86_return_thunk -> ret; int3 */
	{ "apply_returns", { "", BYTES(e9, 3b, 71, c0, 00), BYTES(c3, cc, cc, cc, cc), 5, 5, 1 } },
	/* call __x86_indirect_thunk_rax -> call *%rax; nop3 */
	{ "apply_retpolines", { "", BYTES(e8, 3b, 71, c0, 00), BYTES(ff, d0, 0f, 1f, 00), 5, 5, 5 } },
	/* endbr64 -> nopw (%rax): gen_endbr_poison() */
	{ "apply_seal_endbr", { "", BYTES(f3, 0f, 1e, fa, 00), BYTES(66, 0f, 1f, 00, 00), 4, 4, 4 } },
	/* call a -> call b */
	{ "__static_call_transform", { "", BYTES(e8, 3b, 71, c0, 00), BYTES(e8, 11, 02, 9a, ff), 5, 5, 5 } },
	/* jmp8 -> nop2 */
	{ "__jump_label_update", { "", BYTES(eb, 1e, 00, 00, 00), BYTES(66, 90, 00, 00, 00), 2, 2, 2 } },
	{ "text_poke_bp_batch", { "", BYTES(eb, 1e, 00, 00, 00), BYTES(66, 90, 00, 00, 00), 2, 2, 2 } },
	/* apply_alternatives(): lock; addl $0,(%esp) -> mfence; nop2, the barrier that 2.6.18 patched as well */
	{ "", { "", BYTES(f0, 83, 04, 24, 00), BYTES(0f, ae, f0, 66, 90), 5, 5, 5 } },
};

struct bu_text_site bu_text_kind(const char *phase, int len)
{
	struct bu_text_site s;
	size_t i;

	for (i = 0; strcmp(kinds[i].phase, phase) && kinds[i].phase[0]; i++)
		;
	s = kinds[i].site;
	if (len > 0 && len <= 8) {
		const uint64_t keep = len >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * len) - 1;

		s.before &= keep;
		s.after &= keep;
		s.len = s.before_len = len;
		if (s.after_len > 1 || len == 1)
			s.after_len = len;
	}
	return s;
}

bool bu_text_tearable(const struct bu_text_site *s)
{
	const uint64_t first = (UINT64_C(1) << 8 * bu_text_first_store(s->len)) - 1;
	const uint64_t half = (s->before & ~first) | (s->after & first);
	const uint64_t executed = s->after_len >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * s->after_len) - 1;

	return half != s->before && ((half ^ s->after) & executed);
}

/* ---------------------------------------------------------------------------------------------------- made up */

enum made_up { SITES, SITE_NS, HZ, RISK, PAIRS, LEN, CPUS, BATCHES, BATCH_SITES, GAP_NS, LEAD_IN_NS, LPJ, NMI_HZ, IPI_NS, AHEAD_NS,
	       MADE_UP_NR };

static const struct bu_figure options[MADE_UP_NR] = {
	[SITES] = { "sites", 1000, 0, 1000000 },
	[SITE_NS] = { "site_ns", 150, 1, BU_NS_PER_S },
	[HZ] = { "hz", 250, 0, 100000 },
	[RISK] = { "risk", 0, 0, 1000000 },
	[PAIRS] = { "pairs", 0, 0, 500000 },
	[LEN] = { "len", 5, 1, 8 },
	[CPUS] = { "cpus", 1, 1, 4096 },
	[BATCHES] = { "batches", 0, 0, 10000 },
	[BATCH_SITES] = { "batch_sites", 1, 1, 100000 },
	[GAP_NS] = { "gap_ns", 0, 0, 100 * BU_NS_PER_S },
	[LEAD_IN_NS] = { "lead_in_ns", 0, 0, 100 * BU_NS_PER_S },
	[LPJ] = { "lpj_known", 1, 0, 1 },
	[NMI_HZ] = { "nmi_hz", 0, 0, 100000 },
	[IPI_NS] = { "ipi_ns", 1000, 0, BU_NS_PER_S },
	[AHEAD_NS] = { "ahead_ns", BU_TEXT_AHEAD_NS, 0, BU_NS_PER_S },
};

const char bu_text_made_up_help[] =
	"sites (of the batch at boot), site_ns (each), hz (0: the timer does not tick), risk (sites that a tick executes,\n"
	"drawn), pairs (of sites that a tick executes together), len (bytes), cpus, batches (after boot), batch_sites,\n"
	"gap_ns (between batches),\n"
	"lead_in_ns (calibration to the first site), lpj_known (0: calibration waits for the timer), nmi_hz, ipi_ns,\n"
	"ahead_ns (from the fetch of one part of a site to its execution)";

static void made_up_batch(struct bu_text_schedule *s, const char *name, bool boot, int n, const int64_t *v)
{
	struct bu_text_patch *b = &s->batches[s->n_batches];
	int i;

	*b = (struct bu_text_patch){ .name = name, .at = { s->n_sites, n, boot }, .ns = n * v[SITE_NS],
				     .start_ns = s->n_batches ? b[-1].start_ns + b[-1].ns + v[GAP_NS] : 0, .first_phase = s->n_batches,
				     .n_phases = 1 };
	s->phases[s->n_batches] = (struct bu_text_phase){ name, n, b->ns, 0 };
	for (i = 0; i < n; i++) {
		s->sites[s->n_sites] = bu_text_kind(name, boot ? (int)v[LEN] : 0);
		s->sites[s->n_sites].name = name;
		s->phase[s->n_sites] = (uint32_t)s->n_batches;
		s->cost_ns[s->n_sites++] = v[SITE_NS];
	}
	s->n_batches++;
}

/* Figures that are not about sites. Return: whether it is one. */
static bool set_figure(struct bu_text_schedule *s, enum made_up which, int64_t v)
{
	switch (which) {
	case HZ:
		s->tick_period_ns = v ? BU_NS_PER_S / v : 0;
		s->tick_first_ns = BU_NS_UNKNOWN;
		return true;
	case NMI_HZ:
		s->nmi_period_ns = v ? BU_NS_PER_S / v : 0;
		return true;
	case IPI_NS:
		s->ipi_ns = v;
		return true;
	case AHEAD_NS:
		s->ahead_ns = v;
		return true;
	case LEAD_IN_NS:
		s->lead_in_ns = v;
		return true;
	case LPJ:
		s->lpj_known = v;
		return true;
	case CPUS:
		s->cpus = (int32_t)v;
		return true;
	case BATCHES:	/* the first of those that there are */
		if (s->n_batches > v + s->batches[0].at.boot)
			s->n_batches = (int)v + s->batches[0].at.boot;
		return true;
	default:
		return false;
	}
}

/* Return: 0; -ENOMEM. */
static int keep_figures(struct bu_text_schedule *s, const int64_t *v, const bool *given)
{
	char text[MADE_UP_NR * 40] = "{";
	size_t i, len = 1;

	for (i = 0; i < MADE_UP_NR; i++)
		if (given[i])
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%s\":%lld", len > 1 ? "," : "", options[i].name,
						(long long)v[i]);
	snprintf(text + len, sizeof(text) - len, "}");
	s->figures = bu_arena_strdup(&s->arena, text);
	return s->figures ? 0 : -ENOMEM;
}

int bu_text_change(struct bu_text_schedule *s, const char *text, struct bu_err *err)
{
	bool given[MADE_UP_NR] = { false };
	int64_t v[MADE_UP_NR];
	int rc = bu_figures_parse(options, MADE_UP_NR, text, bu_text_made_up_help, v, given, err), i;

	for (i = 0; !rc && i < MADE_UP_NR; i++)
		if (given[i] && !set_figure(s, (enum made_up)i, v[i]))
			return bu_fail(err, -EINVAL, "%s is as recorded; without a capture it can be chosen", options[i].name);
	return rc ? rc : keep_figures(s, v, given);
}

int bu_text_made_up(const char *text, struct bu_text_schedule *ret, struct bu_err *err)
{
	struct bu_text_schedule s = { .capture_name = "made up", .capture_sha256 = "", .kernel_release = "made up",
				      .tick_name = "timer_interrupt", .tick_first_ns = BU_NS_UNKNOWN };
	bool given[MADE_UP_NR] = { false };
	int64_t v[MADE_UP_NR];
	size_t n, i;
	int rc;

	for (i = 0; i < MADE_UP_NR; i++)
		v[i] = options[i].def;
	rc = bu_figures_parse(options, MADE_UP_NR, text, bu_text_made_up_help, v, given, err);
	if (rc)
		return rc;
	if (v[RISK] > v[SITES] - 2 * v[PAIRS])
		return bu_fail(err, -EINVAL, "of %lld sites, %lld pairs and %lld more at risk are too many", (long long)v[SITES],
			       (long long)v[PAIRS], (long long)v[RISK]);
	n = (size_t)(v[SITES] + v[BATCHES] * v[BATCH_SITES]);
	s.sites = bu_arena_alloc(&s.arena, n * sizeof(*s.sites));
	s.cost_ns = bu_arena_alloc(&s.arena, n * sizeof(*s.cost_ns));
	s.phase = bu_arena_alloc(&s.arena, n * sizeof(*s.phase));
	s.batches = bu_arena_alloc(&s.arena, (size_t)(v[BATCHES] + 1) * sizeof(*s.batches));
	s.phases = bu_arena_alloc(&s.arena, (size_t)(v[BATCHES] + 1) * sizeof(*s.phases));
	s.risks = bu_arena_alloc(&s.arena, (size_t)v[RISK] * sizeof(*s.risks));
	if (!s.sites || !s.cost_ns || !s.phase || !s.batches || !s.phases || !s.risks) {
		bu_text_schedule_fini(&s);
		return bu_fail_errno(err, -ENOMEM, "schedule of %zu sites", n);
	}
	if (v[SITES])
		made_up_batch(&s, "apply_alternatives", true, (int)v[SITES], v);
	for (i = 0; i < (size_t)v[BATCHES]; i++)
		made_up_batch(&s, "text_poke_bp_batch", false, (int)v[BATCH_SITES], v);
	s.n_phases = s.n_batches;
	for (i = 0; i < (size_t)v[RISK]; i++)
		s.risks[s.n_risks++] = (struct bu_text_risk){ .function = "timer interrupt" };
	s.n_pairs = (int)v[PAIRS];
	for (i = 0; i < MADE_UP_NR; i++)
		set_figure(&s, (enum made_up)i, v[i]);
	rc = keep_figures(&s, v, given);
	if (rc) {
		bu_text_schedule_fini(&s);
		return bu_fail_errno(err, rc, "schedule of %zu sites", n);
	}
	*ret = s;
	return 0;
}

void bu_text_schedule_fini(struct bu_text_schedule *s)
{
	bu_arena_fini(&s->arena);
	*s = (struct bu_text_schedule){ 0 };
}
