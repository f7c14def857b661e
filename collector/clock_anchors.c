// SPDX-License-Identifier: GPL-2.0-only
/*
 * clock_anchors.c - see clock_anchors.h.
 *
 * An event comes a little later than the `now` that it carries, never earlier. So a line is drawn through two anchors
 * that were quick, one of the first quarter of the time and one of the last; what the others are off it says how quick
 * that usually is, and one far on its early side refutes the line: a clock that was set, a machine that was suspended,
 * CPUs whose counters differ.
 */
#include "collector/clock_anchors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/dat_formats.h"
#include "collector/dat_source.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

#define MAX_ANCHORS 4096	/* kept at a time; half is dropped when they are more */
#define LEAST_LATENCY_NS 50000	/* assumed where the anchors are too few to show theirs */
#define BOUND_PPB 200000	/* a rate less certain than this is none: 200 us in a second */
#define LEAST_HZ 1000000.0
#define MOST_HZ 100e9
#define ROUNDS 4		/* of choosing the two; settles in two or three */

/* ---- the rate ------------------------------------------------------------------------------------------------------ */

static int by_now(const void *a, const void *b)
{
	const struct bu_anchor *x = a, *y = b;

	if (x->now_ns != y->now_ns)
		return x->now_ns < y->now_ns ? -1 : 1;
	return x->ticks < y->ticks ? -1 : x->ticks > y->ticks;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By how many nanoseconds @a comes after what @from and @hz make of its stamp. */
static double lateness(const struct bu_anchor *a, const struct bu_anchor *from, double hz)
{
	double ticks = a->ticks < from->ticks ? -(double)(from->ticks - a->ticks) : (double)(a->ticks - from->ticks);

	return ticks / hz * BU_NS_PER_S - ((double)a->now_ns - (double)from->now_ns);
}

static size_t quickest(const struct bu_anchor *a, size_t begin, size_t end, double hz)
{
	size_t best = begin, i;

	for (i = begin; i < end; i++)
		if (lateness(&a[i], &a[0], hz) < lateness(&a[best], &a[0], hz))
			best = i;
	return best;
}

static double rate_of(const struct bu_anchor *a, const struct bu_anchor *b)
{
	double ns = (double)b->now_ns - (double)a->now_ns;

	return b->ticks > a->ticks && ns > 0 ? (double)(b->ticks - a->ticks) * BU_NS_PER_S / ns : 0;
}

/* How far they are off the line through @from: half of them @ret_usual late or less, none more than @ret_early early. */
static bool spread(const struct bu_anchor *a, size_t n, const struct bu_anchor *from, double hz, double *ret_usual,
		   double *ret_early)
{
	_cleanup_free_ double *late = malloc(n * sizeof(*late));
	size_t i;

	if (!late)
		return false;
	for (i = 0; i < n; i++)
		late[i] = lateness(&a[i], from, hz);
	qsort(late, n, sizeof(*late), by_value);
	*ret_early = late[0] < 0 ? -late[0] : 0;
	*ret_usual = late[n / 2] > 0 ? late[n / 2] : 0;
	return true;
}

void bu_anchors_solve(struct bu_anchor *a, size_t n, struct bu_anchors_result *ret)
{
	size_t head, tail, first, last, round;
	double hz, usual = 0, early = 0, latency;
	uint64_t quarter_ns;

	*ret = (struct bu_anchors_result){ .verdict = BU_ANCHORS_NONE, .used = (int64_t)n };
	if (n < 2)
		return;
	qsort(a, n, sizeof(*a), by_now);
	ret->verdict = BU_ANCHORS_NEAR;
	if (a[n - 1].now_ns == a[0].now_ns)
		return;
	quarter_ns = ((uint64_t)a[n - 1].now_ns - (uint64_t)a[0].now_ns) / 4;
	for (head = 1; (uint64_t)a[head].now_ns - (uint64_t)a[0].now_ns <= quarter_ns; head++)
		;
	for (tail = n - 1; tail > head && (uint64_t)a[n - 1].now_ns - (uint64_t)a[tail - 1].now_ns <= quarter_ns; tail--)
		;
	hz = rate_of(&a[0], &a[n - 1]);
	for (round = 0, first = 0, last = n - 1; round < ROUNDS && hz > 0; round++) {
		first = quickest(a, 0, head, hz);
		last = quickest(a, tail, n, hz);
		hz = rate_of(&a[first], &a[last]);
	}
	ret->verdict = BU_ANCHORS_CONTRADICT;
	if (hz < LEAST_HZ || hz > MOST_HZ || !spread(a, n, &a[first], hz, &usual, &early))
		return;
	latency = usual > LEAST_LATENCY_NS ? usual : LEAST_LATENCY_NS;
	ret->distance_ns = (int64_t)((uint64_t)a[last].now_ns - (uint64_t)a[first].now_ns);
	ret->latency_ns = (int64_t)(early > latency ? early : latency);
	ret->bound_ppb = (int64_t)((double)ret->latency_ns / (double)ret->distance_ns * 1e9);
	if (ret->bound_ppb <= BOUND_PPB) {
		ret->verdict = BU_ANCHORS_PROVE;
		ret->hz = (int64_t)(hz + 0.5);
	} else if (early <= latency) {
		ret->verdict = BU_ANCHORS_NEAR;
	}
}

/* ---- the anchors ------------------------------------------------------------------------------------------------------ */

struct scan {
	struct tep_handle *tep;
	uint32_t type, type_offset, now_offset, function_offset;
	struct bu_anchor *anchors;
	size_t n, cap;
	uint64_t seen, stride;		/* of all anchors each stride-th is kept */
	uint64_t tick_function, other_function;	/* the last of each that was looked up */
};

static int find_format(struct scan *s)
{
	struct tep_event *e = tep_find_event_by_name(s->tep, "timer", "hrtimer_expire_entry");
	const struct tep_format_field *now = e ? tep_find_field(e, "now") : NULL;
	const struct tep_format_field *function = e ? tep_find_field(e, "function") : NULL;
	const struct tep_format_field *type = e ? tep_find_common_field(e, "common_type") : NULL;

	if (!now || now->size != 8 || now->offset < 0 || !function || function->size != 8 || function->offset < 0 ||
	    !type || type->size != 2 || type->offset < 0 || type->offset > now->offset)
		return -ENOENT;
	s->type = (uint32_t)e->id;
	s->type_offset = (uint32_t)type->offset;
	s->now_offset = (uint32_t)now->offset;
	s->function_offset = (uint32_t)function->offset;
	return 0;
}

static bool is_tick(struct scan *s, uint64_t function)
{
	const char *name;

	if (function == s->tick_function || function == s->other_function)
		return function == s->tick_function;
	name = tep_find_function(s->tep, function);
	if (name && (!strcmp(name, "tick_nohz_handler") || !strcmp(name, "tick_sched_timer"))) {	/* since 6.9; before */
		s->tick_function = function;
		return true;
	}
	s->other_function = function;
	return false;
}

static int keep(struct scan *s, uint64_t ticks, int64_t now_ns)
{
	size_t i;

	if (s->seen++ % s->stride)
		return 0;
	if (s->n == MAX_ANCHORS) {
		for (i = 0; i < s->n / 2; i++)
			s->anchors[i] = s->anchors[2 * i];
		s->n /= 2;
		s->stride *= 2;
	}
	if (bu_grow(&s->anchors, s->n, &s->cap, sizeof(*s->anchors)))
		return -ENOMEM;
	s->anchors[s->n++] = (struct bu_anchor){ ticks, now_ns };
	return 0;
}

static int look_at(struct scan *s, const struct bu_ring_event *r)
{
	if (r->bytes < s->now_offset + 8 || r->bytes < s->function_offset + 8 ||
	    tep_read_number(s->tep, r->data + s->type_offset, 2) != s->type ||
	    !is_tick(s, tep_read_number(s->tep, r->data + s->function_offset, 8)))
		return 0;
	return keep(s, r->stamp, (int64_t)tep_read_number(s->tep, r->data + s->now_offset, 8));
}

static int scan_streams(struct scan *s, struct bu_dat_source *source, struct bu_err *err)
{
	struct bu_ring_event r;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < source->n_streams; i++)
		while ((rc = bu_stream_read(source, &source->streams[i], &r, err)) > 0)
			if (look_at(s, &r))
				return bu_fail_errno(err, -ENOMEM, "anchors");
	return rc;
}

int bu_anchors_read(const char *path, const struct bu_dat_head *head, struct bu_anchors_result *ret,
		    struct bu_err *err)
{
	struct bu_dat_formats formats;
	struct bu_dat_source source;
	struct scan s = { .stride = 1 };
	int rc;

	*ret = (struct bu_anchors_result){ .verdict = BU_ANCHORS_NONE };
	rc = bu_dat_formats_open(path, head, &formats, err);
	if (rc)
		return rc;
	s.tep = formats.tep;
	rc = bu_dat_source_open(path, head, &source, err);
	if (!rc) {
		if (!find_format(&s))
			rc = scan_streams(&s, &source, err);
		bu_dat_source_close(&source);
	}
	bu_dat_formats_close(&formats);
	if (!rc)
		bu_anchors_solve(s.anchors, s.n, ret);
	free(s.anchors);
	return rc;
}
