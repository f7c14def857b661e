// SPDX-License-Identifier: GPL-2.0-only
/* clock.c - see clock.h. */
#include "collector/clock.h"

#include <string.h>

#include "schemas/base/ns.h"

/* USER_HZ of every architecture that runs Debian but alpha: the unit of the clock "uptime", trace_clock_jiffies(). */
#define USER_HZ 100

static bool counts_ticks(const char *name)
{
	static const char *const names[] = { "x86-tsc", "counter", "uptime", "ppc-tb" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void find_tsc_rate(const struct bu_machine *m, struct bu_clock *c)
{
	if (m->tsc_refined_khz != BU_NS_UNKNOWN && m->tsc_refined_khz > 0) {
		c->hz = m->tsc_refined_khz * 1000;
		c->hz_source = "dmesg tsc: Refined TSC clocksource calibration";
	} else if (m->tsc_detected_khz != BU_NS_UNKNOWN && m->tsc_detected_khz > 0) {
		c->hz = m->tsc_detected_khz * 1000;
		c->hz_source = "dmesg tsc: Detected";
	}
}

void bu_clock_choose(const struct bu_dat_head *head, const struct bu_machine *m, struct bu_clock *c)
{
	size_t i;

	*c = (struct bu_clock){ .hz = BU_NS_UNKNOWN };
	for (i = 0; i < head->n_buffers && !c->name; i++)
		c->name = head->buffers[i].clock;
	if (!c->name)
		c->name = m->trace_clock;
	if (head->has_tsc2nsec) {
		/* The library has multiplied the stamps already: ns = ticks * mult >> shift. */
		c->in_ns = true;
		c->hz = (int64_t)(((unsigned __int128)BU_NS_PER_S << head->tsc_shift) / head->tsc_mult);
		c->hz_source = "trace.dat";
		return;
	}
	if (!c->name) {
		c->raw = true;
		c->warning = "the trace does not name its clock; times are in its own unit, whatever that is "
			     "(--machine DIR with a file trace_clock tells)";
		return;
	}
	if (!counts_ticks(c->name)) {
		c->in_ns = true;
		return;
	}
	c->raw = true;
	if (!strcmp(c->name, "x86-tsc")) {
		find_tsc_rate(m, c);
	} else if (!strcmp(c->name, "uptime")) {
		c->hz = USER_HZ;
		c->hz_source = "USER_HZ";
	}
	c->in_ns = c->hz != BU_NS_UNKNOWN;
	if (!strcmp(c->name, "counter"))
		c->warning = "the clock 'counter' only numbers the events: there are no times in this trace";
	else if (!c->in_ns)
		c->warning = "the rate of the clock is not known; times are in ticks "
			     "(--machine DIR with the dmesg of that boot tells)";
}

bool bu_clock_lacks_rate(const struct bu_clock *c)
{
	return c->raw && !c->in_ns && c->name && !strcmp(c->name, "x86-tsc");
}

void bu_clock_set_rate(struct bu_clock *c, int64_t hz, const char *source)
{
	c->hz = hz;
	c->hz_source = source;
	c->in_ns = true;
	c->warning = NULL;
}

int64_t bu_clock_ns(const struct bu_clock *c, uint64_t stamp, uint64_t origin)
{
	bool back = stamp < origin;
	uint64_t d = back ? origin - stamp : stamp - origin;
	unsigned __int128 ns = c->raw && c->in_ns ? (unsigned __int128)d * 1000000000u / (uint64_t)c->hz : d;

	if (ns > INT64_MAX)	/* only a damaged stamp is 292 years away */
		ns = INT64_MAX;
	return back ? -(int64_t)ns : (int64_t)ns;
}
