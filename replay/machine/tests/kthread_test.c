// SPDX-License-Identifier: GPL-2.0-only
/*
 * kthread_test.c - parking, stopping, per-CPU threads, stoppers, stop_machine, calls to other CPUs.
 */
#include "replay/machine/tests/drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/machine/atomic.h"
#include "replay/machine/kthread.h"
#include "replay/machine/smp.h"
#include "replay/machine/stop.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"

#define US 1000
#define MS 1000000

struct scene {
	bu_thread k;
	bu_word_id w, w2;
	bu_obj o;
	int64_t at[16];
	int n, ret, mode;
	uint32_t cpus;
	char text[64];
};

static void note(struct bu_machine *m, struct scene *s, const char *what)
{
	assert_true(s->n < 16);
	s->at[s->n++] = bu_now(m);
	strcat(s->text, what);
}

/* --------------------------------------------------------------------------------------------- parking, stopping */

static int loop(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	while (!bu_kthread_should_stop(m)) {
		bu_set_current_state(m, BU_TASK_INTERRUPTIBLE);
		if (bu_kthread_should_park(m))
			bu_kthread_parkme(m);
		else if (bu_kthread_should_stop(m))
			bu_set_current_state(m, BU_TASK_RUNNING);
		else
			bu_schedule(m);
	}
	bu_word_add(bu_machine_engine(m), s->w, 1);
	return 7;
}

static void parks(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	if (s->mode != 2)
		begin(m, 1);
	if (s->mode == 1)
		bu_kthread_unpark(m, s->k);	/* before any park: nothing */
	if (bu_kthread_park(m, s->k))
		bu_machine_fail(m, "not parked");
	explore_hold(true);
	if (bu_thread_state(m, s->k) != BU_TASK_PARKED || bu_cpu_curr(m, 1) == s->k)
		bu_machine_fail(m, "parked but active");
	if (bu_kthread_park(m, s->k) != -EBUSY)
		bu_machine_fail(m, "parked twice");
	if (s->mode == 2)
		begin(m, 1);
	bu_kthread_unpark(m, s->k);
	if (bu_kthread_stop(m, s->k) != 7)
		bu_machine_fail(m, "stopped without its result");
	if (bu_kthread_park(m, s->k) != -ENOSYS)
		bu_machine_fail(m, "parked after its end");
}

static void parks_running(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_wake_up_process(m, s->k);
	parks(m, arg);
}

static void park_scene(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int mode = s->mode;

	memset(s, 0, sizeof(*s));
	s->mode = mode;
	s->w = bu_atomic(m, "returned", 0);
	explore_hold(true);
	s->k = bu_kthread_create_on_cpu(m, "k", 1, loop, s);
	bu_thread_run(m, "control", 0, mode == 3 ? parks_running : parks, s);
}

static void ran_once(struct bu_machine *m, void *arg)
{
	assert_int_equal(bu_word_load(bu_machine_engine(m), ((struct scene *)arg)->w), 1);
}

/*
 * All orders of parking it before it ran, of unparking it before that, of unparking and stopping it when parked, of parking it while
 * it runs.
 */
static void test_park_unpark_stop_in_all_interleavings(void **state)
{
	struct scene s = { 0 };
	int mode;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		struct tally t;

		s.mode = mode;
		t = explore_states(2, park_scene, ran_once, &s, true, 100000);
		print_message("# mode %d: %llu states\n", mode, (unsigned long long)t.states);
		if (t.ends[BU_MACHINE_DONE] != t.runs)
			fail_msg("%s%s%s", t.verdict[BU_MACHINE_STUCK], t.verdict[BU_MACHINE_MISUSE],
				 t.verdict[BU_MACHINE_FAILED]);
	}
}

static void stops_at_once(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	s->ret = bu_kthread_stop(m, s->k);
}

static void test_stop_before_it_ever_ran(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(1);

	(void)state;
	s.k = bu_kthread_create(m, "k", loop, &s);
	bu_thread_run(m, "control", 0, stops_at_once, &s);
	run_done(m);
	assert_int_equal(s.ret, -EINTR);
	assert_int_equal(s.n, 0);
}

static int deaf(struct bu_machine *m, void *arg)
{
	(void)arg;
	BU_FN(m);
	bu_wait_for_completion(m, bu_completion(m, "never"));
	return 0;
}

static void parks_deaf(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_wake_up_process(m, ((struct scene *)arg)->k);
	bu_sleep_ns(m, 1 * MS);
	bu_kthread_park(m, ((struct scene *)arg)->k);
}

static void test_park_of_a_deaf_thread_hangs_and_says_so(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	s.k = bu_kthread_create_on_cpu(m, "deaf", 1, deaf, &s);
	bu_thread_run(m, "control", 0, parks_deaf, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict, "control waits for park of deaf of deaf since 1.00 ms in parks_deaf; "
				       "deaf waits for completion never since 0 ns in deaf");
}

static void binds_running(struct bu_machine *m, void *arg)
{
	bu_wake_up_process(m, ((struct scene *)arg)->k);
	bu_kthread_bind(m, ((struct scene *)arg)->k, 0);
}

static void test_bind_while_it_runs_is_misuse(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	s.k = bu_kthread_create_on_cpu(m, "k", 1, loop, &s);
	bu_thread_run(m, "control", 0, binds_running, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_MISUSE);
	assert_non_null(strstr(r.verdict, "kthread k is bound to CPU 0 while it runs"));
}

/* --------------------------------------------------------------------------------------------------- smpboot */

static struct scene *boot;	/* of the one test that runs */

static bool hp_should_run(struct bu_machine *m, int cpu)
{
	(void)cpu;
	return bu_atomic_read(m, boot->w);
}

static void hp_fn(struct bu_machine *m, int cpu)
{
	bu_atomic_set(m, boot->w, 0);
	note(m, boot, "f");
	assert_int_equal(bu_this_cpu(m), cpu);
}

static void hp_setup(struct bu_machine *m, int cpu)
{
	(void)cpu;
	note(m, boot, "s");
}

static void hp_park(struct bu_machine *m, int cpu)
{
	(void)cpu;
	note(m, boot, "p");
}

static void hp_unpark(struct bu_machine *m, int cpu)
{
	(void)cpu;
	note(m, boot, "u");
}

static const struct bu_smp_hotplug_thread hp = { .name = "hp", .should_run = hp_should_run, .fn = hp_fn,
						 .setup = hp_setup, .park = hp_park, .unpark = hp_unpark,
						 .sched_class = BU_CLASS_FAIR };

static void kick(struct bu_machine *m, bu_thread k)
{
	bu_atomic_set(m, boot->w, 1);
	bu_wake_up_process(m, k);
	bu_sleep_ns(m, 1 * US);
}

static void smpboot_control(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	const char *const *path;
	int which = bu_smpboot_register(m, &hp), i;
	bu_thread k;

	assert_int_equal(bu_smpboot_thread(m, which, 1), 0);	/* CPU 1 is not there yet */
	bu_sleep_ns(m, 1 * US);
	assert_string_equal(s->text, "s");		/* that of CPU 0 */
	bu_smpboot_create_threads(m, 1);
	k = bu_smpboot_thread(m, which, 1);
	assert_int_equal(bu_thread_state(m, k), BU_TASK_PARKED);
	bu_cpu_start(m, 1, NULL, NULL);
	bu_sleep_ns(m, 1 * US);
	assert_string_equal(s->text, "s");
	for (i = 0; i < 3; i++) {
		bu_smpboot_unpark_threads(m, 1);	/* that of CPU 0 is not to park: untouched */
		bu_sleep_ns(m, 1 * US);
		kick(m, k);
		bu_smpboot_park_threads(m, 1);
		assert_int_equal(bu_thread_state(m, k), BU_TASK_PARKED);
		assert_int_equal(bu_call_path(m, k, &path), 0);		/* it has no stack */
	}
}

static void test_smpboot_threads_park_without_a_stack(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 2, .n_online = 1 });

	(void)state;
	boot = &s;
	s.w = bu_atomic(m, "should_run", 0);
	bu_thread_run(m, "control", 0, smpboot_control, &s);
	run_done(m);
	assert_string_equal(s.text, "ssfpufpufp");
}

/* --------------------------------------------------------------------------------------------------- stoppers */

static int stop_fn(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	note(m, s, "s");
	assert_int_equal(bu_preempt_count(m), 1);
	assert_string_equal(bu_thread_name(m, bu_current(m)), "migration/1");
	bu_work(m, 10 * US);
	return 3;
}

static void rt_hog(struct bu_machine *m, void *arg)
{
	bu_work(m, 100 * US);
	note(m, arg, "h");
}

static void stops_one(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_cpu_stop_init(m);
	bu_wake_up_process(m, bu_thread_create(m, "hog", 1, BU_CLASS_RT, 99, rt_hog, s));
	bu_work(m, 20 * US);
	s->ret = bu_stop_one_cpu(m, 1, "stop_fn", stop_fn, s);
	note(m, s, "c");
}

static void test_stopper_preempts_everything(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	bu_thread_run(m, "control", 0, stops_one, &s);
	assert_int_equal(run_done(m), 110 * US);
	assert_string_equal(s.text, "sch");
	assert_int_equal(s.at[0], 20 * US);
	assert_int_equal(s.at[1], 30 * US);
	assert_int_equal(s.ret, 3);
}

static void atomic_hog(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_preempt_disable(m);
	bu_work(m, 100 * US);
	bu_preempt_enable(m);
}

static int parks_itself(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_true(bu_stop_one_cpu_nowait(m, 1, "stop_fn", stop_fn, s));
	bu_stop_machine_park(m, 1);
	assert_false(bu_stop_one_cpu_nowait(m, 1, "stop_fn", stop_fn, s));
	note(m, s, "p");
	return 0;
}

/*
 * As take_cpu_down() does: what was queued before it was disabled is run before the thread parks; what comes later
 * is not run, and completed at once.
 */
static void stops_disabled(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_cpu_stop_init(m);
	assert_int_equal(bu_stop_one_cpu(m, 1, "parks_itself", parks_itself, s), 0);
	bu_sleep_ns(m, 20 * US);
	assert_string_equal(s->text, "ps");
	assert_int_equal(bu_stop_one_cpu(m, 1, "stop_fn", stop_fn, s), -ENOENT);
	assert_int_equal(bu_stop_two_cpus(m, 0, 1, "stop_fn", stop_fn, s), -ENOENT);
	bu_stop_machine_unpark(m, 1);
	assert_int_equal(bu_stop_one_cpu(m, 1, "stop_fn", stop_fn, s), 3);
}

static void test_stopper_disabled_while_queued(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	bu_thread_run(m, "control", 0, stops_disabled, &s);
	run_done(m);
	assert_string_equal(s.text, "pss");
}

/* Asked from another CPU it may find that it is to park before it finds its work: WARN in cpu_stop_park(). */
static void parks_far(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_cpu_stop_init(m);
	bu_thread_run(m, "hog", 1, atomic_hog, s);
	bu_work(m, 10 * US);
	assert_true(bu_stop_one_cpu_nowait(m, 1, "stop_fn", stop_fn, s));
	bu_stop_machine_park(m, 1);
}

static void test_stopper_parked_from_afar_with_work(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	bu_thread_run(m, "control", 0, parks_far, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_MISUSE);
	assert_non_null(strstr(r.verdict, "migration/1 parks with work queued"));
}

/* ------------------------------------------------------------------------------------------------ stop_machine */

static int machine_fn(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	uint32_t i;

	note(m, s, "m");
	for (i = 0; i < s->cpus; i++) {
		char name[32];

		snprintf(name, sizeof(name), "migration/%u", i);
		if (strcmp(bu_thread_name(m, bu_cpu_curr(m, (int)i)), name))
			bu_machine_fail(m, "CPU %u is not stopped", i);
	}
	assert_true(bu_irqs_disabled(m));
	bu_work(m, 50 * US);
	return 5;
}

static void late_hog(struct bu_machine *m, void *arg)
{
	(void)arg;
	bu_preempt_disable(m);
	bu_work(m, 300 * US);
	bu_preempt_enable(m);
}

static void irq(struct bu_machine *m, void *arg)
{
	note(m, arg, "i");
}

static void stops_all(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_cpu_stop_init(m);
	bu_thread_run(m, "hog", 2, late_hog, s);
	bu_irq_send(m, 3, "irq", 100 * US, irq, s);	/* while it waits with interrupts on */
	bu_irq_send(m, 3, "irq", 310 * US, irq, s);	/* while they are off */
	bu_work(m, 1 * US);
	s->ret = bu_stop_machine_cpuslocked(m, "machine_fn", machine_fn, s, BU_FIRST_ONLINE_CPU);
	note(m, s, "c");
}

/* It begins when the last has come, at 300 us; the interrupt of 310 us waits until 350 us. */
static void test_stop_machine(void **state)
{
	struct scene s = { .cpus = 4 };
	struct bu_machine *m = make_n(4);

	(void)state;
	bu_thread_run(m, "control", 0, stops_all, &s);
	assert_int_equal(run_done(m), 350 * US);
	assert_int_equal(s.ret, 5);
	assert_memory_equal(s.text, "im", 2);
	assert_int_equal(s.at[0], 100 * US);
	assert_int_equal(s.at[1], 300 * US);
	assert_int_equal(s.at[2], 350 * US);
	assert_int_equal(s.at[3], 350 * US);
}

static void irqs_off_for_ever(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_local_irq_disable(m);
	bu_spin_until(m, ((struct scene *)arg)->w, BU_GUARD_EQ, 1, -1, "reply that never comes", 0);
}

static void stops_hung(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_cpu_stop_init(m);
	bu_thread_daemon(m, bu_thread_run(m, "stuck", 1, irqs_off_for_ever, arg));
	bu_sleep_ns(m, 1 * MS);
	bu_stop_machine_cpuslocked(m, "machine_fn", machine_fn, arg, BU_FIRST_ONLINE_CPU);
}

/* Interrupts off on one CPU: its stopper never runs, the others spin for it, the caller waits for all. */
static void test_stop_machine_with_a_stuck_cpu(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(3);
	struct bu_machine_result r;

	(void)state;
	s.w = bu_atomic(m, "reply", 0);
	bu_thread_run(m, "control", 0, stops_hung, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict,
		"control waits for CPU of migration/0 on CPU 0 since 1.00 ms in stops_hung; "
		"migration/0 spins for cpu_stop_work MULTI_STOP_DISABLE_IRQ of migration/1 since 1.00 ms in "
		"multi_cpu_stop <- smpboot_thread_fn; migration/1 waits for CPU of stuck on CPU 1 since 1.00 ms in "
		"smpboot_thread_fn; migration/2 spins for cpu_stop_work MULTI_STOP_DISABLE_IRQ of migration/1 since 1.00 ms in "
		"multi_cpu_stop <- smpboot_thread_fn; stuck spins for word reply that never comes on CPU 0 since 0 ns in "
		"irqs_off_for_ever");
}

static int nothing(struct bu_machine *m, void *arg)
{
	(void)m;
	((struct scene *)arg)->n++;
	return 0;
}

static void two(struct bu_machine *m, void *arg, int a, int b)
{
	if (bu_stop_two_cpus(m, a, b, "nothing", nothing, arg))
		bu_machine_fail(m, "stop_two_cpus failed");
}

static void two_01(struct bu_machine *m, void *arg)
{
	two(m, arg, 0, 1);
}

static void two_12(struct bu_machine *m, void *arg)
{
	two(m, arg, 2, 1);
}

static void two_20(struct bu_machine *m, void *arg)
{
	two(m, arg, 2, 0);
}

static void all_at_once(struct bu_machine *m, void *arg)
{
	if (bu_stop_machine_cpuslocked(m, "nothing", nothing, arg, BU_FIRST_ONLINE_CPU))
		bu_machine_fail(m, "stop_machine failed");
}

static void stop_fight(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	memset(s, 0, sizeof(*s));
	bu_cpu_stop_init(m);
	bu_thread_run(m, "a", 0, two_01, s);
	bu_thread_run(m, "b", 1, two_12, s);
	bu_thread_run(m, "c", 2, two_20, s);
	bu_thread_run(m, "d", 0, all_at_once, s);
}

static void four_ran(void *arg)
{
	assert_int_equal(((struct scene *)arg)->n, 4);
}

/* What 177c53d94336 and b17718d02f54 fixed stays fixed: pairs in a ring and everybody at once never hang. */
static void test_stops_do_not_deadlock(void **state)
{
	struct scene s;
	struct tally t = sample(3, stop_fight, four_ran, &s, 3000);

	(void)state;
	if (t.ends[BU_MACHINE_DONE] != t.runs)
		fail_msg("%s%s%s", t.verdict[BU_MACHINE_STUCK], t.verdict[BU_MACHINE_MISUSE],
			 t.verdict[BU_MACHINE_FAILED]);
}

static void early(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	s->ret = bu_stop_machine_cpuslocked(m, "nothing", nothing, s, BU_FIRST_ONLINE_CPU);
	bu_stop_one_cpu(m, 0, "nothing", nothing, s);
}

static void test_before_cpu_stop_init(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(1);
	struct bu_machine_result r;

	(void)state;
	bu_thread_run(m, "t", 0, early, &s);
	r = run(m);
	assert_int_equal(s.n, 1);
	assert_int_equal(r.end, BU_MACHINE_MISUSE);
	assert_non_null(strstr(r.verdict, "stop_one_cpu of CPU 0 before cpu_stop_init()"));
}

/* --------------------------------------------------------------------------------------------------- migration */

static void moved(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int i;

	for (i = 0; i < 4; i++)
		bu_work(m, 10 * US);
	s->n = bu_this_cpu(m);
}

static void moves_itself(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_cpu_stop_init(m);
	assert_int_equal(bu_this_cpu(m), 0);
	assert_int_equal(bu_set_cpus_allowed_ptr(m, bu_current(m), 2), 0);
	assert_int_equal(bu_this_cpu(m), 2);
	assert_int_equal(bu_set_cpus_allowed_ptr(m, bu_current(m), 3), -EINVAL);	/* not online */
	s->k = bu_thread_run(m, "moved", 1, moved, s);
	bu_work(m, 15 * US);
	assert_int_equal(bu_thread_cpu(m, s->k), 1);
	assert_int_equal(bu_set_cpus_allowed_ptr(m, s->k, 0), 0);	/* it runs there */
	assert_int_equal(bu_thread_cpu(m, s->k), 0);
	assert_int_equal(bu_now(m), 15 * US);
}

static void test_threads_are_moved(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 4, .n_online = 3 });

	(void)state;
	bu_thread_run(m, "t", 0, moves_itself, &s);
	assert_int_equal(run_done(m), 40 * US);
	assert_int_equal(s.n, 0);
}

/* In whatever state it is found, queued, running, blocked: after the call it is not on another CPU. */
static void hops(struct bu_machine *m, void *arg)
{
	int i;

	for (i = 0; i < (arg ? 2 : 1); i++) {
		bu_yield(m);
		bu_sleep_ns(m, 1);
	}
}

static void pins(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_set_cpus_allowed_ptr(m, s->k, 0);
	if (bu_cpu_curr(m, 1) == s->k)
		bu_machine_fail(m, "still runs there");
}

static void pin_race(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	memset(s, 0, sizeof(*s));
	bu_cpu_stop_init(m);
	s->k = bu_thread_run(m, "hops", 1, hops, s);
	bu_thread_run(m, "pins", 0, pins, s);
	bu_thread_run(m, "other", 1, hops, NULL);
}

/* All; what AddressSanitizer leaves on stacks makes many states of one, beyond what can be waited for: then some. */
static void test_moving_in_all_interleavings(void **state)
{
	struct scene s;
#ifdef __SANITIZE_ADDRESS__
	struct tally t = sample(2, pin_race, NULL, &s, 5000);
#else
	struct tally t = explore_states(2, pin_race, NULL, &s, true, 2000000);
#endif

	(void)state;
	print_message("# moving: %llu states\n", (unsigned long long)t.states);
	if (t.ends[BU_MACHINE_DONE] != t.runs)
		fail_msg("%s%s%s", t.verdict[BU_MACHINE_STUCK], t.verdict[BU_MACHINE_MISUSE],
			 t.verdict[BU_MACHINE_FAILED]);
}

/* ---------------------------------------------------------------------------------------- calls to other CPUs */

static void called(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_true(bu_irqs_disabled(m));
	s->n++;
	bu_work(m, 5 * US);
}

static void calls(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	s->ret = bu_smp_call_function_single(m, 1, "called", called, s, true);
	s->at[0] = bu_now(m);			/* IPI 2, function 5 */
	bu_smp_call_function_single(m, 1, "called", called, s, false);
	s->at[1] = bu_now(m);			/* at once */
	bu_smp_call_function_single(m, 2, "called", called, s, false);
	s->at[2] = bu_now(m);			/* when the csd of the last one is free: IPI 2 */
	assert_int_equal(bu_smp_call_function_single(m, 3, "called", called, s, true), -ENXIO);
	bu_sleep_ns(m, 100 * US);
	bu_on_each_cpu(m, "called", called, s, true);
	s->at[3] = bu_now(m);			/* IPI 2, function 5 on both, then 5 here */
	assert_int_equal(s->n, 3 + 3);
}

static void test_smp_call_function(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make(&(struct bu_machine_config){ .n_cpus = 4, .n_online = 3, .ipi_ns = 2 * US });

	(void)state;
	bu_thread_run(m, "t", 0, calls, &s);
	run_done(m);
	assert_int_equal(s.at[0], 7 * US);
	assert_int_equal(s.at[1], 7 * US);
	assert_int_equal(s.at[2], 9 * US);
	assert_int_equal(s.at[3], 109 * US + 12 * US);
}

static void calls_with_irqs_off(struct bu_machine *m, void *arg)
{
	BU_FN(m);
	bu_local_irq_disable(m);
	bu_work(m, 1 * US);
	bu_smp_call_function_single(m, 1 - bu_this_cpu(m), "called", called, arg, true);
	bu_local_irq_enable(m);
}

static void test_two_callers_with_interrupts_off_hang(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	bu_thread_run(m, "a", 0, calls_with_irqs_off, &s);
	bu_thread_run(m, "b", 1, calls_with_irqs_off, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict, "a spins for IPI called on CPU 1 since 1.00 us in calls_with_irqs_off; "
				       "b spins for IPI called on CPU 0 since 1.00 us in calls_with_irqs_off");
}

static void call_pair(struct bu_machine *m, void *arg)
{
	memset(arg, 0, sizeof(struct scene));
	bu_thread_run(m, "a", 0, calls_with_irqs_off, arg);
}

static void called_once(void *arg)
{
	assert_int_equal(((struct scene *)arg)->n, 1);
}

static void test_call_in_all_interleavings(void **state)
{
	struct scene s;
	struct tally t = explore(2, call_pair, called_once, &s, 100000);

	(void)state;
	assert_int_equal(t.ends[BU_MACHINE_DONE], t.runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_park_unpark_stop_in_all_interleavings),
		cmocka_unit_test(test_stop_before_it_ever_ran),
		cmocka_unit_test(test_park_of_a_deaf_thread_hangs_and_says_so),
		cmocka_unit_test(test_bind_while_it_runs_is_misuse),
		cmocka_unit_test(test_smpboot_threads_park_without_a_stack),
		cmocka_unit_test(test_stopper_preempts_everything),
		cmocka_unit_test(test_stopper_disabled_while_queued),
		cmocka_unit_test(test_stopper_parked_from_afar_with_work),
		cmocka_unit_test(test_stop_machine),
		cmocka_unit_test(test_stop_machine_with_a_stuck_cpu),
		cmocka_unit_test(test_stops_do_not_deadlock),
		cmocka_unit_test(test_before_cpu_stop_init),
		cmocka_unit_test(test_threads_are_moved),
		cmocka_unit_test(test_moving_in_all_interleavings),
		cmocka_unit_test(test_smp_call_function),
		cmocka_unit_test(test_two_callers_with_interrupts_off_hang),
		cmocka_unit_test(test_call_in_all_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
