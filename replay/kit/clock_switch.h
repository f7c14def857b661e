/* SPDX-License-Identifier: MIT */
/*
 * clock_switch.h - what every clocksource core does around its switch: start, select, notify, let the machine run on.
 *
 * Source: kernel/time/clocksource.c (clocksource_done_booting, __clocksource_select) and timekeeping.c (timekeeping_notify)
 * of v6.12.
 */
#ifndef BU_REPLAY_KIT_CLOCK_SWITCH_H
#define BU_REPLAY_KIT_CLOCK_SWITCH_H

#include "replay/kit/tick.h"

/* The CPU with timekeeping duty is away, interrupts off: a hypervisor runs something else, SMM, a stop_machine. */
static inline void frozen(struct bu_machine *m, void *arg)
{
	(void)arg;
	work(m, param(m, PARAM_FREEZE));
}

/* take_cpu_down() of kernel/cpu.c, what concerns ticks: tick_handover_do_timer() and tick_shutdown() of v6.1 */
static inline int take_cpu_down(struct bu_machine *m, void *arg)
{
	(void)arg;
	KERNEL_FN(m);
	set_cpu_online(m, this_cpu(m), false);
	if (param(m, PARAM_DYING) == DYING_HANDS_OVER)
		tick_handover_do_timer(m);
	tick_shutdown(m);
	stop_machine_park(m, this_cpu(m));
	return 0;
}

/* A second after the switch, while that CPU has the duty. */
static inline void cpu_with_duty_dies(struct bu_machine *m)
{
	const int cpu = (int)nr_cpus(m) - 1;

	if (cpu == 0)
		core_fail(m, "dying: the only CPU cannot be taken down");
	thread_daemon(m, rcu_spawn_gp_kthread(m, 0));	/* for whose grace period the writer waits */
	sleep_ns(m, INT64_C(1000000000));
	cpus_write_lock(m);
	atomic_set(m, ticks(m)->tick_do_timer_cpu, cpu);
	stop_machine_cpuslocked(m, "take_cpu_down", take_cpu_down, NULL, cpu);
	cpus_write_unlock(m);
}

static inline void spin_for_ever(struct bu_machine *m)
{
	KERNEL_FN(m);
	for (;;)
		work(m, timekeeper(m)->config->tick_ns);	/* in pieces, so that interrupts that are on are taken when they come */
}

static inline void preempt_off(struct bu_machine *m, void *arg)
{
	(void)arg;
	preempt_disable(m);
	if (param(m, PARAM_STUCK) == STUCK_IRQS_OFF)
		local_irq_disable(m);
	spin_for_ever(m);
}

/* A loop of a driver, an AP that came up badly, a lock that is never released: the scheduler does not get this CPU back. */
static inline void stick_cpu(struct bu_machine *m)
{
	const int cpu = (int)param(m, PARAM_STUCK_CPU);

	if (param(m, PARAM_STUCK) == STUCK_NONE)
		return;
	if (cpu >= (int)nr_cpus(m))
		core_fail(m, "stuck-cpu is none of this machine's");
	thread_daemon(m, thread_run(m, "stuck", cpu, preempt_off, NULL));
}

/* timekeeping_notify(): @change switches the clock; the ticks learn of it afterwards, from the same thread. */
static inline void clocksource_done_booting(struct bu_machine *m, void (*change)(struct bu_machine *))
{
	KERNEL_FN(m);
	change(m);
	work(m, timekeeper(m)->config->wake_ns);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_DONE);
	tick_clock_notify(m);
	bu_cs(m)->mark(m, this_cpu(m), BU_CS_AT_NOTIFIED);
}

/* ----------------------------------------------------------------------------------------- the clocksource watchdog */

/* kernel/time/clocksource.c of v6.1: clocksource_watchdog() looks every HZ / 2 ticks, from the next CPU; cs_watchdog_read() */
#define CS_WATCHDOG_NS INT64_C(500000000)

struct cs_watchdog {
	void (*change)(struct bu_machine *);
	bu_obj timer, wanted;		/* wanted: completion, kwatchdog's work */
	bu_word_id delay_ns;
};

static inline int64_t clocksource_watchdog(struct bu_machine *m, void *arg)
{
	struct cs_watchdog *w = arg;
	struct timekeeper *tk = timekeeper(m);
	const int retries = (31 - __builtin_clz(num_online_cpus(m))) / 2 + 1;	/* ilog2(num_online_cpus()) / 2 + 1 */
	int64_t delay_ns = 0;
	int i;

	KERNEL_FN(m);
	for (i = 0; i <= retries; i++) {
		const int64_t wd = now(m);	/* the TSC */

		clock_device_read(m, &tk->device_clock);
		delay_ns = now(m) - wd;
		if (delay_ns <= param(m, PARAM_WATCHDOG)) {
			hrtimer_start_on(m, w->timer, (this_cpu(m) + 1) % (int)nr_cpus(m), CS_WATCHDOG_NS);
			return 0;
		}
	}
	atomic_set(m, w->delay_ns, delay_ns);
	complete(m, w->wanted);		/* __clocksource_unstable(): the rest is a kthread's (01548f4d3e8e, v2.6.32) */
	return 0;
}

/* clocksource_watchdog_kthread(): the clock loses its rating, and the next best is selected. */
static inline void clocksource_watchdog_kthread(struct bu_machine *m, void *arg)
{
	struct cs_watchdog *w = arg;

	wait_for_completion(m, w->wanted);
	bu_cs(m)->unstable(m, atomic_read(m, w->delay_ns));
	atomic_set(m, timekeeper(m)->next_clock, TK_TSC);
	w->change(m);
	tick_clock_notify(m);
}

static inline void clocksource_start_watchdog(struct bu_machine *m, void (*change)(struct bu_machine *))
{
	struct cs_watchdog *w = alloc(m, sizeof(*w));

	w->change = change;
	w->wanted = completion(m, "kwatchdog");
	w->delay_ns = atomic(m, "delay of the clock", 0);
	w->timer = hrtimer(m, "clocksource_watchdog", clocksource_watchdog, w);
	thread_daemon(m, thread_run(m, "kwatchdog", 0, clocksource_watchdog_kthread, w));
	hrtimer_start_on(m, w->timer, 0, CS_WATCHDOG_NS);
}

static inline void boot_with_switch(struct bu_machine *m, bool latch, void (*change)(struct bu_machine *))
{
	const struct bu_cs_config *c = timekeeping_init(m, latch)->config;

	KERNEL_FN(m);
	cpu_stop_init(m);
	tick_init(m);
	sleep_ns(m, c->switch_at_ns / 2);
	stick_cpu(m);
	sleep_ns(m, c->switch_at_ns - now(m));
	clocksource_done_booting(m, change);
	if (param(m, PARAM_WATCHDOG) && !c->recorded)
		clocksource_start_watchdog(m, change);
	if (param(m, PARAM_FREEZE))
		irq_send(m, (int)atomic_read(m, ticks(m)->tick_do_timer_cpu), "frozen", INT64_C(1000000000), frozen, NULL);
	if (param(m, PARAM_DYING) != DYING_NONE)
		cpu_with_duty_dies(m);
	if (c->end_ns > now(m))
		sleep_ns(m, c->end_ns - now(m));
}

#endif
