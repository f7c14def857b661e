/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine_int.h - what the files of this folder share; nobody else includes it.
 *
 * Always true
 *  (1) Records of threads and objects lie in the run's memory and never move; the tables of pointers to them grow.
 *      CPUs lie in one array. So a pointer to a record stays valid for the run, also across switches.
 *  (2) A thread that is queued is in one list of its CPU; the current thread of a CPU is in none.
 *  (3) cpu.waiting: the coroutine of the current thread is in a delay or wait that may be cut short, and ends at
 *      bound_ns at the latest. Whoever makes something happen on a CPU calls cpu_rebound() afterwards.
 */
#ifndef BU_REPLAY_MACHINE_MACHINE_INT_H
#define BU_REPLAY_MACHINE_MACHINE_INT_H

#include "replay/engine/cut.h"
#include "replay/engine/engine.h"
#include "replay/engine/run_mem.h"
#include "replay/machine/chain.h"
#include "replay/machine/machine.h"
#include "replay/machine/queue.h"
#include "replay/machine/waits.h"

#define PATH_MAX_CALLS 16u
#define HELD_MAX 16u
#define FOREVER INT64_MAX

struct held {
	bu_obj obj;
	uint32_t shared;	/* held for reading */
	int64_t since_ns;
	const char *where;	/* innermost function then */
};

/* What a thread needs while it has a stack. */
struct live {
	const char *path[PATH_MAX_CALLS];
	struct held held[HELD_MAX];
	uint32_t depth;		/* of the path, may exceed its room */
	uint32_t n_held;
	struct live *next_free;
};

struct thread {
	uint32_t id;
	bu_task_id task;	/* of the engine; 0: has no stack */
	uint32_t cpu;
	int32_t allowed;	/* the only CPU, or BU_ANY_CPU */
	const char *name;
	bu_thread_fn fn;
	void *arg;
	struct live *live;	/* NULL: has no stack */
	bu_word_id state;
	int32_t preempt_count;
	uint8_t class, prio;
	bool on_rq, dead, throttled, exits, kthread_ended;
	bu_word_id turn;	/* 1: a device serves it next; 0 before the first wait for one */
	bu_word_id inactive;	/* kthreads: 1 while it is on no queue and no CPU */
	/* what it waits for, see waits.h */
	uint8_t wait;		/* enum bu_wait_kind */
	int32_t wait_cpu;	/* a CPU that can end it, or -1 */
	bu_obj wait_obj;
	bu_thread wait_thread;
	bu_word_id wait_word;
	const char *wait_name;
	const char *point;	/* of this wait or of the next */
	int32_t point_cpu;
	bu_obj group;
	int64_t group_left_ns;
	struct kthread *kthread;
	struct worker *worker;	/* of a workqueue; or NULL */
	bu_obj sleep_timer;	/* 0 before the first sleep */
	uint32_t rcu_nesting;
	bool rcu_blocked;	/* preempted inside a read-side section */
	bool rcu_exp;		/* an expedited grace period waits for its rcu_read_unlock() */
	int64_t rcu_seq;	/* rcu_blocked: grace period that began last when it was preempted */
	/* Where it is in line: under the words of the queues; in a wake_q only the waker's business. */
	struct link link[2];	/* by enum link_kind */
	uint32_t wake_next;	/* in a wake_q; itself: the last */
	bu_obj wq;		/* that object; 0: in none */
	uint32_t wq_flags;
	int64_t wq_value;
	bool daemon;
	/* From here on: no part of its state, see state.h. */
	int64_t wait_since_ns;
	int64_t queued_ns;	/* when it was woken up last */
	int64_t ran_ns;
	bu_obj polls;		/* the lock that it tried to take last and did not get, */
	uint32_t n_polls;	/* so many times running, */
	int64_t polls_since_ns;	/* for the first time then */
	uint64_t stepped;	/* look.c */
};

/* A piece of memory whose bytes are part of the state. */
struct record {
	const void *at;
	size_t bytes;
};

/* An interrupt on its way to a CPU. Its key is a hash of its name. */
struct arrival {
	struct item item;
	int64_t at_ns;
	const char *name;
	bu_thread_fn fn;
	void *arg;
};

/* What others see of a CPU besides its queues: in one word, with its current thread. */
enum {
	CPU_ONLINE = 1,
	CPU_ALIVE = 2,
	CPU_STARTED = 4,
	CPU_NEED_RESCHED = 8,
	CPU_RESCHED_SENT = 16,
	CPU_IN_IRQ = 32,	/* RCU watches an idle CPU while it is set */
};

struct list {
	uint32_t head, tail;
};

struct cpu {
	uint32_t id;
	bu_word_id state;	/* cpu_word() of these two, which change by cpu_store() */
	uint32_t curr;		/* thread; 0: not started */
	uint32_t flags;		/* CPU_* */
	uint32_t idle;		/* its idle thread; 0 before the first start */
	struct queue fair, rt;
	struct queue stop;	/* the stopper, when it is queued */
	/* Its own: nobody else acts upon it. */
	bool irqs_off, waiting, in_nmi, slice_over;
	uint8_t in_irq;
	int64_t slice_end_ns;
	bu_thread_fn start_fn;
	void *start_arg;
	/* What follows from its timers, and what is made at the first use; NULL before. */
	int64_t timer_at_ns;	/* next event of its timers; FOREVER: none */
	struct cpu_timers *timers;
	struct call_queue *calls;
	struct stopper *stopper;
	struct pool *pool;
	/* Under the words of RCU that count what is owed. */
	bool rcu_owes;		/* a grace period waits for it */
	bool rcu_exp_owes;	/* an expedited one does */
	bool rcu_noticed;	/* its tick has seen that */
	bool rcu_qs;		/* switched contexts since */
	/* From here on: no part of its state, see state.h, but what arrives, which is looked at by itself. */
	struct chain irqs, nmis;	/* arrivals, by time */
	int64_t bound_ns;
	int64_t irqs_off_ns;	/* since when they are off */
	int64_t switched_ns;	/* last context switch */
	int64_t preemptible_ns;	/* when it was last seen to be */
	int64_t started_ns;
	uint64_t stepped;	/* look.c */
	struct bu_cpu_account account;
};

struct obj {
	uint8_t kind;		/* enum bu_obj_kind */
	uint8_t flag;
	uint16_t n;		/* words */
	const char *name;
	bu_word_id w[4];
	uint32_t sub;		/* another object */
	int64_t a, b;
	void *more;		/* in the run's memory */
	struct queue waiters;
	uint32_t owner;		/* thread; 0: none. Written by who holds it, read by that and by reports */
	struct bu_lock_stats *stats;	/* of a lock that was taken; NULL: none, or not kept */
};

struct bu_machine {
	const struct bu_host_tables *tables;	/* must come first: core.h reads it */
	struct bu_machine_config config;
	struct bu_engine *engine;
	struct bu_run_mem mem;
	struct cpu *cpu;
	struct thread **thread;	/* [0] NULL */
	size_t n_threads, cap_threads;
	struct obj **obj;	/* [0] NULL */
	size_t n_objs, cap_objs;
	uint32_t *of_task;	/* engine task -> thread */
	size_t cap_of_task;
	struct item *free_arrival;
	struct live *free_live;
	bu_word_id off_cpu;	/* what threads that do not run wait for; never changes */
	bu_word_id nr_online;
	uint32_t n_users;	/* threads that the run waits for */
	uint32_t pullable;	/* queued fair threads that may run anywhere */
	struct phys *phys;	/* NULL: every CPU has a physical one */
	struct rcu *rcu;
	struct text *text;	/* NULL: no sites in this run */
	struct pgd *pgd;	/* NULL: no page tables in this run */
	struct csd *free_csd;
	bu_word_id csds, stop_dones, stop_works;	/* how many are in use; 0 before the first */
	struct pool *unbound_pool;
	bu_obj system_wq;
	struct stop_done *free_done;
	struct item *free_stop_work;
	uint32_t n_stop_works;
	struct multi *free_multi;
	struct smpboot *smpboot[16];
	uint32_t n_smpboot;
	int stop_family;
	bool stop_init;
	bu_obj text_mutex, stop_mutex, cpu_hotplug_lock;	/* 0 before the first use */
	bu_word_id stop_in_progress;
	size_t bytes;		/* of the run's memory that were handed out */
	struct record *record;	/* with config.fingerprints: all that machine_alloc() gave */
	size_t n_records, cap_records;
	/* look.c */
	struct looked *looked;
	size_t n_looked, cap_looked, next_looked;
	const struct chain **chain;
	size_t n_chains, cap_chains, next_chain, next_queue;
	bool done, failed;
	enum bu_machine_end end;	/* failed: how */
	char verdict[sizeof(((struct bu_machine_result *)0)->verdict)];
};

/* machine.c */
/*
 * Memory of the run, zeroed; does not return when there is none, inside threads. machine_alloc() for what is part of the
 * state as it is; machine_mem() for what is not, or is looked at by itself.
 */
void *machine_mem(struct bu_machine *m, size_t size);
void *machine_alloc(struct bu_machine *m, size_t size);
const char *machine_strdup(struct bu_machine *m, const char *s);
struct obj *obj_new(struct bu_machine *m, enum bu_obj_kind kind, const char *name, bu_obj *ret);
/* Counts records of a pool that are in use; made at the first. */
void in_use(struct bu_machine *m, bu_word_id *count, const char *name, int delta);
bu_word_id obj_word(struct bu_machine *m, struct obj *o, const char *what, int64_t value);
/* The object if it is one of @kind; otherwise the run ends. */
struct obj *obj_get(struct bu_machine *m, bu_obj id, enum bu_obj_kind kind, const char *call);
void held_add(struct bu_machine *m, bu_obj o, bool shared);
bool held_del(struct bu_machine *m, struct thread *t, bu_obj o);	/* false: was not held */
void lock_polled(struct bu_machine *m, bu_obj o);	/* a trylock of the running thread failed */
bool held_has(const struct thread *t, bu_obj o);
void lock_waited(struct bu_machine *m, bu_obj o, int64_t ns);
const char *where(const struct thread *t);	/* innermost function of its call path */

static inline struct thread *thread_of(struct bu_machine *m, uint32_t id)
{
	return m->thread[id];
}

static inline struct thread *cur(struct bu_machine *m)
{
	bu_task_id task = bu_task_self(m->engine);

	return task && task < m->cap_of_task && m->of_task[task] ? m->thread[m->of_task[task]] : NULL;
}

/* Of two that follow one another in a queue or chain; of nobody (0) and nobody: 0, so is the empty queue. */
static inline uint64_t neighbours(uint32_t a, uint32_t b)
{
	return bu_hash_mix((uint64_t)a << 32 | b);
}

/* state.c */
uint64_t bytes_hash(uint64_t h, const void *at, size_t bytes);

/* queue.c */
bool queue_intact(const struct bu_machine *m, const struct queue *q, enum link_kind kind);

static inline int64_t cpu_word(uint32_t curr, uint32_t flags)
{
	return (int64_t)((uint64_t)flags << 32 | curr);
}

static inline bool cpu_is(const struct cpu *c, uint32_t flag)
{
	return c->flags & flag;
}

static inline struct cpu *cpu_of(const struct bu_machine *m, const struct thread *t)
{
	return &m->cpu[t->cpu];
}

/* cpu.c */
void cpus_reset(struct bu_machine *m);
void cpu_store(struct bu_machine *m, struct cpu *c, uint32_t curr, uint32_t flags);
void cpu_flag(struct bu_machine *m, struct cpu *c, uint32_t flag, bool on);
/* The same as another CPU sees it: a step of the running thread on the word of that CPU. */
bool cpu_sees(struct bu_machine *m, const struct cpu *c, uint32_t flags);	/* all of them set */
bool cpu_seen_idle(struct bu_machine *m, const struct cpu *c);	/* in its idle thread, and in no interrupt */
void attend(struct bu_machine *m, struct thread *t);	/* whatever is due on the CPU of the running thread */
void cpu_rebound(struct bu_machine *m, struct cpu *c);
void never(struct bu_machine *m);	/* the running task waits until it is cut short */
bool preemptible(const struct bu_machine *m, const struct cpu *c);
/* An operation on something shared is about to happen: time, choice, interrupts. */
void op(struct bu_machine *m);
/* Interruptible wait of the running thread on its CPU until @at_ns; 0, or the await's -ETIMEDOUT. */
void cpu_wait(struct bu_machine *m, struct thread *t, int64_t until_ns);
void cpu_arrive(struct bu_machine *m, int cpu, bool nmi, const char *name, int64_t at_ns, bu_thread_fn fn, void *arg);
/*
 * The running thread spins until the guard holds, then the effect is applied. @until_ns: absolute, FOREVER.
 * Return: 0; -ETIMEDOUT.
 */
int spin_on(struct bu_machine *m, bu_word_id word, enum bu_guard guard, int64_t value, enum bu_effect effect,
	    int64_t operand, int64_t until_ns);

/* physical.c */
bool phys_reset(struct bu_machine *m);
void phys_run(struct bu_machine *m, const struct cpu *c);	/* the running thread goes on when its CPU has a physical one */
void phys_halt(struct bu_machine *m, const struct cpu *c);
void phys_poll(struct bu_machine *m, const struct cpu *c);	/* it looks for something that is not there */
void phys_poll_end(struct bu_machine *m, const struct cpu *c);
bool phys_asleep(const struct bu_machine *m, const struct cpu *c);	/* it polls, and the emulator's lock is not its own */
bool phys_waits(const struct bu_machine *m, const struct cpu *c);	/* for a physical CPU */
int64_t phys_bound(const struct bu_machine *m, const struct cpu *c);	/* when it may lose its own; FOREVER: not */

/* sched.c */
struct thread *thread_new(struct bu_machine *m, const char *name, int cpu, enum bu_class class, int prio,
			  bu_thread_fn fn, void *arg);
void schedule(struct bu_machine *m, bool preempt);
void enqueue(struct bu_machine *m, struct cpu *c, struct thread *t, bool at_head);
void set_allowed(struct bu_machine *m, struct thread *t, int32_t cpu);
void move_queued(struct bu_machine *m, struct thread *t, uint32_t cpu);	/* which is queued, to another CPU */
void push_all(struct bu_machine *m, struct cpu *c);	/* what may run elsewhere leaves (balance_push()) */
bool try_to_wake_up(struct bu_machine *m, struct thread *t, int states);
void resched_curr(struct bu_machine *m, struct cpu *c);
bool has_queued(const struct cpu *c);
void thread_go(struct bu_machine *m, struct cpu *c);	/* lets the current thread of @c run, which waits or is new */
void set_state(struct bu_machine *m, struct thread *t, int state);
int get_state(struct bu_machine *m, const struct thread *t);
void charge_group(struct bu_machine *m, struct thread *t, int64_t ns);

/* What the running thread waits for, from here to wait_end(). */
void wait_begin(struct bu_machine *m, enum bu_wait_kind kind, bu_obj obj, const char *name);
void wait_end(struct bu_machine *m, bool timed_out);

/* lists of threads that wait for an object, in order of arrival */
void wq_add(struct bu_machine *m, struct obj *o, bu_obj id, struct thread *t, uint32_t flags, bool at_head);
void wq_del(struct bu_machine *m, struct thread *t);

/*
 * wake_q_add(), wake_up_q() of kernel/sched/core.c: a list of threads to be woken later. Who is in one already is not
 * added to another.
 */
void wake_q_add(struct bu_machine *m, struct list *q, struct thread *t);
void wake_up_q(struct bu_machine *m, struct list *q);

/* timer.c */
/* Arms a timer on @c, as part of a step that is going on. */
void hrtimer_arm(struct bu_machine *m, bu_obj timer, int64_t at_ns, struct cpu *c);
void timer_interrupt(struct bu_machine *m, struct cpu *c);
bool timers_ticking(const struct cpu *c);
void timers_cpu_online(struct bu_machine *m, struct cpu *c);
void timers_cpu_offline(struct bu_machine *m, struct cpu *c);

/* stop.c: of a wait for stop work, the next CPU from *@cpu on whose stopper it needs, and that stopper. */
bool stop_releasers(struct bu_machine *m, bu_obj o, uint32_t *cpu, bu_thread *stopper);

/* workqueue.c */
void worker_sleeping(struct bu_machine *m, struct worker *w);
void worker_running(struct bu_machine *m, struct worker *w);
/* Of a wait for a work item or queue, the next thread from *@at on that it needs. */
bool work_releasers(struct bu_machine *m, bu_obj o, size_t *at, bu_thread *thread);

/* text.c: @c has done something that serialises. */
void text_serialise(struct bu_machine *m, const struct cpu *c);

/* look.c: of objects, see look.h */
void look_at_obj(struct bu_machine *m, const struct obj *o);

/* rcu.c */
/* When RCU's words were operated on last, or @than if that is later: bu_word_changed(). */
uint64_t rcu_changed(const struct bu_machine *m, uint64_t than);
void rcu_momentary_eqs(struct bu_machine *m, struct cpu *c);
void rcu_note_context_switch(struct bu_machine *m, struct cpu *c, struct thread *prev, bool preempt);
void rcu_cpu_dead(struct bu_machine *m, struct cpu *c);
/* Of a wait for a grace period, from *@at on: the next CPU (or -1) and thread (or 0) that it needs. */
bool rcu_releasers(struct bu_machine *m, bu_thread waiter, uint32_t *at, int *cpu, bu_thread *thread);
void rcu_tick(struct bu_machine *m, struct cpu *c);

#endif
