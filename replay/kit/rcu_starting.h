/* SPDX-License-Identifier: MIT */
/*
 * rcu_starting.h - how RCU learns of a CPU that starts, load by load and store by store, and how a grace period begins
 * meanwhile: what CPUs that start at the same time do to each other.
 *
 * Source: kernel/rcu/tree.c (rcu_cpu_starting, rcu_gp_init) and tree_exp.h (sync_exp_reset_tree_hotplug) of Linux 5.15 and
 * 5.10.y, which have rnp->ofl_seq; the variants by Message-ID or commit:
 *
 *  ofl-seq          5.11 to 5.17: a counter of each leaf is odd while a CPU starts there; loads and stores, no lock
 *  rnp-lock         the leaf's lock taken around that too (mail by D. Woodhouse, 8 Dec 2021)
 *  acquire-ofl-seq  spin until the counter can be made odd by cmpxchg (acquire-ofl-seq.patch, ibid.)
 *  ofl-lock         82980b1622d9 "rcu: Kill rnp->ofl_seq and use only rcu_state.ofl_lock for exclusion", 5.18
 *
 * A machine's own RCU (replay/machine/rcu.h) ends grace periods; this one only says whom they would wait for. Words stand for
 * the kernel's fields, in the order in which it accesses them.
 */
#ifndef BU_REPLAY_KIT_RCU_STARTING_H
#define BU_REPLAY_KIT_RCU_STARTING_H

#include "replay/kit/kernel.h"

enum rcu_variant { RCU_OFL_SEQ, RCU_RNP_LOCK, RCU_ACQUIRE_OFL_SEQ, RCU_OFL_LOCK };
#define RCU_VARIANTS "ofl-seq|rnp-lock|acquire-ofl-seq|ofl-lock"

enum { RCU_FANOUT_LEAF = 16 };

struct rcu_node {		/* a leaf; words but for the lock */
	bu_obj lock;
	bu_word_id ofl_seq, qsmaskinitnext, qsmaskinit, expmaskinitnext, expmaskinit;
};

struct rcu_state {
	enum rcu_variant variant;
	int64_t access_ns;	/* mean time of one access */
	struct rcu_node *leaf;
	int nr_leaves;
	bu_obj ofl_lock;
	bu_word_id ncpus;
	bu_word_id ncpus_snap;
	bu_word_id *started;	/* by CPU: has left rcu_cpu_starting(), so grace periods must wait for it */
	bu_word_id nr_started;	/* of these */
};

/* An access takes up to twice the mean, evenly spread: that is what lets CPUs overtake each other. */
static inline void rcu_access(struct bu_machine *m, const struct rcu_state *s)
{
	if (s->access_ns)
		work(m, (int64_t)(random_u64(m, 0) % (uint64_t)(2 * s->access_ns + 1)));
}

static inline int64_t rcu_load(struct bu_machine *m, const struct rcu_state *s, bu_word_id w)
{
	rcu_access(m, s);
	return atomic_read(m, w);
}

static inline void rcu_store(struct bu_machine *m, const struct rcu_state *s, bu_word_id w, int64_t value)
{
	rcu_access(m, s);
	atomic_set(m, w, value);
}

/* CPU 0 has started. */
static inline struct rcu_state *rcu_state_init(struct bu_machine *m, enum rcu_variant variant, int64_t access_ns)
{
	struct rcu_state *s = (struct rcu_state *)alloc(m, sizeof(*s));
	int i;

	s->variant = variant;
	s->access_ns = access_ns;
	s->nr_leaves = ((int)nr_cpus(m) + RCU_FANOUT_LEAF - 1) / RCU_FANOUT_LEAF;
	s->leaf = (struct rcu_node *)alloc(m, (size_t)s->nr_leaves * sizeof(*s->leaf));
	s->started = (bu_word_id *)alloc(m, nr_cpus(m) * sizeof(*s->started));
	s->ofl_lock = raw_spinlock(m, "rcu_state.ofl_lock", BU_SPIN_QUEUED);
	s->ncpus = atomic(m, "rcu_state.ncpus", 1);
	s->ncpus_snap = atomic(m, "rcu_state.ncpus_snap", 1);
	s->nr_started = atomic(m, "nr_started", 1);
	for (i = 0; i < (int)nr_cpus(m); i++)
		s->started[i] = atomic(m, "started", i == 0);
	for (i = 0; i < s->nr_leaves; i++) {
		const int64_t up = i == 0;

		s->leaf[i].lock = raw_spinlock(m, "rcu_node", BU_SPIN_QUEUED);
		s->leaf[i].ofl_seq = atomic(m, "rnp->ofl_seq", 0);
		s->leaf[i].qsmaskinitnext = atomic(m, "rnp->qsmaskinitnext", up);
		s->leaf[i].qsmaskinit = atomic(m, "rnp->qsmaskinit", up);
		s->leaf[i].expmaskinitnext = atomic(m, "rnp->expmaskinitnext", up);
		s->leaf[i].expmaskinit = atomic(m, "rnp->expmaskinit", up);
	}
	return s;
}

static inline int64_t rcu_grpmask(int cpu)
{
	return INT64_C(1) << (cpu % RCU_FANOUT_LEAF);
}

/* ------------------------------------------------------------------------------------------------ a CPU that starts */

static inline void rcu_ofl_begin(struct bu_machine *m, const struct rcu_state *s, const struct rcu_node *rnp)
{
	int64_t seq;

	switch (s->variant) {
	case RCU_OFL_LOCK:
		raw_spin_lock(m, s->ofl_lock);	/* arch_spin_lock() */
		break;
	case RCU_ACQUIRE_OFL_SEQ:
		for (;;) {
			seq = rcu_load(m, s, rnp->ofl_seq);
			if (seq & 1)
				spin_until(m, rnp->ofl_seq, BU_GUARD_NE, seq, -1, "acquire_ofl_seq", -1);
			else if (atomic_cmpxchg(m, rnp->ofl_seq, seq, seq + 1) == seq)
				break;
		}
		break;
	case RCU_RNP_LOCK:
		raw_spin_lock(m, rnp->lock);
		__attribute__((fallthrough));
	case RCU_OFL_SEQ:
		seq = rcu_load(m, s, rnp->ofl_seq);
		rcu_store(m, s, rnp->ofl_seq, seq + 1);
		/* WARN_ON_ONCE(!(rnp->ofl_seq & 0x1)): while it is even rcu_gp_init() does not wait for this CPU. */
		seq = rcu_load(m, s, rnp->ofl_seq);
		BU_ASSERT_CORE(m, seq & 1);
		break;
	}
	if (s->variant != RCU_RNP_LOCK)
		raw_spin_lock(m, rnp->lock);
}

static inline void rcu_ofl_end(struct bu_machine *m, const struct rcu_state *s, const struct rcu_node *rnp)
{
	if (s->variant != RCU_RNP_LOCK)
		raw_spin_unlock(m, rnp->lock);
	/* WARN_ON_ONCE(rnp->ofl_seq & 0x1) is no more than a line in the log: a grace period finds out. */
	if (s->variant != RCU_OFL_LOCK)
		rcu_store(m, s, rnp->ofl_seq, rcu_load(m, s, rnp->ofl_seq) + 1);
	if (s->variant == RCU_RNP_LOCK)
		raw_spin_unlock(m, rnp->lock);
	if (s->variant == RCU_OFL_LOCK)
		raw_spin_unlock(m, s->ofl_lock);
}

/* Interrupts off. */
static inline void rcu_cpu_starting(struct bu_machine *m, struct rcu_state *s, int cpu)
{
	const struct rcu_node *rnp = &s->leaf[cpu / RCU_FANOUT_LEAF];
	const int64_t mask = rcu_grpmask(cpu);
	int64_t next, newcpu;

	KERNEL_FN(m);
	rcu_ofl_begin(m, s, rnp);
	rcu_store(m, s, rnp->qsmaskinitnext, rcu_load(m, s, rnp->qsmaskinitnext) | mask);
	next = rcu_load(m, s, rnp->expmaskinitnext);
	newcpu = !(next & mask);
	rcu_store(m, s, rnp->expmaskinitnext, next | mask);
	/* Of all leaves, under the lock of this one only. */
	rcu_store(m, s, s->ncpus, rcu_load(m, s, s->ncpus) + newcpu);
	rcu_ofl_end(m, s, rnp);
	atomic_set(m, s->started[cpu], true);
	atomic_add_return(m, s->nr_started, 1);
}

/* --------------------------------------------------------------------------------------------- grace periods begin */

#define RCU_JIFFY_NS INT64_C(4000000)
#define RCU_STALL_NS INT64_C(21000000000)	/* rcupdate.rcu_cpu_stall_timeout */

/* rcu_gp_init()'s wait for CPUs that start on this leaf, in 5.11 to 5.17. */
static inline void rcu_wait_ofl_seq(struct bu_machine *m, const struct rcu_node *rnp)
{
	const int64_t firstseq = atomic_read(m, rnp->ofl_seq), end = now(m) + RCU_STALL_NS;

	if (!(firstseq & 1))
		return;
	while (atomic_read(m, rnp->ofl_seq) == firstseq && now(m) < end)
		sleep_ns(m, RCU_JIFFY_NS);	/* schedule_timeout_idle(1) */
	/* It goes on like that; to look on from jiffy to jiffy would show nothing new. */
	spin_until(m, rnp->ofl_seq, BU_GUARD_NE, firstseq, -1, "rcu_gp_init: ofl_seq stays odd", -1);
}

/* Whoever begins grace periods, and the CPUs that have started before the one that begins. */
struct rcu_beginner {
	bool *before;		/* by CPU */
	int64_t nr_before;
};

static inline struct rcu_beginner *rcu_beginner_init(struct bu_machine *m)
{
	struct rcu_beginner *b = (struct rcu_beginner *)alloc(m, sizeof(*b));

	b->before = (bool *)alloc(m, nr_cpus(m) * sizeof(*b->before));
	return b;
}

static inline void rcu_gp_begins(struct bu_machine *m, const struct rcu_state *s, struct rcu_beginner *b)
{
	const int64_t nr = atomic_read(m, s->nr_started);
	int i, n = (int)nr_cpus(m);

	/* Most grace periods begin while no CPU starts. */
	for (i = 0; nr != b->nr_before && i < n; i++)
		b->before[i] = atomic_read(m, s->started[i]);
	b->nr_before = nr;
}

/*
 * Whom the next normal grace period waits for. Those that have started before must be among them; who starts meanwhile holds
 * no reference that the grace period is about, and may be left out.
 */
static inline void rcu_gp_init(struct bu_machine *m, const struct rcu_state *s, struct rcu_beginner *b)
{
	int i, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	rcu_gp_begins(m, s, b);
	for (i = 0; i < s->nr_leaves; i++) {
		const struct rcu_node *rnp = &s->leaf[i];
		bool irqs;

		if (s->variant != RCU_OFL_LOCK)
			rcu_wait_ofl_seq(m, rnp);
		irqs = local_irq_save(m);
		raw_spin_lock(m, s->ofl_lock);
		raw_spin_lock(m, rnp->lock);
		atomic_set(m, rnp->qsmaskinit, atomic_read(m, rnp->qsmaskinitnext));
		raw_spin_unlock(m, rnp->lock);
		raw_spin_unlock(m, s->ofl_lock);
		local_irq_restore(m, irqs);
	}
	for (i = 0; i < n; i++)
		BU_ASSERT_CORE(m, !b->before[i] || (atomic_read(m, s->leaf[i / RCU_FANOUT_LEAF].qsmaskinit) & rcu_grpmask(i)));
}

/* The same for an expedited one, which looks at the leaves only when the number of CPUs has changed. */
static inline void sync_exp_reset_tree_hotplug(struct bu_machine *m, const struct rcu_state *s, struct rcu_beginner *b)
{
	int64_t ncpus;
	int i, n = (int)nr_cpus(m);

	KERNEL_FN(m);
	rcu_gp_begins(m, s, b);
	ncpus = rcu_load(m, s, s->ncpus);
	for (i = 0; ncpus != atomic_read(m, s->ncpus_snap) && i < s->nr_leaves; i++) {
		const struct rcu_node *rnp = &s->leaf[i];
		bool irqs = raw_spin_lock_irqsave(m, rnp->lock);

		atomic_set(m, rnp->expmaskinit, atomic_read(m, rnp->expmaskinitnext));
		raw_spin_unlock_irqrestore(m, rnp->lock, irqs);
	}
	atomic_set(m, s->ncpus_snap, ncpus);
	for (i = 0; i < n; i++)
		BU_ASSERT_CORE(m, !b->before[i] || (atomic_read(m, s->leaf[i / RCU_FANOUT_LEAF].expmaskinit) & rcu_grpmask(i)));
}

#endif
