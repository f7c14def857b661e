// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug_made_up.c - the schedule of a machine that was described and not recorded, see hotplug.h.
 *
 * For published tables of machines that nobody can record any more, and for machines that do not exist yet. Each CPU's work
 * is one prepare step, the kick, INIT/SIPI to alive, microcode, starting, the TSC check and one online step:
 *  - the kick is INIT, STARTUP, STARTUP with their delays (wakeup_secondary_cpu_via_init(), arch/x86/kernel/smpboot.c);
 *  - TSC: 20 ms for the first CPU of a package, none for the others with TSC_ADJUST and 2 ms without, none where the TSC is
 *    reliable (check_tsc_sync_target(), loop_timeout(), arch/x86/kernel/tsc_sync.c v6.12);
 *  - delay calibration: by the first CPU of a package, the others copy (calibrate_delay_is_known(), arch/x86/kernel/tsc.c).
 */
#include "replay/schedule/hotplug.h"

#include <errno.h>
#include <stdlib.h>

#include "replay/schedule/hotplug_int.h"

enum { NAME_PREPARE, NAME_ONLINE, N_NAMES };

struct bu_hp_place bu_hp_place_of(const struct bu_hp_machine *m, int cpu)
{
	const int64_t per_package = m->dies_per_package * m->cores_per_die, cores = m->packages * per_package;
	int64_t thread = cpu % m->threads_per_core, core = cpu / m->threads_per_core;

	if (m->siblings_last) {		/* one machine of this size behind the other */
		const int64_t whole = cores * m->threads_per_core, in = cpu % whole;

		thread = in / cores;
		core = cpu / whole * cores + in % cores;
	}
	return (struct bu_hp_place){ .size = sizeof(struct bu_hp_place), .package = (int32_t)(core / per_package),
				     .die = (int32_t)(core % per_package / m->cores_per_die),
				     .core = (int32_t)(core % m->cores_per_die), .thread = (int32_t)thread,
				     .node = (int32_t)(core / per_package * m->nodes / m->packages) };
}

static int64_t or_none(int64_t ns)
{
	return ns < 0 ? 0 : ns;
}

static void part(struct bu_hp_cpu *c, enum bu_hp_work which, int64_t ns)
{
	c->part[which] = (struct bu_hp_part){ ns, ns, ns };
}

/* The first CPU of its package has another, or is one, that has not come before it; the boot CPU's has it. */
static bool first_of_package(const struct bu_hp_machine *m, int cpu)
{
	const struct bu_hp_place at = bu_hp_place_of(m, cpu);
	int other;

	for (other = 0; other < cpu; other++)
		if (bu_hp_place_of(m, other).package == at.package)
			return false;
	return true;
}

static int64_t tsc_check_ns(const struct bu_hp_machine *m, bool first)
{
	if (m->tsc_reliable == 1)
		return 0;
	return first ? HOTPLUG_TSC_LOOP_PACKAGE_NS : m->tsc_adjust == 1 ? 0 : HOTPLUG_TSC_LOOP_NS;
}

static int make_cpu(const struct bu_hp_machine *m, struct bu_hp_schedule *s, int32_t id, struct bu_hp_cpu *c)
{
	const int64_t works[2] = { c->primary ? m->prepare_primary_ns : m->prepare_sibling_ns,
				   c->primary ? m->online_primary_ns : m->online_sibling_ns };
	const int64_t alive = c->primary || m->alive_sibling_ns < 0 ? m->alive_ns : m->alive_sibling_ns;
	const bool first = first_of_package(m, id);
	int section, i;

	part(c, BU_HP_KICK, m->init_udelay_ns + 2 * (m->sipi_ns + m->sipi_accept_ns));
	part(c, BU_HP_DARK, alive + or_none(c->primary ? m->microcode_primary_ns : m->microcode_sibling_ns));
	part(c, BU_HP_STARTING, or_none(m->starting_ns) + (first ? or_none(m->calibrate_ns) : 0));
	part(c, BU_HP_TSC_SYNC, tsc_check_ns(m, first));
	if (m->wakeup_ns > 0) {
		part(c, BU_HP_UNPARK, m->wakeup_ns);
		part(c, BU_HP_THREAD_WAKE, m->wakeup_ns);
		part(c, BU_HP_DONE, m->wakeup_ns);
	}
	for (section = 0; section < 2; section++) {
		c->steps[section] = bu_arena_alloc(&s->arena, sizeof(struct bu_hp_step));
		if (!c->steps[section])
			return -ENOMEM;
		*c->steps[section] = (struct bu_hp_step){ .name = section == BU_HP_PREPARE ? NAME_PREPARE : NAME_ONLINE,
							  .work_ns = works[section], .start_ns = BU_NS_UNKNOWN,
							  .end_ns = BU_NS_UNKNOWN };
		c->n_steps[section] = 1;
	}
	for (i = 0; i < BU_HP_NR_MARKS; i++)
		c->mark_ns[i] = BU_NS_UNKNOWN;
	return 0;
}

/* sched_cpu_activate(): static_branch_inc_cpuslocked(&sched_smt_present), whose text is patched when it is the first time. */
static void patch_smt_present(const struct bu_hp_machine *m, struct bu_hp_schedule *s)
{
	size_t i;

	for (i = 0; i < s->n_cpus; i++)
		if (!s->cpus[i].primary && (s->cpus[i].place.package + 1) % m->packages == 0)
			break;
	if (i < s->n_cpus)
		s->cpus[i].steps[BU_HP_ONLINE_STEPS]->work_ns += or_none(m->smt_present_ns);
}

int bu_hp_schedule_made_up(const struct bu_hp_machine *m, const char *name, int32_t cpus, struct bu_hp_schedule *ret,
			   struct bu_err *err)
{
	static const char *const names[N_NAMES] = { [NAME_PREPARE] = "prepare", [NAME_ONLINE] = "online" };
	struct bu_hp_schedule s = { .bringup_ns = BU_NS_UNKNOWN, .capture_sha256 = BU_HP_MADE_UP, .kernel_release = BU_HP_MADE_UP,
				    .algorithm = "none", .start_what = "the first cpu_up()", .n_names = N_NAMES };
	const bool siblings = m->threads_per_core > 1;
	int rc = 0, i;

	if (m->prepare_primary_ns < 0 || m->online_primary_ns < 0 || m->alive_ns < 0 ||
	    (siblings && (m->prepare_sibling_ns < 0 || m->online_sibling_ns < 0)))
		return bu_fail(err, -EINVAL, "without a recording, the machine needs prepare_primary_ns, alive_ns and online_primary_ns, "
			       "with threads also prepare_sibling_ns and online_sibling_ns ('bringup machine')");
	if (!cpus && m->packages * m->dies_per_package * m->cores_per_die * m->threads_per_core > 65536)
		return bu_fail(err, -EINVAL, "how many CPUs? Say the machine's cores_per_die, or --cpus");
	if (!cpus)
		cpus = (int32_t)(m->packages * m->dies_per_package * m->cores_per_die * m->threads_per_core);
	s.capture_name = bu_arena_strdup(&s.arena, name);
	s.names = calloc(N_NAMES, sizeof(*s.names));
	s.cpus = bu_arena_alloc(&s.arena, (size_t)cpus * sizeof(*s.cpus));
	if (!s.capture_name || !s.names || !s.cpus)
		rc = -ENOMEM;
	for (i = 0; !rc && i < N_NAMES; i++)
		s.names[i] = names[i];
	s.control_place = bu_hp_place_of(m, 0);
	for (i = 1; !rc && i < cpus; i++) {
		struct bu_hp_cpu *c = &s.cpus[s.n_cpus++];

		*c = (struct bu_hp_cpu){ .cpu = i, .verdict = BU_CPU_OK, .place = bu_hp_place_of(m, i) };
		c->primary = c->place.thread == 0;
		rc = make_cpu(m, &s, i, c);
	}
	if (rc) {
		bu_hp_schedule_fini(&s);
		return bu_fail_errno(err, rc, "schedule for %d CPUs", cpus);
	}
	patch_smt_present(m, &s);
	*ret = s;
	return 0;
}
