// SPDX-License-Identifier: GPL-2.0-only
/*
 * workqueue_test.c - pools, concurrency, flushing.
 */
#include "replay/machine/tests/drive.h"

#include <string.h>

#include "replay/machine/lock.h"
#include "replay/machine/wait.h"
#include "replay/machine/waits.h"
#include "replay/machine/workqueue.h"

#define US 1000
#define MS 1000000

struct scene {
	bu_obj wq, a, b, c, done;
	int64_t at[16];
	int n, mode;
	char text[64];
};

static void note(struct bu_machine *m, struct scene *s, const char *what)
{
	assert_true(s->n < 16);
	s->at[s->n++] = bu_now(m);
	strcat(s->text, what);
}

static void fn_a(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_int_equal(bu_this_cpu(m), 1);
	note(m, s, "a");
	bu_wait_for_completion(m, s->done);	/* blocks: another worker runs b */
	note(m, s, "A");
}

static void fn_b(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	note(m, s, "b");
	bu_work(m, 10 * US);
	bu_complete(m, s->done);
	bu_work(m, 10 * US);
	note(m, s, "B");
}

static void fn_c(struct bu_machine *m, void *arg)
{
	note(m, arg, "c");
}

static void queues(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_true(bu_queue_work_on(m, 1, s->wq, s->a));
	assert_true(bu_queue_work_on(m, 1, s->wq, s->b));
	assert_true(bu_queue_work_on(m, 1, s->wq, s->c));
	assert_false(bu_queue_work_on(m, 1, s->wq, s->c));	/* pending */
	bu_flush_workqueue(m, s->wq);
	note(m, s, "f");
	assert_false(bu_flush_work(m, s->a));
	assert_true(bu_queue_work(m, s->wq, s->b));
	bu_work(m, 1 * US);
	assert_true(bu_flush_work(m, s->b));
	note(m, s, "F");
}

/* One at a time unless it blocks: b begins when a waits, c only when b has ended. */
static void test_pool_keeps_one_running(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s.a = bu_work_item(m, "fn_a", fn_a, &s);
	s.b = bu_work_item(m, "fn_b", fn_b, &s);
	s.c = bu_work_item(m, "fn_c", fn_c, &s);
	s.done = bu_completion(m, "done");
	bu_thread_run(m, "t", 0, queues, &s);
	run_done(m);
	assert_int_equal(s.text[0], 'a');
	assert_int_equal(s.text[1], 'b');
	assert_non_null(strstr(s.text, "f"));
	/* a and b share the CPU of the pool; all ran before the flush ended, c after b. */
	assert_true(strchr(s.text, 'A') < strchr(s.text, 'f'));
	assert_true(strchr(s.text, 'B') < strchr(s.text, 'c'));
	assert_true(strchr(s.text, 'c') < strchr(s.text, 'f'));
	assert_string_equal(strchr(s.text, 'f'), "fbBF");
}

static void fn_count(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	if (s->mode++)
		bu_machine_fail(m, "two of one work item at once");
	bu_sleep_ns(m, 5 * US);
	s->mode--;
	s->n++;
}

static void requeues(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_queue_work_on(m, 0, s->wq, s->a);
	bu_sleep_ns(m, 1 * US);
	assert_true(bu_queue_work_on(m, 0, s->wq, s->a));	/* runs, so it may be queued again */
	assert_false(bu_queue_work_on(m, 0, s->wq, s->a));
	bu_flush_work(m, s->a);
	assert_int_equal(s->n, 2);
}

static void test_work_is_not_reentered(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s.a = bu_work_item(m, "fn_count", fn_count, &s);
	bu_thread_run(m, "t", 1, requeues, &s);
	assert_int_equal(run_done(m), 10 * US);
}

static void fn_sleep(struct bu_machine *m, void *arg)
{
	bu_sleep_ns(m, 10 * US);
	note(m, arg, "s");
}

static void queues_ordered(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	bu_queue_work(m, s->wq, s->a);
	bu_queue_work(m, s->wq, s->b);
	bu_queue_work(m, s->wq, s->c);
	bu_flush_workqueue(m, s->wq);
	note(m, s, "f");
}

static void test_ordered_and_unbound(void **state)
{
	int ordered;

	(void)state;
	for (ordered = 0; ordered < 2; ordered++) {
		struct scene s = { 0 };
		struct bu_machine *m = make_n(4);

		s.wq = bu_workqueue(m, "wq", ordered ? BU_WQ_ORDERED : BU_WQ_UNBOUND);
		s.a = bu_work_item(m, "a", fn_sleep, &s);
		s.b = bu_work_item(m, "b", fn_sleep, &s);
		s.c = bu_work_item(m, "c", fn_sleep, &s);
		bu_thread_run(m, "t", 0, queues_ordered, &s);
		assert_int_equal(run_done(m), ordered ? 30 * US : 10 * US);
		assert_string_equal(s.text, "sssf");
	}
}

static void delayed(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	assert_true(bu_queue_delayed_work_on(m, 1, s->wq, s->c, 5 * MS));
	assert_false(bu_queue_work(m, s->wq, s->c));	/* pending by its timer */
	bu_sleep_ns(m, 20 * MS);
	assert_string_equal(s->text, "c");
	assert_int_equal(s->at[0], 8 * MS);		/* the first jiffy at or after */
}

static void test_delayed_work(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);

	(void)state;
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s.c = bu_work_item(m, "fn_c", fn_c, &s);
	bu_thread_run(m, "t", 0, delayed, &s);
	run_done(m);
}

/* The shape of what 3da1c84c00c7 (v2.6.27) fixed: who holds a lock flushes work that wants it. */
static void fn_lock(struct bu_machine *m, void *arg)
{
	bu_mutex_lock(m, ((struct scene *)arg)->done);
	bu_mutex_unlock(m, ((struct scene *)arg)->done);
}

static void flushes_with_lock(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	BU_FN(m);
	bu_mutex_lock(m, s->done);
	bu_queue_work_on(m, 1, s->wq, s->a);
	bu_flush_work(m, s->a);
}

static void test_flush_with_lock_held_deadlocks(void **state)
{
	struct scene s = { 0 };
	struct bu_machine *m = make_n(2);
	struct bu_machine_result r;

	(void)state;
	s.wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s.done = bu_mutex(m, "hotplug");
	s.a = bu_work_item(m, "fn_lock", fn_lock, &s);
	bu_thread_run(m, "control", 0, flushes_with_lock, &s);
	r = run(m);
	assert_int_equal(r.end, BU_MACHINE_STUCK);
	assert_string_equal(r.verdict, "control waits for work fn_lock of kworker/1:0 since 0 ns in flushes_with_lock; "
				       "kworker/1:0 waits for mutex hotplug of control since 0 ns in fn_lock <- "
				       "worker_thread");
}

static void pair_work(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	(void)m;
	s->n++;
	if (s->mode == 0)
		explore_hold(true);
	else
		begin(m, 2);
}

static void pair_control(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;

	if (s->mode == 0)
		begin(m, 1);
	bu_queue_work_on(m, 1, s->wq, s->a);
	if (s->mode == 1)
		begin(m, 2);
	bu_flush_work(m, s->a);
	explore_hold(true);
	if (s->n != 1)
		bu_machine_fail(m, "flushed before it ran");
}

static void pair(struct bu_machine *m, void *arg)
{
	struct scene *s = arg;
	int mode = s->mode;

	memset(s, 0, sizeof(*s));
	s->mode = mode;
	explore_hold(true);
	s->wq = bu_workqueue(m, "wq", BU_WQ_PERCPU);
	s->a = bu_work_item(m, "pair_work", pair_work, s);
	bu_thread_run(m, "control", 0, pair_control, s);
}

/* All orders of queueing it up to its beginning, and of its end with a flush. */
static void test_queue_and_flush_in_all_interleavings(void **state)
{
	struct scene s = { 0 };
	struct tally t;

	(void)state;
	for (s.mode = 0; s.mode < 2; s.mode++) {
		t = explore(2, pair, NULL, &s, 200000);
		print_message("# %s: %llu interleavings\n", s.mode ? "end and flush" : "queue and begin",
			      (unsigned long long)t.runs);
		if (t.ends[BU_MACHINE_DONE] != t.runs)
			fail_msg("%s", t.verdict[BU_MACHINE_FAILED]);
		assert_true(t.runs > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_keeps_one_running),
		cmocka_unit_test(test_work_is_not_reentered),
		cmocka_unit_test(test_ordered_and_unbound),
		cmocka_unit_test(test_delayed_work),
		cmocka_unit_test(test_flush_with_lock_held_deadlocks),
		cmocka_unit_test(test_queue_and_flush_in_all_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
