// SPDX-License-Identifier: GPL-2.0-only
/*
 * pgd-count.c - each address space knows how many kernel entries it has; schedule() compares that with a CPU's copy of init_mm's
 * number.
 *
 * Source: Andy Lutomirski, "Re: frequent lockups in 3.18rc4", linux-kernel, 20 November 2014: the mail that percpu-seq.c is from, with a
 * number of entries, one byte in mm_context_t, in the place of the sequence counter, and that of init_mm copied into
 * cpu_tlbstate. That mail is about what is compared: where, in the scheduler and also if the same task goes on, is as it was. Read
 * closely the allocator waits as it did, too, which is percpu-seq with a smaller counter; here it is left out what a count does not need, so
 * that nobody waits. Assumed: who makes an entry stores the number for every CPU, and the comparison comes before CR3 is loaded.
 * CPUs that do not come through schedule() go on with what they have, parameter running: but for the page table of who makes
 * the entry (the other half of Gleixner's mail: "immediate population" where the task is known), or not even that one; or an
 * IPI goes to all. check=switch_mm compares where CR3 changes only, as cpu_tlbstate suggests: not between two tasks of one address
 * space. Entries that are taken away are not counted, so that copies of them stay.
 */
#include "replay/kit/pgd.h"

enum { PARAM_RUNNING = NR_PGD_PARAMS, PARAM_CHECK, PARAM_CHECK_NS, PARAM_STORE_NS };

enum { RUNNING_NONE, RUNNING_CURRENT, RUNNING_IPI };
enum { CHECK_SCHEDULE, CHECK_SWITCH_MM };

/* A load and a comparison in a line that is cached; a store to another CPU's line. */
static const struct bu_param parameters[] = {
	PGD_PARAMS,
	{ "running", "none|current|ipi", "page tables that are loaded get a new entry: not at all, that of who makes it, all",
	  RUNNING_CURRENT, RUNNING_NONE, RUNNING_IPI },
	{ "check", "schedule|switch_mm", "the numbers are compared in each schedule(), or where CR3 changes", CHECK_SCHEDULE, CHECK_SCHEDULE,
	  CHECK_SWITCH_MM },
	{ "check_ns", "ns", "a comparison in a context switch", 1, 0, 1000000 },
	{ "store_ns", "ns", "a store for another CPU", 100, 0, 1000000 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

struct pgd_count {
	struct pgd_core c;		/* first */
	bu_word_id count;		/* of init_mm */
	bu_word_id *cpu_count;		/* cpu_tlbstate's copy, by CPU */
	bu_word_id *mm_count;		/* by address space */
};

static struct pgd_count *core(struct bu_machine *m)
{
	return (struct pgd_count *)core_data(m);
}

static void check(struct bu_machine *m, int mm)
{
	const struct pgd_count *p = core(m);
	const int64_t count = atomic_read(m, p->cpu_count[this_cpu(m)]), start = now(m);

	KERNEL_FN(m);
	work(m, param(m, PARAM_CHECK_NS));
	if (atomic_read(m, p->mm_count[mm]) != count) {
		copy_kernel_pgds(m, mm, false);
		atomic_set(m, p->mm_count[mm], count);
	}
	bu_pg(m)->count(m, BU_PGD_CHECKS, 1);
	bu_pg(m)->count(m, BU_PGD_CHECK_NS, now(m) - start);
}

static void switch_and_check(struct bu_machine *m, int mm, int stack)
{
	const bool flags = local_irq_save(m);

	if (param(m, PARAM_CHECK) == CHECK_SWITCH_MM) {
		if (mm && mm != read_cr3(m))
			check(m, mm);
	} else if (mm || read_cr3(m)) {
		check(m, mm ? mm : read_cr3(m));
	}
	context_switch(m, mm, stack);
	local_irq_restore(m, flags);
}

static void activate_and_check(struct bu_machine *m, int mm)
{
	const bool flags = local_irq_save(m);

	check(m, mm);
	activate_mm(m, mm);
	local_irq_restore(m, flags);
}

static void alloc_pgd(struct bu_machine *m, int mm)
{
	const int64_t count = atomic_read(m, core(m)->cpu_count[this_cpu(m)]);	/* older than the copy at worst */

	pgd_alloc(m, mm);
	atomic_set(m, core(m)->mm_count[mm], count);
}

static void check_loaded(struct bu_machine *m, void *info)
{
	const int mm = read_cr3(m);

	(void)info;
	if (mm)
		check(m, mm);
}

static void map(struct bu_machine *m, const struct bu_pgd_request *r)
{
	const struct pgd_count *p = core(m);
	const int n = (int)nr_cpus(m);
	const int made = pgd_populate_all(m, r);
	int64_t count;
	int cpu;

	KERNEL_FN(m);
	if (made) {
		count = atomic_add_return(m, p->count, made);
		for (cpu = 0; cpu < n; cpu++) {
			work(m, param(m, PARAM_STORE_NS));
			atomic_set(m, p->cpu_count[cpu], count);
		}
		if (param(m, PARAM_RUNNING) != RUNNING_NONE)
			check_loaded(m, NULL);
		if (param(m, PARAM_RUNNING) == RUNNING_IPI) {
			bu_pg(m)->count(m, BU_PGD_IPIS, num_online_cpus(m) - 1);
			preempt_disable(m);
			smp_call_function(m, "check_loaded", check_loaded, NULL, true);
			preempt_enable(m);
		}
	}
	bu_pg(m)->early_use(m, r);
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = alloc_pgd, .pgd_free = pgd_free, .context_switch = switch_and_check,
	.activate_mm = activate_and_check, .map_kernel = map, .unmap_kernel = unmap_lazily,
};

static void control(struct bu_machine *m)
{
	struct pgd_count *p = (struct pgd_count *)alloc(m, sizeof(*p));

	p->count = atomic(m, "init_mm.context.kernel_pgds", 0);
	p->cpu_count = pgd_words(m, (int)nr_cpus(m), "cpu_tlbstate.kernel_pgds");
	p->mm_count = pgd_words(m, bu_pg(m)->nr_mms(m), "mm.context.kernel_pgds");
	pgd_play(m, &p->c, page_fault_bad, &hooks);
}

BU_CORE_DEFINE(pgd, pgd_count) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "pgd-count",
	.summary = "schedule() compares how many entries there are (Lutomirski, 2014)",
	.source = "linux-kernel 2014-11-20, Andy Lutomirski",
	.params = parameters,
	.control = control,
};
