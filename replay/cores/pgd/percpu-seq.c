// SPDX-License-Identifier: GPL-2.0-only
/*
 * percpu-seq.c - a sequence counter on each CPU says that kernel entries changed; schedule() looks at it, and who changed
 * them waits until every CPU has been there.
 *
 * Source: Thomas Gleixner, "Re: frequent lockups in 3.18rc4", linux-kernel, 20 November 2014, as quoted in the answer of
 * Andy Lutomirski of that day: counters incremented under the percpu allocator's mutex whenever an allocation is populated or
 * torn down, a wait for a scheduling cycle on all CPUs, and in the scheduler, whether the same task goes on or another one,
 * a comparison and the update of the page table. Not from the mail, and assumed: each page table remembers the counter that it
 * was brought up to; an idle CPU is sent through schedule() by an interrupt; the comparison comes when the next
 * task runs (parameter check), which leaves its page table loaded and old until then; and only a new entry is waited for, since
 * nothing else is missing anywhere (wait=every: each allocation, as the mail has it for those of the percpu allocator).
 *
 * The parameter per_task is the mail's second half: what is allocated for one task is entered into its page table at once,
 * and nobody waits.
 */
#include "replay/kit/pgd.h"

enum { PARAM_CHECK = NR_PGD_PARAMS, PARAM_PER_TASK, PARAM_WAIT, PARAM_CHECK_NS, PARAM_STORE_NS };

enum { CHECK_AFTER, CHECK_BEFORE };
enum { WAIT_ENTRY, WAIT_EVERY };

/* A load and a comparison in a line that is cached; a store to another CPU's line. */
static const struct bu_param parameters[] = {
	PGD_PARAMS,
	{ "check", "after|before", "the counter is looked at after CR3 has been loaded, or before", CHECK_AFTER, CHECK_AFTER,
	  CHECK_BEFORE },
	{ "per_task", "bool", "what is for one task is entered into its page table, without a wait", 0, 0, 1 },
	{ "wait", "entry|every", "who makes an entry waits, or who allocates", WAIT_ENTRY, WAIT_ENTRY, WAIT_EVERY },
	{ "check_ns", "ns", "a comparison in schedule()", 1, 0, 1000000 },
	{ "store_ns", "ns", "a store for another CPU", 100, 0, 1000000 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

struct percpu_seq {
	struct pgd_core c;		/* first */
	bu_obj pcpu_alloc_mutex, passed;
	bu_word_id *seq, *seen;		/* by CPU */
	bu_word_id *mm_seq;		/* by address space */
};

static struct percpu_seq *core(struct bu_machine *m)
{
	return (struct percpu_seq *)core_data(m);
}

/* In schedule(), of the page table that is loaded or about to be. */
static void check(struct bu_machine *m, int mm)
{
	const struct percpu_seq *p = core(m);
	const int cpu = this_cpu(m);
	const int64_t seq = atomic_read(m, p->seq[cpu]), start = now(m);

	KERNEL_FN(m);
	work(m, param(m, PARAM_CHECK_NS));
	if (mm && atomic_read(m, p->mm_seq[mm]) != seq) {
		copy_kernel_pgds(m, mm, true);
		atomic_set(m, p->mm_seq[mm], seq);
	}
	bu_pg(m)->count(m, BU_PGD_CHECKS, 1);
	bu_pg(m)->count(m, BU_PGD_CHECK_NS, now(m) - start);
	if (atomic_read(m, p->seen[cpu]) == seq)
		return;
	atomic_set(m, p->seen[cpu], seq);
	if (waitqueue_active(m, p->passed))
		wake_up_all(m, p->passed);
}

static void schedule_and_check(struct bu_machine *m, int mm, int stack)
{
	const bool flags = local_irq_save(m);

	if (param(m, PARAM_CHECK) == CHECK_BEFORE)
		check(m, mm ? mm : read_cr3(m));
	context_switch(m, mm, stack);
	if (param(m, PARAM_CHECK) == CHECK_AFTER)
		check(m, read_cr3(m));
	local_irq_restore(m, flags);
}

static void activate_and_check(struct bu_machine *m, int mm)
{
	const bool flags = local_irq_save(m);

	if (param(m, PARAM_CHECK) == CHECK_BEFORE)
		check(m, mm);
	activate_mm(m, mm);
	if (param(m, PARAM_CHECK) == CHECK_AFTER)
		check(m, mm);
	local_irq_restore(m, flags);
}

static void alloc_pgd(struct bu_machine *m, int mm)
{
	const int64_t seq = atomic_read(m, core(m)->seq[this_cpu(m)]);	/* older than the copy at worst */

	pgd_alloc(m, mm);
	atomic_set(m, core(m)->mm_seq[mm], seq);
}

static void resched(struct bu_machine *m, void *info)
{
	(void)info;
	check(m, read_cr3(m));
}

/* pcpu_alloc_mutex is held: the counters of all CPUs are the same. */
static void wait_for_schedule_on_all_cpus(struct bu_machine *m)
{
	const struct percpu_seq *p = core(m);
	const int n = (int)nr_cpus(m);
	int64_t seq = 0;
	int cpu;

	KERNEL_FN(m);
	for (cpu = 0; cpu < n; cpu++) {
		work(m, param(m, PARAM_STORE_NS));
		seq = atomic_add_return(m, p->seq[cpu], 1);
	}
	for (cpu = 0; cpu < n; cpu++) {
		if (!bu_pg(m)->cpu_idle(m, cpu))
			continue;
		bu_pg(m)->count(m, BU_PGD_IPIS, 1);
		ipi_send(m, cpu, "sysvec_reschedule_ipi", resched, NULL);
	}
	for (cpu = 0; cpu < n; cpu++) {
		wait_point(m, "a pass through schedule()", cpu);
		wait_event(m, p->passed, p->seen[cpu], BU_GUARD_GE, seq);
	}
}

static void map(struct bu_machine *m, const struct bu_pgd_request *r)
{
	const struct percpu_seq *p = core(m);
	const bool at_once = param(m, PARAM_PER_TASK) && r->of_task;
	const struct bu_pgd_request *part;
	bool modified;

	KERNEL_FN(m);
	mutex_lock(m, p->pcpu_alloc_mutex);
	modified = pgd_populate_all(m, r);
	for (part = r; part && at_once && active_mm(m); part = bu_pg(m)->next(m, part))
		set_pgd(m, active_mm(m), part->slot);
	bu_pg(m)->early_use(m, r);
	if (!at_once && (modified || param(m, PARAM_WAIT) == WAIT_EVERY))
		wait_for_schedule_on_all_cpus(m);
	mutex_unlock(m, p->pcpu_alloc_mutex);
}

static void unmap(struct bu_machine *m, int slot)
{
	const struct percpu_seq *p = core(m);

	KERNEL_FN(m);
	mutex_lock(m, p->pcpu_alloc_mutex);
	pgd_clear(m, slot);
	wait_for_schedule_on_all_cpus(m);
	flush_tlb_kernel_range(m);
	mutex_unlock(m, p->pcpu_alloc_mutex);
}

static const struct bu_pgd_hooks hooks = {
	.size = sizeof(hooks), .pgd_alloc = alloc_pgd, .pgd_free = pgd_free, .context_switch = schedule_and_check,
	.activate_mm = activate_and_check, .map_kernel = map, .unmap_kernel = unmap,
};

static void control(struct bu_machine *m)
{
	struct percpu_seq *p = (struct percpu_seq *)alloc(m, sizeof(*p));

	p->pcpu_alloc_mutex = mutex(m, "pcpu_alloc_mutex");
	p->passed = wait_queue(m, "schedule() on all CPUs");
	p->seq = pgd_words(m, (int)nr_cpus(m), "pgd_seq");
	p->seen = pgd_words(m, (int)nr_cpus(m), "pgd_seq seen");
	p->mm_seq = pgd_words(m, bu_pg(m)->nr_mms(m), "mm.pgd_seq");
	pgd_play(m, &p->c, page_fault_bad, &hooks);
}

BU_CORE_DEFINE(pgd, percpu_seq) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "pgd",
	.name = "percpu-seq",
	.summary = "schedule() compares a counter, who allocates waits for it everywhere (Gleixner, 2014)",
	.source = "linux-kernel 2014-11-20, Thomas Gleixner",
	.params = parameters,
	.control = control,
};
