// SPDX-License-Identifier: GPL-2.0-only
/*
 * family_hang.c - hangs that the kernel had, on a machine made up: no recording has them.
 *
 * CPUs have no tick, which none of these hangs needs: so the machine stands still as soon as the threads do, and the verdict says
 * who waits for whom. Grace periods of the locks take no time: what these are about lies elsewhere.
 */
#include "replay/family_hang.h"

#include <string.h>

#include "replay/host_int.h"
#include "replay/kit/hang.h"
#include "replay/machine/rcu.h"
#include "replay/registry.h"
#include "schemas/base/ns.h"

static void start(struct bu_host *h)
{
	bu_rcu_set_mode(h->machine, BU_RCU_INACTIVE);
}

static void waited(struct bu_host *h, const struct bu_waited *w)
{
	if (w->point || *w->name)	/* else a thread without work */
		host_add_wait(h, w, w->cpu, w->for_cpu);
}

static const struct bu_family hang = { .name = "hang", .start = start, .waited = waited };

bool bu_hang_can_mend(const struct bu_core_def *core)
{
	return bu_core_n_params(core) && !strcmp(core->params[HANG_MENDED].name, "mended");
}

int bu_replay_hang(const struct bu_core_def *core, const struct bu_replay_options *options, struct bu_replay_result *ret,
		   struct bu_err *err)
{
	struct bu_replay_result out = { 0 };
	struct bu_host h = { .family = &hang, .core = core, .options = options, .out = &out, .alloc_limit = (size_t)1 << 20 };
	struct bu_machine_config config = { .n_cpus = (uint32_t)options->recorded_cpus, .n_online = (uint32_t)options->recorded_cpus,
					    .ipi_ns = HANG_US, .seed = options->seed, .max_events = options->max_events,
					    .check_state = options->check };
	struct bu_run *run = &out.run;
	int rc;

	if (!config.max_events)	/* a rendezvous takes a few of each CPU */
		config.max_events = 100000 + 100 * (uint64_t)config.n_cpus;
	run->capture_name = run->kernel_release = "made up";
	run->capture_sha256 = "";
	run->recorded_algorithm = "";
	run->machine = run->recorded_machine = "{}";
	run->cpus = run->recorded_cpus = options->recorded_cpus;
	run->recorded_bringup_ns = run->bringup_ns = BU_NS_UNKNOWN;
	run->ap_latency_p50_ns = run->ap_latency_p99_ns = run->ap_latency_max_ns = BU_NS_UNKNOWN;
	rc = host_run(&h, &config, err);
	if (!rc && !strcmp(run->verdict, "ok"))
		run->bringup_ns = h.control_end_ns;
	run->names = h.names;	/* the result owns them, also after a failure */
	host_fini(&h);
	if (rc) {
		bu_replay_result_fini(&out);
		return bu_fail_errno(err, rc, "replay with core %s", core->name);
	}
	*ret = out;
	return 0;
}
