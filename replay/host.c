// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - what a core calls that is not the machine itself (memory, parameters, giving up), the table of all operations,
 * and the taking down of what happens. See host_int.h.
 */
#include "replay/host_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/device.h"
#include "replay/machine/kthread.h"
#include "replay/machine/lock.h"
#include "replay/machine/look.h"
#include "replay/machine/percpu_rwsem.h"
#include "replay/machine/pgd.h"
#include "replay/machine/rcu.h"
#include "replay/machine/smp.h"
#include "replay/machine/stop.h"
#include "replay/machine/text.h"
#include "replay/machine/timer.h"
#include "replay/machine/wait.h"
#include "replay/machine/workqueue.h"
#include "replay/registry.h"
#include "schemas/base/hash.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

/* ------------------------------------------------------------------------------------------------ taking down */

static uint32_t add_name(struct bu_host *h, const char *text)
{
	if (bu_grow(&h->names, h->n_names, &h->cap_names, sizeof(*h->names))) {
		h->oom = 1;
		return 0;
	}
	h->names[h->n_names] = bu_arena_strdup(&h->out->arena, text);
	if (!h->names[h->n_names]) {
		h->oom = 1;
		return 0;
	}
	return (uint32_t)h->n_names++;
}

uint32_t host_name(struct bu_host *h, const char *text)
{
	size_t i;

	for (i = 0; i < h->n_names; i++)	/* few: steps, parts, wait points */
		if (!strcmp(h->names[i], text))
			return (uint32_t)i;
	return add_name(h, text);
}

/* The dictionary gets the names of threads last, so that looking up the others stays short. */
int host_name_threads(struct bu_host *h)
{
	struct bu_run *run = &h->out->run;
	_cleanup_free_ int32_t *name = calloc(bu_nr_threads(h->machine) + 1, sizeof(*name));
	size_t i;

	if (!name)
		return -ENOMEM;
	for (i = 0; i < run->n_intervals; i++) {
		int32_t *task = &run->intervals[i].task;

		if (*task && !name[*task])
			name[*task] = (int32_t)add_name(h, bu_thread_name(h->machine, (bu_thread)*task)) + 1;
		*task = name[*task] - 1;
	}
	return 0;
}

void host_add_interval(struct bu_host *h, const struct bu_run_interval *v)
{
	struct bu_run *run = &h->out->run;

	if (bu_grow(&run->intervals, run->n_intervals, &h->cap_intervals, sizeof(*v))) {
		h->oom = 1;
		return;
	}
	run->intervals[run->n_intervals++] = *v;
}

uint32_t host_add_wait(struct bu_host *h, const struct bu_waited *w, int32_t lane, int32_t cpu)
{
	struct bu_run *run = &h->out->run;
	struct bu_run_wait *row;

	if (bu_grow(&run->waits, run->n_waits, &h->cap_waits, sizeof(*row))) {
		h->oom = 1;
		return 0;
	}
	row = &run->waits[run->n_waits++];
	*row = (struct bu_run_wait){
		.lane = lane, .cpu = cpu, .start_ns = w->start_ns, .end_ns = w->end_ns,
		.outcome = w->end_ns == BU_NS_UNKNOWN ? "never" : w->timed_out ? "timeout" : "satisfied",
		.task = bu_arena_strdup(&h->out->arena, bu_thread_name(h->machine, w->thread)),
	};
	row->point = host_name(h, w->point ? w->point : w->name);
	if (!row->task) {
		row->task = "";
		h->oom = 1;
	}
	return row->point;
}

void host_add_metric(struct bu_host *h, const char *name, const char *unit, int32_t cpu, double value)
{
	struct bu_run *run = &h->out->run;

	if (bu_grow(&run->metrics, run->n_metrics, &h->cap_metrics, sizeof(*run->metrics))) {
		h->oom = 1;
		return;
	}
	run->metrics[run->n_metrics++] = (struct bu_run_metric){ host_name(h, name), unit, cpu, value };
}

/* --------------------------------------------------------------------- operations that are not the machine's own */

void host_core_error(struct bu_host *h, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	bu_misuse(h->machine, "%s", why);
}

static void *memory(struct bu_machine *m, size_t bytes)
{
	struct bu_host *h = host_of(m);
	void *p;

	if (bytes > h->alloc_limit - h->out->arena.used)
		host_core_error(h, "asks for more than %zu MiB of memory", h->alloc_limit >> 20);
	p = bu_arena_alloc(&h->out->arena, bytes);
	if (!p) {
		h->oom = 1;
		bu_machine_fail(m, "out of memory");
	}
	return p;
}

static void *bu_alloc(struct bu_machine *m, size_t bytes)
{
	void *p = memory(m, bytes);

	look_at_memory(m, p, bytes);
	return p;
}

static void *bu_alloc_percpu(struct bu_machine *m, size_t bytes)
{
	const uint32_t n = bu_nr_cpus(m);
	char *p = memory(m, bytes > SIZE_MAX / n ? SIZE_MAX : n * bytes);
	uint32_t i;

	for (i = 0; i < n; i++)
		look_at_percpu_memory(m, i, p + i * bytes, bytes);
	return p;
}

static void bu_set_core_data(struct bu_machine *m, void *data)
{
	host_of(m)->core_data = data;
}

static void *bu_core_data(struct bu_machine *m)
{
	return host_of(m)->core_data;
}

static int64_t bu_param(struct bu_machine *m, int index)
{
	struct bu_host *h = host_of(m);

	if (index < 0 || (size_t)index >= bu_core_n_params(h->core))
		host_core_error(h, "has no parameter number %d", index);
	return h->options->params[index];
}

static uint64_t bu_random_u64(struct bu_machine *m, uint32_t stream)
{
	enum { OF_CORES = 1 << 16 };	/* streams below are the machine's own */

	return bu_rng_u64(bu_engine_random(bu_machine_engine(m), OF_CORES + (stream & 0xffff)));
}

static void bu_core_fail(struct bu_machine *m, const char *why)
{
	bu_machine_fail(m, "%s", why);
}

/* In the places behind the end of the table: a core was built against a longer one and did not ask BU_HAS(). */
static void unknown_op(struct bu_machine *m)
{
	host_core_error(host_of(m), "calls an operation that this bringup does not have; use a newer bringup");
}

#define UNKNOWN_OPS 64

static const struct {
	struct bu_machine_ops known;
	void (*unknown[UNKNOWN_OPS])(struct bu_machine *);
} machine_ops = {
	.known = {
		.size = sizeof(machine_ops.known), .abi = BU_CORE_ABI,
#define BU_OP_VALUE(type, name, params, args) .name = bu_##name,
		BU_MACHINE_OPS(BU_OP_VALUE)
#undef BU_OP_VALUE
	},
	.unknown = { [0 ... UNKNOWN_OPS - 1] = unknown_op },
};

const struct bu_machine_ops *const bu_host_machine_ops = &machine_ops.known;
