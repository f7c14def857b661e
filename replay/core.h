/* SPDX-License-Identifier: MIT */
/*
 * core.h - all that the author of a core sees: the simulated machine, the work it is given, how a core is announced.
 *
 * A core is one implementation of a kernel algorithm, written as straight-line C that reads like the kernel's own. It acts only
 * through the operations below and those of its family (replay/core_hotplug.h, ...), keeps no state outside of its stack,
 * the run's memory (alloc) and the objects it makes, and shares nothing between threads but words and objects.
 *
 *   replay/core.h             types, operations of the machine, announcing a core
 *   replay/core_FAMILY.h      what one family of cores is given: the schedule, the marks it sets
 *   replay/kit/kernel.h       the operations under the kernel's own names: mutex_lock(m, lock)
 *   replay/cores/hotplug/serial.c   a complete small example
 *
 * The operations are those of replay/machine/NAME.h, function bu_NAME there being operation NAME here; the comments there
 * say what each does, costs and forbids, and which kernel source it follows.
 *
 * Versions: structs that cross the border begin with their size; fields are only ever appended, operations as well.
 * BU_CORE_ABI changes when something breaks.
 */
#ifndef BU_REPLAY_CORE_H
#define BU_REPLAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BU_CORE_ABI 2

/* ------------------------------------------------------------------------------------------------------- types */

struct bu_machine;		/* one machine in one run; opaque */

typedef uint32_t bu_thread;	/* what the kernel calls a task; 0: none */
typedef uint32_t bu_obj;	/* a kernel object: a lock, a completion, a timer, ...; 0: none */
typedef uint32_t bu_word_id;	/* a shared word; 0: none */
typedef void (*bu_thread_fn)(struct bu_machine *, void *);
typedef int (*bu_kthread_fn)(struct bu_machine *, void *);
typedef int (*bu_stop_fn)(struct bu_machine *, void *);
typedef bool (*bu_page_fault_fn)(struct bu_machine *, int slot);	/* -1: of another cause; whether to go on */
typedef bool (*bu_int3_fn)(struct bu_machine *, int site);	/* whether it emulated the instruction */
typedef int64_t (*bu_timer_fn)(struct bu_machine *, void *);	/* ns from its expiry to the next, 0: none */

#define BU_ANY_CPU (-1)
#define BU_FIRST_ONLINE_CPU (-1)	/* of stop_machine: who runs the function */
#define BU_ALL_ONLINE_CPUS (-2)

/* Thread states: values of include/linux/sched.h (v6.12). */
enum {
	BU_TASK_RUNNING = 0,
	BU_TASK_INTERRUPTIBLE = 0x1,
	BU_TASK_UNINTERRUPTIBLE = 0x2,
	BU_TASK_PARKED = 0x40,
	BU_TASK_DEAD = 0x80,
	BU_TASK_NEW = 0x800,
	BU_TASK_NORMAL = BU_TASK_INTERRUPTIBLE | BU_TASK_UNINTERRUPTIBLE,
};

/* Scheduler classes, first served first. */
enum bu_class { BU_CLASS_STOP, BU_CLASS_RT, BU_CLASS_FAIR, BU_CLASS_IDLE };

enum bu_guard { BU_GUARD_EQ, BU_GUARD_NE, BU_GUARD_GE, BU_GUARD_LE };	/* word GUARD value */

/*
 * Both let in whoever came first. A ticket lock is taken in two steps, drawing a number and looking whether it is
 * called; a queued one in one step when it is free.
 */
enum bu_spin { BU_SPIN_QUEUED, BU_SPIN_TICKET };

enum bu_arbitration {
	BU_ARBITER_FIFO,	/* first come, first served */
	BU_ARBITER_NEAR,	/* of those that wait the one nearest to the device, that is with the least |CPU - home| */
	BU_ARBITER_BATCH,	/* all that wait, by CPU number; who comes later is in the next batch */
	BU_ARBITER_ROUND_ROBIN,	/* the next CPU that waits by number, behind the one served last */
	BU_ARBITER_RANDOM,	/* any of those that wait, from a random stream of the device's own */
};

enum bu_wq_type { BU_WQ_PERCPU, BU_WQ_UNBOUND, BU_WQ_ORDERED };	/* ordered: unbound, one at a time in order of queueing */

/* rcu_scheduler_active, with what synchronize_rcu() does then */
enum bu_rcu_mode {
	BU_RCU_INACTIVE,	/* one CPU, no scheduler: nothing to wait for */
	BU_RCU_EXPEDITED,	/* until rcu_end_inkernel_boot() */
	BU_RCU_NORMAL,
};

/*
 * A thread per CPU (struct smp_hotplug_thread). Hooks are called in the thread, all but should_run with preemption
 * enabled; those behind fn may be NULL.
 */
struct bu_smp_hotplug_thread {
	const char *name;		/* "/N" is appended */
	bool (*should_run)(struct bu_machine *, int cpu);
	void (*fn)(struct bu_machine *, int cpu);
	void (*setup)(struct bu_machine *, int cpu);	/* before the first round */
	void (*cleanup)(struct bu_machine *, int cpu);	/* before the end */
	void (*park)(struct bu_machine *, int cpu);
	void (*unpark)(struct bu_machine *, int cpu);	/* after the first unpark only setup is called */
	enum bu_class sched_class;
	int prio;
	bool selfparking;		/* neither parked nor unparked by smpboot_park_threads() and its like */
};

/* One place that is patched: bytes from the lowest on, and how many of them are executed (a return leaves the rest). */
struct bu_text_site {
	const char *name;
	uint64_t before, after;
	int len, before_len, after_len;	/* bytes, up to 8 */
};

/* --------------------------------------------------------------------------------- operations of the machine */

/* OP(type, name, parameters, arguments). In the order of the ABI: new ones are appended. */
#define BU_MACHINE_OPS(OP) \
	/* the run: time, memory, parameters, the end */ \
	OP(int64_t, now, (struct bu_machine *m), (m)) \
	OP(void *, alloc, (struct bu_machine *m, size_t bytes), (m, bytes)) \
	OP(void, set_core_data, (struct bu_machine *m, void *data), (m, data)) \
	OP(void *, core_data, (struct bu_machine *m), (m)) \
	OP(int64_t, param, (struct bu_machine *m, int index), (m, index)) \
	OP(uint64_t, random_u64, (struct bu_machine *m, uint32_t stream), (m, stream)) \
	OP(void, core_fail, (struct bu_machine *m, const char *why), (m, why)) \
	OP(void, crash, (struct bu_machine *m, const char *what, const char *where), (m, what, where)) \
	OP(void, core_assert_failed, (struct bu_machine *m, const char *condition, const char *where), (m, condition, where)) \
	OP(void, wait_point, (struct bu_machine *m, const char *point, int cpu), (m, point, cpu)) \
	OP(void, call, (struct bu_machine *m, const char *function), (m, function)) \
	OP(void, ret, (struct bu_machine *m), (m)) \
	/* threads and the scheduler: machine.h */ \
	OP(bu_thread, thread_create, (struct bu_machine *m, const char *name, int cpu, enum bu_class c, int prio, \
		bu_thread_fn fn, void *arg), (m, name, cpu, c, prio, fn, arg)) \
	OP(bu_thread, thread_run, (struct bu_machine *m, const char *name, int cpu, bu_thread_fn fn, void *arg), \
		(m, name, cpu, fn, arg)) \
	OP(void, thread_daemon, (struct bu_machine *m, bu_thread t), (m, t)) \
	OP(bu_thread, current, (struct bu_machine *m), (m)) \
	OP(int, thread_cpu, (struct bu_machine *m, bu_thread t), (m, t)) \
	OP(int, this_cpu, (struct bu_machine *m), (m)) \
	OP(void, set_current_state, (struct bu_machine *m, int state), (m, state)) \
	OP(int, thread_state, (struct bu_machine *m, bu_thread t), (m, t)) \
	OP(void, schedule, (struct bu_machine *m), (m)) \
	OP(bool, wake_up_state, (struct bu_machine *m, bu_thread t, int states), (m, t, states)) \
	OP(bool, wake_up_process, (struct bu_machine *m, bu_thread t), (m, t)) \
	OP(void, yield, (struct bu_machine *m), (m)) \
	OP(int64_t, schedule_timeout, (struct bu_machine *m, int64_t ns), (m, ns)) \
	OP(void, sleep_ns, (struct bu_machine *m, int64_t ns), (m, ns)) \
	OP(int, set_cpus_allowed_ptr, (struct bu_machine *m, bu_thread t, int cpu), (m, t, cpu)) \
	OP(bu_obj, cfs_group, (struct bu_machine *m, const char *name, int64_t quota_ns, int64_t period_ns), \
		(m, name, quota_ns, period_ns)) \
	OP(void, cfs_join, (struct bu_machine *m, bu_obj group, bu_thread t), (m, group, t)) \
	/* time, interrupts, preemption, CPUs: machine.h */ \
	OP(void, work, (struct bu_machine *m, int64_t ns), (m, ns)) \
	OP(void, mdelay, (struct bu_machine *m, int64_t ns), (m, ns)) \
	OP(void, local_irq_disable, (struct bu_machine *m), (m)) \
	OP(void, local_irq_enable, (struct bu_machine *m), (m)) \
	OP(bool, local_irq_save, (struct bu_machine *m), (m)) \
	OP(void, local_irq_restore, (struct bu_machine *m, bool on), (m, on)) \
	OP(bool, irqs_disabled, (struct bu_machine *m), (m)) \
	OP(void, preempt_disable, (struct bu_machine *m), (m)) \
	OP(void, preempt_enable, (struct bu_machine *m), (m)) \
	OP(int, preempt_count, (struct bu_machine *m), (m)) \
	OP(bool, in_interrupt, (struct bu_machine *m), (m)) \
	OP(bool, in_nmi, (struct bu_machine *m), (m)) \
	OP(void, might_sleep, (struct bu_machine *m), (m)) \
	OP(void, irq_send, (struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, \
		void *arg), (m, cpu, name, delay_ns, handler, arg)) \
	OP(void, ipi_send, (struct bu_machine *m, int cpu, const char *name, bu_thread_fn handler, void *arg), \
		(m, cpu, name, handler, arg)) \
	OP(void, nmi_send, (struct bu_machine *m, int cpu, const char *name, int64_t delay_ns, bu_thread_fn handler, \
		void *arg), (m, cpu, name, delay_ns, handler, arg)) \
	OP(void, cpu_start, (struct bu_machine *m, int cpu, bu_thread_fn fn, void *arg), (m, cpu, fn, arg)) \
	OP(void, cpu_startup_entry, (struct bu_machine *m), (m)) \
	OP(uint32_t, nr_cpus, (struct bu_machine *m), (m)) \
	OP(void, set_cpu_online, (struct bu_machine *m, int cpu, bool online), (m, cpu, online)) \
	OP(bool, cpu_online, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(uint32_t, num_online_cpus, (struct bu_machine *m), (m)) \
	OP(bool, cpu_started, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(bool, cpu_idle, (struct bu_machine *m, int cpu), (m, cpu)) \
	/* words, spinning, sequence counters, static keys: atomic.h */ \
	OP(bu_word_id, atomic, (struct bu_machine *m, const char *name, int64_t value), (m, name, value)) \
	OP(int64_t, atomic_read, (struct bu_machine *m, bu_word_id w), (m, w)) \
	OP(void, atomic_set, (struct bu_machine *m, bu_word_id w, int64_t value), (m, w, value)) \
	OP(int64_t, atomic_add_return, (struct bu_machine *m, bu_word_id w, int64_t delta), (m, w, delta)) \
	OP(bool, atomic_dec_and_test, (struct bu_machine *m, bu_word_id w), (m, w)) \
	OP(int64_t, atomic_cmpxchg, (struct bu_machine *m, bu_word_id w, int64_t old_value, int64_t new_value), \
		(m, w, old_value, new_value)) \
	OP(int64_t, atomic_xchg, (struct bu_machine *m, bu_word_id w, int64_t new_value), (m, w, new_value)) \
	OP(int, spin_until, (struct bu_machine *m, bu_word_id w, enum bu_guard guard, int64_t value, int64_t timeout_ns, \
		const char *point, int for_cpu), (m, w, guard, value, timeout_ns, point, for_cpu)) \
	OP(bu_obj, seqcount, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, write_seqcount_begin, (struct bu_machine *m, bu_obj s), (m, s)) \
	OP(void, write_seqcount_end, (struct bu_machine *m, bu_obj s), (m, s)) \
	OP(int64_t, read_seqcount_begin, (struct bu_machine *m, bu_obj s), (m, s)) \
	OP(bool, read_seqcount_retry, (struct bu_machine *m, bu_obj s, int64_t start), (m, s, start)) \
	OP(bu_obj, seqcount_latch, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, raw_write_seqcount_latch, (struct bu_machine *m, bu_obj s), (m, s)) \
	OP(int64_t, raw_read_seqcount_latch, (struct bu_machine *m, bu_obj s), (m, s)) \
	OP(bool, read_seqcount_latch_retry, (struct bu_machine *m, bu_obj s, int64_t start), (m, s, start)) \
	OP(bu_obj, static_key, (struct bu_machine *m, const char *name, bool on), (m, name, on)) \
	OP(void, static_key_set, (struct bu_machine *m, bu_obj key, bool on), (m, key, on)) \
	OP(bool, static_branch, (struct bu_machine *m, bu_obj key), (m, key)) \
	/* locks: lock.h, percpu_rwsem.h */ \
	OP(bu_obj, raw_spinlock, (struct bu_machine *m, const char *name, enum bu_spin type), (m, name, type)) \
	OP(void, raw_spin_lock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bool, raw_spin_trylock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(void, raw_spin_unlock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bool, raw_spin_lock_irqsave, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(void, raw_spin_unlock_irqrestore, (struct bu_machine *m, bu_obj lock, bool on), (m, lock, on)) \
	OP(bool, raw_spin_is_locked, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bu_obj, mutex, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, mutex_lock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bool, mutex_trylock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(void, mutex_unlock, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bool, mutex_is_locked, (struct bu_machine *m, bu_obj lock), (m, lock)) \
	OP(bu_obj, rwsem, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, down_read, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, up_read, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, down_write, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, up_write, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bool, down_read_trylock, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bool, down_write_trylock, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bu_obj, semaphore, (struct bu_machine *m, const char *name, uint32_t count), (m, name, count)) \
	OP(void, down, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bool, down_trylock, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, up, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bu_obj, rcu_sync, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, rcu_sync_enter, (struct bu_machine *m, bu_obj rss), (m, rss)) \
	OP(void, rcu_sync_exit, (struct bu_machine *m, bu_obj rss), (m, rss)) \
	OP(bool, rcu_sync_is_idle, (struct bu_machine *m, bu_obj rss), (m, rss)) \
	OP(bu_obj, percpu_rwsem, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, percpu_down_read, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(bool, percpu_down_read_trylock, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, percpu_up_read, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, percpu_down_write, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, percpu_up_write, (struct bu_machine *m, bu_obj sem), (m, sem)) \
	OP(void, cpus_read_lock, (struct bu_machine *m), (m)) \
	OP(void, cpus_read_unlock, (struct bu_machine *m), (m)) \
	OP(void, cpus_write_lock, (struct bu_machine *m), (m)) \
	OP(void, cpus_write_unlock, (struct bu_machine *m), (m)) \
	/* completions, wait queues: wait.h */ \
	OP(bu_obj, completion, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, complete, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(void, complete_all, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(void, wait_for_completion, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(int64_t, wait_for_completion_timeout, (struct bu_machine *m, bu_obj completion, int64_t ns), \
		(m, completion, ns)) \
	OP(bool, try_wait_for_completion, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(bool, completion_done, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(void, reinit_completion, (struct bu_machine *m, bu_obj completion), (m, completion)) \
	OP(bu_obj, wait_queue, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, wait_event, (struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, int64_t value), \
		(m, wq, word, guard, value)) \
	OP(void, wait_event_exclusive, (struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, \
		int64_t value), (m, wq, word, guard, value)) \
	OP(int64_t, wait_event_timeout, (struct bu_machine *m, bu_obj wq, bu_word_id word, enum bu_guard guard, \
		int64_t value, int64_t ns), (m, wq, word, guard, value, ns)) \
	OP(void, prepare_to_wait, (struct bu_machine *m, bu_obj wq, bool exclusive, int state), (m, wq, exclusive, state)) \
	OP(void, finish_wait, (struct bu_machine *m, bu_obj wq), (m, wq)) \
	OP(void, wake_up, (struct bu_machine *m, bu_obj wq), (m, wq)) \
	OP(void, wake_up_all, (struct bu_machine *m, bu_obj wq), (m, wq)) \
	OP(bool, waitqueue_active, (struct bu_machine *m, bu_obj wq), (m, wq)) \
	OP(bu_obj, swait_queue, (struct bu_machine *m, const char *name), (m, name)) \
	OP(void, swait_event, (struct bu_machine *m, bu_obj q, bu_word_id word, enum bu_guard guard, int64_t value), \
		(m, q, word, guard, value)) \
	OP(void, swake_up_one, (struct bu_machine *m, bu_obj q), (m, q)) \
	OP(void, swake_up_all, (struct bu_machine *m, bu_obj q), (m, q)) \
	/* kernel threads and those of smpboot: kthread.h */ \
	OP(bu_thread, kthread_create, (struct bu_machine *m, const char *name, bu_kthread_fn fn, void *arg), \
		(m, name, fn, arg)) \
	OP(void, kthread_bind, (struct bu_machine *m, bu_thread k, int cpu), (m, k, cpu)) \
	OP(bu_thread, kthread_create_on_cpu, (struct bu_machine *m, const char *name, int cpu, bu_kthread_fn fn, \
		void *arg), (m, name, cpu, fn, arg)) \
	OP(int, kthread_park, (struct bu_machine *m, bu_thread k), (m, k)) \
	OP(void, kthread_unpark, (struct bu_machine *m, bu_thread k), (m, k)) \
	OP(bool, kthread_should_park, (struct bu_machine *m), (m)) \
	OP(void, kthread_parkme, (struct bu_machine *m), (m)) \
	OP(int, kthread_stop, (struct bu_machine *m, bu_thread k), (m, k)) \
	OP(bool, kthread_should_stop, (struct bu_machine *m), (m)) \
	OP(int, smpboot_register, (struct bu_machine *m, const struct bu_smp_hotplug_thread *ht), (m, ht)) \
	OP(void, smpboot_create_threads, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(void, smpboot_unpark_threads, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(void, smpboot_park_threads, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(bu_thread, smpboot_thread, (struct bu_machine *m, int which, int cpu), (m, which, cpu)) \
	/* stoppers: stop.h; calls on other CPUs: smp.h */ \
	OP(void, cpu_stop_init, (struct bu_machine *m), (m)) \
	OP(void, stop_machine_park, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(void, stop_machine_unpark, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(int, stop_one_cpu, (struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg), \
		(m, cpu, name, fn, arg)) \
	OP(bool, stop_one_cpu_nowait, (struct bu_machine *m, int cpu, const char *name, bu_stop_fn fn, void *arg), \
		(m, cpu, name, fn, arg)) \
	OP(int, stop_two_cpus, (struct bu_machine *m, int cpu1, int cpu2, const char *name, bu_stop_fn fn, void *arg), \
		(m, cpu1, cpu2, name, fn, arg)) \
	OP(int, stop_machine_cpuslocked, (struct bu_machine *m, const char *name, bu_stop_fn fn, void *arg, int cpu), \
		(m, name, fn, arg, cpu)) \
	OP(int, smp_call_function_single, (struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg, \
		bool wait), (m, cpu, name, fn, arg, wait)) \
	OP(void, smp_call_function, (struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait), \
		(m, name, fn, arg, wait)) \
	OP(void, on_each_cpu, (struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg, bool wait), \
		(m, name, fn, arg, wait)) \
	OP(void, smpcfd_dying_cpu, (struct bu_machine *m), (m)) \
	/* timers: timer.h; RCU: rcu.h; workqueues: workqueue.h; devices: device.h */ \
	OP(bu_obj, hrtimer, (struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg), (m, name, fn, arg)) \
	OP(bu_obj, timer, (struct bu_machine *m, const char *name, bu_timer_fn fn, void *arg), (m, name, fn, arg)) \
	OP(void, hrtimer_start, (struct bu_machine *m, bu_obj timer, int64_t ns), (m, timer, ns)) \
	OP(void, hrtimer_start_on, (struct bu_machine *m, bu_obj timer, int cpu, int64_t ns), (m, timer, cpu, ns)) \
	OP(int, hrtimer_try_to_cancel, (struct bu_machine *m, bu_obj timer), (m, timer)) \
	OP(int, hrtimer_cancel, (struct bu_machine *m, bu_obj timer), (m, timer)) \
	OP(bool, hrtimer_active, (struct bu_machine *m, bu_obj timer), (m, timer)) \
	OP(void, timers_migrate, (struct bu_machine *m, int from, int to), (m, from, to)) \
	OP(void, cpu_tick, (struct bu_machine *m, int cpu, int64_t period_ns), (m, cpu, period_ns)) \
	OP(uint64_t, cpu_ticks, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(void, rcu_set_mode, (struct bu_machine *m, enum bu_rcu_mode mode), (m, mode)) \
	OP(bu_thread, rcu_spawn_gp_kthread, (struct bu_machine *m, int64_t fqs_ns), (m, fqs_ns)) \
	OP(void, rcu_read_lock, (struct bu_machine *m), (m)) \
	OP(void, rcu_read_unlock, (struct bu_machine *m), (m)) \
	OP(void, synchronize_rcu, (struct bu_machine *m), (m)) \
	OP(void, synchronize_rcu_expedited, (struct bu_machine *m), (m)) \
	OP(void, call_rcu, (struct bu_machine *m, bu_thread_fn fn, void *arg), (m, fn, arg)) \
	OP(void, rcu_barrier, (struct bu_machine *m), (m)) \
	OP(uint64_t, rcu_completed, (struct bu_machine *m), (m)) \
	OP(bu_obj, workqueue, (struct bu_machine *m, const char *name, enum bu_wq_type type), (m, name, type)) \
	OP(bu_obj, work_item, (struct bu_machine *m, const char *name, bu_thread_fn fn, void *arg), (m, name, fn, arg)) \
	OP(bool, queue_work_on, (struct bu_machine *m, int cpu, bu_obj wq, bu_obj work), (m, cpu, wq, work)) \
	OP(bool, queue_work, (struct bu_machine *m, bu_obj wq, bu_obj work), (m, wq, work)) \
	OP(bool, queue_delayed_work_on, (struct bu_machine *m, int cpu, bu_obj wq, bu_obj work, int64_t delay_ns), \
		(m, cpu, wq, work, delay_ns)) \
	OP(bool, flush_work, (struct bu_machine *m, bu_obj work), (m, work)) \
	OP(void, flush_workqueue, (struct bu_machine *m, bu_obj wq), (m, wq)) \
	OP(void, work_on_cpu, (struct bu_machine *m, int cpu, const char *name, bu_thread_fn fn, void *arg), \
		(m, cpu, name, fn, arg)) \
	OP(bu_obj, mmio_device, (struct bu_machine *m, const char *name, int64_t service_ns, \
		enum bu_arbitration arbitration, int home), (m, name, service_ns, arbitration, home)) \
	OP(int64_t, mmio_access, (struct bu_machine *m, bu_obj device), (m, device)) \
	OP(uint64_t, mmio_accesses, (struct bu_machine *m, bu_obj device), (m, device)) \
	/* kernel text: text.h */ \
	OP(void, text_poke, (struct bu_machine *m, int site, int first, int n, uint64_t bytes), (m, site, first, n, bytes)) \
	OP(uint64_t, text_peek, (struct bu_machine *m, int site), (m, site)) \
	OP(void, text_fetch, (struct bu_machine *m, int site, int first, int n), (m, site, first, n)) \
	OP(void, text_execute, (struct bu_machine *m, int site), (m, site)) \
	OP(void, sync_core, (struct bu_machine *m), (m)) \
	OP(void, int3_handler, (struct bu_machine *m, bu_int3_fn fn), (m, fn)) \
	OP(void, text_keeps, (struct bu_machine *m, int cpu), (m, cpu)) \
	OP(void, mmio_distance, (struct bu_machine *m, bu_obj device, int64_t hop_ns), (m, device, hop_ns)) \
	OP(void, mmio_durations, (struct bu_machine *m, bu_obj device, const int64_t *ns, uint32_t n), (m, device, ns, n)) \
	/* page tables: pgd.h */ \
	OP(void, page_fault_cost, (struct bu_machine *m, int64_t ns, int64_t frame_bytes, int64_t stack_bytes), \
		(m, ns, frame_bytes, stack_bytes)) \
	OP(void, page_fault_handler, (struct bu_machine *m, bu_page_fault_fn fn), (m, fn)) \
	OP(bool, pgd_present, (struct bu_machine *m, int mm, int slot), (m, mm, slot)) \
	OP(bool, pgd_stale, (struct bu_machine *m, int mm, int slot), (m, mm, slot)) \
	OP(void, set_pgd, (struct bu_machine *m, int mm, int slot), (m, mm, slot)) \
	OP(void, pgd_clear, (struct bu_machine *m, int slot), (m, slot)) \
	OP(void, clone_pgd_range, (struct bu_machine *m, int mm), (m, mm)) \
	OP(void, pgd_list_add, (struct bu_machine *m, int mm), (m, mm)) \
	OP(void, pgd_list_del, (struct bu_machine *m, int mm), (m, mm)) \
	OP(int, pgd_list_next, (struct bu_machine *m, int mm), (m, mm)) \
	OP(void, write_cr3, (struct bu_machine *m, int mm), (m, mm)) \
	OP(int, read_cr3, (struct bu_machine *m), (m)) \
	OP(void, set_active_mm, (struct bu_machine *m, int mm), (m, mm)) \
	OP(int, active_mm, (struct bu_machine *m), (m)) \
	OP(void, flush_tlb_kernel, (struct bu_machine *m), (m)) \
	OP(void, touch, (struct bu_machine *m, int slot), (m, slot)) \
	OP(void, touch_stack, (struct bu_machine *m, int slot), (m, slot)) \
	OP(bool, is_idle_task, (struct bu_machine *m, int cpu), (m, cpu)) \
	/* per-CPU variables: nr_cpus copies of @bytes each behind one another, all zero; only who runs on CPU i changes copy i */ \
	OP(void *, alloc_percpu, (struct bu_machine *m, size_t bytes), (m, bytes)) \
	/* page tables again */ \
	OP(void, arch_flush_lazy_mmu_mode, (struct bu_machine *m), (m))

struct bu_machine_ops {
	uint32_t size, abi;
#define BU_OP_FIELD(type, name, params, args) type (*name) params;
	BU_MACHINE_OPS(BU_OP_FIELD)
#undef BU_OP_FIELD
};

/* The tables of a run, as the first word of every struct bu_machine that a core is given. */
struct bu_host_tables {
	uint32_t size, abi;
	const struct bu_machine_ops *machine;
	const void *family;	/* struct bu_FAMILY_ops, which begins with its size too */
};

static inline const struct bu_host_tables *bu_tables(struct bu_machine *m)
{
	return *(const struct bu_host_tables *const *)(const void *)m;
}

static inline const struct bu_machine_ops *bu_ops(struct bu_machine *m)
{
	return bu_tables(m)->machine;
}

/* Whether a table of the host has an operation: a core may be newer than its host. */
#define BU_HAS(table, op) ((table)->size >= offsetof(__typeof__(*(table)), op) + sizeof((table)->op))

#define BU_STR1(x) #x
#define BU_STR(x) BU_STR1(x)
/* What a core takes for granted: the run ends with a verdict that names the core, the condition and the call path. */
#define BU_ASSERT_CORE(m, cond) \
	do { \
		if (!(cond)) \
			bu_ops(m)->core_assert_failed((m), #cond, __FILE__ ":" BU_STR(__LINE__)); \
	} while (0)

/* ------------------------------------------------------------------------------------------ announcing a core */

struct bu_param {
	const char *name;
	const char *unit;		/* "ns", "bool", or the names of the values from min on: "ofl-seq|rnp-lock" */
	const char *help;
	int64_t def, min, max;
};

struct bu_core_def {
	uint32_t size, abi;
	const char *family;		/* "hotplug", ... */
	const char *name, *summary;
	const char *source;		/* kernel version, commit or mail that it follows */
	const struct bu_param *params;	/* ends with name NULL; or NULL */
	/* Required. Runs as the first thread of the machine (docs/add-a-core.md says on which CPU); the run ends when it and
	 * every thread that it made, daemons excepted, have returned. */
	void (*control)(struct bu_machine *);
};

#ifdef BU_PLUGIN
#define BU_CORE_DEFINE(family, name) const struct bu_core_def bu_core_plugin
#else
#define BU_CORE_DEFINE(family, name) \
	extern const struct bu_core_def bu_core_##family##_##name; \
	const struct bu_core_def bu_core_##family##_##name
#endif

#endif
