/* SPDX-License-Identifier: MIT */
/*
 * park.h - waking CPUs that the kernel before a kexec has parked, instead of by INIT/SIPI.
 *
 * Source: "[PATCH] use x86 cpu park to speedup smp_init in kexec situation", shenkai, 15 Dec 2020 (not merged): the old kernel's
 * CPUs leave long mode and paging (park_cpu in relocate_kernel_64.S), write a magic number and spin until the word `exit` holds
 * an address to go to; write_park_exit() of the new kernel's do_boot_cpu() stores it where the magic number is found.
 *
 * A parked CPU has no interrupt descriptor table: an NMI or machine check that reaches it before it has the new kernel's ends
 * in a triple fault (objection of A. Lutomirski in the thread).
 */
#ifndef BU_REPLAY_KIT_PARK_H
#define BU_REPLAY_KIT_PARK_H

#include "replay/kit/x86.h"

#define PARK_MAGIC 0x7061726b

struct park_cpu {
	bu_word_id exit, magic, idt;
	bu_thread_fn start;
};

struct park {
	struct park_cpu *cpus;
	int64_t init_ns;	/* of the dark phase, what is INIT/SIPI's */
};

static inline struct park *park(struct bu_machine *m)
{
	return (struct park *)x86_boot(m)->wake_data;
}

static inline void park_cpu(struct bu_machine *m, void *arg)
{
	struct park_cpu *c = &park(m)->cpus[this_cpu(m)];

	(void)arg;
	KERNEL_FN(m);
	atomic_set(m, c->magic, PARK_MAGIC);
	bu_hp(m)->mark(m, this_cpu(m), BU_HP_AT_ALIVE);	/* nobody waits for it yet; the mark is set anew when somebody does */
	spin_until(m, c->exit, BU_GUARD_NE, 0, -1, "Wp parked", this_cpu(m));
	c->start(m, NULL);
}

static inline void park_head(struct bu_machine *m, int cpu)
{
	struct park *p = park(m);
	int64_t ns = dark_ns(m, cpu);

	if (p->cpus[cpu].magic)
		ns = ns > p->init_ns ? ns - p->init_ns : 0;
	bu_hp(m)->spend(m, cpu, BU_HP_DARK, ns);
	atomic_set(m, p->cpus[cpu].idt, true);
}

static inline void write_park_exit(struct bu_machine *m, int cpu, bu_thread_fn fn)
{
	struct park_cpu *c = &park(m)->cpus[cpu];

	KERNEL_FN(m);
	if (!c->magic || atomic_read(m, c->magic) != PARK_MAGIC) {
		wakeup_secondary_cpu_via_init(m, cpu, fn);
		return;
	}
	c->start = fn;
	atomic_set(m, c->exit, 1);
}

static inline void park_nmi(struct bu_machine *m, void *arg)
{
	const struct park_cpu *c = &park(m)->cpus[this_cpu(m)];

	(void)arg;
	if (c->magic && !atomic_read(m, c->idt))
		crash(m, "triple fault", "NMI on a parked CPU: it has no IDT");
}

/*
 * CPUs 1 to @n are parked when the new kernel starts, but those that the recording never saw. @nmi_cpu, if not 0, gets an NMI
 * after @nmi_ns.
 */
static inline void park_init(struct bu_machine *m, int64_t n, int64_t init_ns, int nmi_cpu, int64_t nmi_ns)
{
	struct park *p = (struct park *)alloc(m, sizeof(*p));
	struct x86_boot *x = x86_boot(m);
	int cpu;

	p->cpus = (struct park_cpu *)alloc(m, nr_cpus(m) * sizeof(*p->cpus));
	p->init_ns = init_ns;
	x->wake = write_park_exit;
	x->head = park_head;
	x->wake_data = p;
	for (cpu = 1; cpu < (int)nr_cpus(m); cpu++) {
		p->cpus[cpu].idt = atomic(m, "park idt", false);
		if (cpu > n || bu_hp(m)->never_comes(m, cpu))
			continue;
		p->cpus[cpu].exit = atomic(m, "park exit", 0);
		p->cpus[cpu].magic = atomic(m, "park magic", 0);
		cpu_start(m, cpu, park_cpu, NULL);
	}
	if (nmi_cpu > 0 && nmi_cpu < (int)nr_cpus(m))
		nmi_send(m, nmi_cpu, "exc_nmi", nmi_ns, park_nmi, NULL);
}

#endif
