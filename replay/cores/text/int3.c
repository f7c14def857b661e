// SPDX-License-Identifier: GPL-2.0-only
/*
 * int3.c - patching under a breakpoint, while everything runs.
 *
 * Source: text_poke_bp_batch(), text_poke_sync(), poke_int3_handler(), try_get_desc() and put_desc() of
 * arch/x86/kernel/alternative.c in v6.1 and v6.12 (ftrace since 08d636b6d4fb, 3.5; jump labels since fd4363fff3d9, 3.12);
 * kernel/stop_machine.c of the same for the rendezvous. At boot, while one CPU runs, text_poke_early() as in per-site.
 *
 * INT3 goes over the first byte of every site of the batch; then the tails; then the first bytes. After each step all
 * CPUs serialise, by an IPI that is waited for. A CPU that meets INT3 emulates the new instruction as long as the array
 * of pokes is there; it is gone when nobody holds a reference.
 *
 * The parameters break it one step at a time, to find out which failure a broken step looks like:
 *   skip_sync     this sync is left out (0: none)
 *   keeps_cpu     the front end of this CPU keeps what it fetches, over IPIs as well (-1: none)
 *   early_clear   the array is emptied before the last sync, not after it
 *   int3_left     the first bytes are never written
 *   stop_machine  1: another CPU calls stop_machine() while the first sync is under way; 2: and multi_cpu_stop() turns
 *                 interrupts off before it waits for the others, not after
 */
#include <errno.h>

#include "replay/kit/text.h"

enum { PARAM_SKIP_SYNC, PARAM_KEEPS_CPU, PARAM_EARLY_CLEAR, PARAM_INT3_LEFT, PARAM_STOP_MACHINE };

enum { INT3 = 0xcc, TP_ARRAY_MAX = 256 };	/* 4096 bytes of struct text_poke_loc, 16 each */

static const struct bu_param parameters[] = {
	{ "skip_sync", "number", "leave out this text_poke_sync() of each batch, 1 to 3; 0: none", 0, 0, 3 },
	{ "keeps_cpu", "CPU", "its front end keeps what it fetches, over IPIs as well; -1: no CPU's does", -1, -1, 65535 },
	{ "early_clear", "bool", "empty the array of pokes before the last sync", 0, 0, 1 },
	{ "int3_left", "bool", "never replace INT3 by the first byte", 0, 0, 1 },
	{ "stop_machine", "number", "1: meet a stop_machine(); 2: one that waits with interrupts off", 0, 0, 2 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

struct int3_core {
	bu_obj text_mutex;
	bu_word_id refs;		/* bp_desc.refs */
	bu_word_id vec, nr_entries;	/* of bp_desc: its sites, from the first on */
	/* stop_machine(): multi_stop_data */
	bu_word_id state, thread_ack, arrived;
	bu_word_id *is_in;		/* multi_cpu_stop(), by CPU */
	bool met;
};

static struct int3_core *core(struct bu_machine *m)
{
	return core_data(m);
}

/* ------------------------------------------------------------------------------------------------------ exceptions */

static bool try_get_desc(struct bu_machine *m)
{
	const bu_word_id refs = core(m)->refs;
	int64_t old = atomic_read(m, refs), seen;

	while (old) {	/* atomic_inc_not_zero() */
		seen = atomic_cmpxchg(m, refs, old, old + 1);
		if (seen == old)
			return true;
		old = seen;
	}
	return false;
}

static void put_desc(struct bu_machine *m)
{
	atomic_add_return(m, core(m)->refs, -1);
}

static bool poke_int3_handler(struct bu_machine *m, int site)
{
	const struct int3_core *c = core(m);
	int64_t first;
	bool found;

	KERNEL_FN(m);
	if (!try_get_desc(m))
		return false;
	first = atomic_read(m, c->vec);
	found = site >= first && site < first + atomic_read(m, c->nr_entries);	/* then: emulate the new instruction */
	put_desc(m);
	return found;
}

/* ----------------------------------------------------------------------------------------------------- the patcher */

static void do_sync_core(struct bu_machine *m, void *info)
{
	(void)info;
	sync_core(m);
}

static void meet_stop_machine(struct bu_machine *m);

static void text_poke_sync(struct bu_machine *m, int nr)
{
	KERNEL_FN(m);
	if (nr == param(m, PARAM_SKIP_SYNC))
		return;
	preempt_disable(m);
	if (param(m, PARAM_STOP_MACHINE))
		meet_stop_machine(m);
	on_each_cpu(m, "do_sync_core", do_sync_core, NULL, true);
	preempt_enable(m);
}

static void bp_desc_clear(struct bu_machine *m)
{
	put_desc(m);
	/* atomic_cond_read_acquire(&desc->refs, !VAL) */
	spin_until(m, core(m)->refs, BU_GUARD_EQ, 0, -1, "bp_desc.refs", -1);
}

static void text_poke_bp_batch(struct bu_machine *m, int first, int n)
{
	const struct int3_core *c = core(m);
	int i;

	KERNEL_FN(m);
	atomic_set(m, c->vec, first);
	atomic_set(m, c->nr_entries, n);
	atomic_set(m, c->refs, 1);
	for (i = first; i < first + n; i++) {
		work(m, bu_tx(m)->cost(m, i));
		text_poke(m, i, 0, 1, INT3);
	}
	text_poke_sync(m, 1);
	for (i = first; i < first + n; i++) {
		const int len = bu_tx(m)->site(m, i)->len;

		if (len == 1)
			continue;
		work(m, bu_tx(m)->cost(m, i));
		text_poke(m, i, 1, len - 1, text_after(m, i, 1));
	}
	text_poke_sync(m, 2);
	for (i = first; i < first + n && !param(m, PARAM_INT3_LEFT); i++) {
		work(m, bu_tx(m)->cost(m, i));
		text_poke(m, i, 0, 1, text_after(m, i, 0));
	}
	if (param(m, PARAM_EARLY_CLEAR))
		bp_desc_clear(m);
	text_poke_sync(m, 3);
	if (!param(m, PARAM_EARLY_CLEAR))
		bp_desc_clear(m);
}

static void patch(struct bu_machine *m, const struct bu_text_batch *b)
{
	int i, n;

	if (b->boot) {
		for (i = b->first; i < b->first + b->n; i++)
			text_poke_early(m, i);
		return;
	}
	if (param(m, PARAM_KEEPS_CPU) >= 0)
		text_keeps(m, (int)param(m, PARAM_KEEPS_CPU));
	mutex_lock(m, core(m)->text_mutex);
	for (i = 0; i < b->n; i += n) {
		n = b->n - i < TP_ARRAY_MAX ? b->n - i : TP_ARRAY_MAX;
		text_poke_bp_batch(m, b->first + i, n);	/* text_poke_queue() empties the array when it is full */
	}
	mutex_unlock(m, core(m)->text_mutex);
}

/* ----------------------------------------------------------------------------------------- another CPU's rendezvous */

enum { MULTI_STOP_PREPARE = 1, MULTI_STOP_DISABLE_IRQ, MULTI_STOP_RUN, MULTI_STOP_EXIT };

/* A CPU that the others wait for, or -1. */
static int not_in_yet(struct bu_machine *m)
{
	int cpu;

	for (cpu = 0; cpu < (int)nr_cpus(m); cpu++)
		if (cpu_online(m, cpu) && !atomic_read(m, core(m)->is_in[cpu]))
			return cpu;
	return -1;
}

static int multi_cpu_stop(struct bu_machine *m, void *arg)
{
	const struct int3_core *c = core(m);
	int state = 0;
	bool flags = !irqs_disabled(m);

	(void)arg;
	KERNEL_FN(m);
	if (param(m, PARAM_STOP_MACHINE) == 2)
		local_irq_disable(m);
	atomic_set(m, c->is_in[this_cpu(m)], true);
	atomic_set(m, c->arrived, 1);
	do {
		spin_until(m, c->state, BU_GUARD_NE, state, -1, "multi_cpu_stop: state", not_in_yet(m));
		state = (int)atomic_read(m, c->state);
		if (state == MULTI_STOP_DISABLE_IRQ)
			local_irq_disable(m);
		if (atomic_dec_and_test(m, c->thread_ack)) {
			atomic_set(m, c->thread_ack, num_online_cpus(m));
			atomic_add_return(m, c->state, 1);
		}
	} while (state != MULTI_STOP_EXIT);
	local_irq_restore(m, flags);
	return 0;
}

static void stop_machine(struct bu_machine *m, void *arg)
{
	int cpu;

	(void)arg;
	KERNEL_FN(m);
	atomic_set(m, core(m)->thread_ack, num_online_cpus(m));
	atomic_set(m, core(m)->state, MULTI_STOP_PREPARE);
	preempt_disable(m);	/* queue_stop_cpus_work(): all are queued before any runs here */
	for (cpu = 0; cpu < (int)nr_cpus(m); cpu++)
		if (cpu_online(m, cpu))
			stop_one_cpu_nowait(m, cpu, "multi_cpu_stop", multi_cpu_stop, NULL);
	preempt_enable(m);
}

/*
 * With preemption off, as on_each_cpu() has it from its beginning: this CPU's stopper is queued and cannot run, another
 * CPU's is in multi_cpu_stop() already.
 */
static void meet_stop_machine(struct bu_machine *m)
{
	struct int3_core *c = core(m);

	if (c->met || num_online_cpus(m) < 2)
		return;
	c->met = true;
	thread_run(m, "stop_machine", 1, stop_machine, NULL);
	spin_until(m, c->arrived, BU_GUARD_NE, 0, -1, "the other CPU in multi_cpu_stop()", 1);
}

static void alternative_instructions(struct bu_machine *m)
{
	struct int3_core *c = alloc(m, sizeof(*c));
	uint32_t i;

	KERNEL_FN(m);
	*c = (struct int3_core){
		.text_mutex = mutex(m, "text_mutex"), .refs = atomic(m, "bp_desc.refs", 0), .state = atomic(m, "multi_stop state", 0),
		.thread_ack = atomic(m, "thread_ack", 0), .arrived = atomic(m, "arrived", 0),
		.vec = atomic(m, "bp_desc.vec", 0), .nr_entries = atomic(m, "bp_desc.nr_entries", 0),
	};
	c->is_in = alloc(m, nr_cpus(m) * sizeof(*c->is_in));
	for (i = 0; i < nr_cpus(m); i++)
		c->is_in[i] = atomic(m, "in multi_cpu_stop()", false);
	set_core_data(m, c);
	int3_handler(m, poke_int3_handler);
	text_each_batch(m, patch);
}

BU_CORE_DEFINE(text, int3) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "text",
	.name = "int3",
	.summary = "a breakpoint, three rounds of IPIs (text_poke_bp_batch, 3.5 and later)",
	.source = "Linux 6.12 arch/x86/kernel/alternative.c",
	.params = parameters,
	.control = alternative_instructions,
};
