// SPDX-License-Identifier: GPL-2.0-only
/* text_event_test.c - lines of ftrace text and of consoles: what each becomes, and what becomes of half of one. */
#include "collector/console_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/base/ns.h"

static const struct bu_flag_layout no_layout = { .n = 0 };

static struct bu_slice slice(const char *text)
{
	return (struct bu_slice){ text, strlen(text) };
}

static bool is(struct bu_slice s, const char *text)
{
	return bu_slice_is(s, text);
}

static struct bu_text_event parsed(const char *line)
{
	struct bu_text_event ev;

	if (!bu_text_event_parse(slice(line), &no_layout, &ev))
		fail_msg("not taken as an event: %s", line);
	return ev;
}

static void layouts_of_lines(void **state)
{
	struct bu_text_event e;

	(void)state;
	e = parsed("          <idle>-0       [000] d..1.  20509093741: rcu_cpu_starting <-rcu_init");
	assert_true(is(e.comm, "<idle>") && e.pid == 0 && e.cpu == 0 && e.ctx == 0x101 && e.form == BU_STAMP_BARE);
	assert_true(e.stamp == 20509093741u && is(e.what, "rcu_cpu_starting <-rcu_init") && !e.latency);
	e = parsed("     kworker/0:0-9       [000]  12.000001: cpuhp_exit:  cpu: 0001");	/* no flags, seconds */
	assert_true(e.form == BU_STAMP_SECONDS && e.stamp == 12000001000u && e.ctx == 0 && is(e.comm, "kworker/0:0"));
	e = parsed("swapper/-1         0.N... 2343406102: cpuhp_exit:  cpu: 0001");	/* a dump */
	assert_true(e.latency && e.pid == 1 && is(e.comm, "swapper/") && e.ctx == 0x24 && e.stamp == 2343406102u);
	e = parsed("migratio-10000001 1023d.h2.   4570us!: f <-g");
	assert_true(e.pid == 10000001 && e.cpu == 1023 && e.form == BU_STAMP_MICROSECONDS && e.stamp == 4570000u);
	e = parsed("  a b-c [1]-12  (   11) [003] DNZ31 7: x: y");	/* a comm may hold anything; record-tgid */
	assert_true(is(e.comm, "a b-c [1]") && e.pid == 12 && e.cpu == 3 && e.ctx == (0x1300 | 0x81 | 0x24 | 0x48));
	e = parsed("bash-1 [001] d.Lh2.1 7: x: y");	/* seven flags, as with the RT patches */
	assert_true(e.ctx == ((1u << 12) | (2u << 8) | 0x01 | 0x02 | 0x08));
	e = parsed("bash-1 [001] d..1 7: x: y");	/* four, as 5.10 */
	assert_true(e.ctx == 0x101);
}

static void no_events(void **state)
{
	static const char *const lines[] = {
		"", "#", "bash-1 [001] d..1. : x", "bash-1 [001] d..1. 12:", "bash-1 [001 d..1. 12: x", "bash [001] d..1. 12: x",
		"bash-1 [9999] d..1. 12: x", "bash-99999999999 [001] d..1. 12: x", "bash-1 [001] q..1. 12: x",
		"swapper/-1   0..... 23595", "swapper/-1   0..", "bash-1 [001] d..1. 99999999999999999999999: x",
		"bash-1 [001] 1.23: x", "[    2.330412] RIP: 0010:f+0x1/0x2", "tsc: Detected 2596.095 MHz processor",
	};
	struct bu_text_event ev;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (bu_text_event_parse(slice(lines[i]), &no_layout, &ev))
			fail_msg("taken as an event: %s", lines[i]);
}

static struct bu_text_decoder dec;

static struct bu_event decoded(const char *what, int want)
{
	struct bu_text_event from = { .comm = slice("a"), .what = slice(what) };
	struct bu_event ev;

	memset(&ev, 0, sizeof(ev));
	assert_int_equal(bu_text_decode(&dec, &from, &ev), want);
	return ev;
}

static const char *symbol(uint32_t id)
{
	assert_true(id >= 1 && id <= dec.symbols.n);
	return dec.symbols.entries[id - 1].text;
}

static const char *task(uint32_t id)
{
	assert_true(id >= 1 && id <= dec.tasks.n);
	return dec.tasks.entries[id - 1].text;
}

static void words_of_events(void **state)
{
	struct bu_event e;

	(void)state;
	e = decoded("cpuhp_multi_enter: cpu: 0007 target:  85 step:  56 (trace_rb_cpu_prepare)", 0);
	assert_true(e.table == BU_EV_CPUHP && e.cpuhp.kind == BU_CPUHP_MULTI && e.cpuhp.target_cpu == 7 && e.cpuhp.target == 85 &&
		    e.cpuhp.step == 56);
	assert_string_equal(symbol(e.cpuhp.func), "trace_rb_cpu_prepare");
	e = decoded("cpuhp_exit:  cpu: 0005  state:  91 step:  91 ret: -5", 0);
	assert_true(e.cpuhp.kind == BU_CPUHP_EXIT && e.cpuhp.state == 91 && e.cpuhp.ret == -5 && !e.cpuhp.func);
	e = decoded("do_it+0x4/0x20 [some-module] <-tk_setup_internals.constprop.0", 0);
	assert_true(e.table == BU_EV_FUNC);
	assert_string_equal(symbol(e.func.func), "do_it");
	assert_string_equal(symbol(e.func.caller), "tk_setup_internals.constprop.0");
	e = decoded("page_fault_kernel: address=0x7ffe ip=rep_stos_alternative error_code=0x2", 0);
	assert_true(e.table == BU_EV_FAULT && e.fault.address == 0x7ffe && e.fault.ip == BU_FIELD_UNKNOWN);
	assert_string_equal(symbol(e.fault.ip_symbol), "rep_stos_alternative");
	e = decoded("page_fault_user: address=0x434a5f ip=0x434a5f error_code=0x14", 0);
	assert_true(e.fault.is_user && e.fault.ip == 0x434a5f && !e.fault.ip_symbol);
	e = decoded("sched_switch: prev_comm=a prev_pid=7 prev_pid=12 prev_prio=120 prev_state=D|K ==> next_comm=x next_pid=2 next_prio=1",
		    0);
	assert_true(e.table == BU_EV_OTHER);	/* K is no state that is known: kept as text, not guessed */
	e = decoded("sched_switch: prev_comm=a b prev_pid=12 prev_prio=120 prev_state=R+ ==> next_comm=cpuhp/3 next_pid=36 next_prio=98",
		    0);
	assert_true(e.table == BU_EV_SCHED_SWITCH && e.sched.prev_state == 0x100 && e.sched.next_prio == 98);
	assert_string_equal(task(e.sched.prev), "a b");
	e = decoded("hrtimer_start: hrtimer=00000000abcdef01 function=tick_nohz_handler expires=100 softexpires=100 mode=ABS", 0);
	assert_true(e.table == BU_EV_TIMER && e.timer.timer == 0xabcdef01 && e.timer.expires == 100);
	e = decoded("call_function_single_entry: vector=251", 0);
	assert_true(e.table == BU_EV_IRQ_VECTOR && e.irq.vector == 251);
	e = decoded("initcall_finish: func=con_init+0x0/0x250 ret=-19", 0);
	assert_string_equal(e.other.fields, "{\"func\":\"con_init\",\"ret\":-19}");
	e = decoded("tracing_mark_write: say \"hi\" \\ \x01\xff", 0);
	assert_string_equal(e.other.fields, "{\"text\":\"say \\\"hi\\\" \\\\ ??\"}");
	e = decoded("cpuhp_exit:  cpu: 0005  state:  91 ste", 0);	/* cut: an event, but no step */
	assert_true(e.table == BU_EV_OTHER && dec.as_text == 2);
	decoded("cpuhp_ent", -EINVAL);
	decoded("func <-", -EINVAL);
	bu_text_decoder_fini(&dec);
}

/* ---- consoles -------------------------------------------------------------------------------------------------- */

struct seen {
	int64_t events, raw, messages, frames;
	char last_kind[32], last_raw[128];
	int32_t last_cpu;
};

static int see_event(void *arg, const struct bu_event *ev, int64_t line, struct bu_err *err)
{
	(void)ev;
	(void)err;
	assert_true(line > 0);
	((struct seen *)arg)->events++;
	return 0;
}

static int see_raw(void *arg, int64_t line, struct bu_slice text, struct bu_err *err)
{
	struct seen *s = arg;

	(void)line;
	(void)err;
	s->raw++;
	bu_slice_text(text, s->last_raw, sizeof(s->last_raw) - 1);
	return 0;
}

static int see_message(void *arg, const struct bu_log_event *e, struct bu_err *err)
{
	struct seen *s = arg;

	(void)err;
	s->messages++;
	s->last_cpu = e->cpu;
	snprintf(s->last_kind, sizeof(s->last_kind), "%s", e->kind);
	return 0;
}

static int see_frame(void *arg, const struct bu_log_frame *f, struct bu_err *err)
{
	struct seen *s = arg;

	(void)err;
	s->frames++;
	s->last_cpu = f->cpu;
	return 0;
}

static struct bu_text_counts counts;
static struct bu_console_survey survey;
static struct bu_machine machine;
static struct bu_loss loss;
static size_t n_losses;

static struct seen read_log(const char *text, size_t len)
{
	static const struct bu_clock clock = { .raw = true, .hz = BU_NS_UNKNOWN };
	struct seen s = { .last_cpu = -1 };
	const struct bu_text_out out = { &s, see_event, see_raw, see_message, see_frame };
	struct bu_console_reader r;
	struct bu_text_parser p;
	struct bu_err err = BU_ERR_INIT;

	bu_machine_fini(&machine);
	memset(&machine, 0, sizeof(machine));
	assert_int_equal(bu_console_reader_init(&r, (struct bu_slice){ text, len }), 0);
	assert_int_equal(bu_console_survey(&r, &machine, &survey), 0);
	assert_int_equal(bu_text_parser_init(&p, &out, &clock, survey.origin), 0);
	assert_int_equal(bu_console_parse(&p, &r, &survey, &err), 0);
	counts = p.counts;
	n_losses = p.n_holes;
	if (n_losses)
		loss = p.holes[0];
	assert_true(counts.pieces == counts.events + counts.marks + counts.messages + counts.unparsed + counts.passed_over);
	bu_text_parser_fini(&p);
	bu_console_reader_fini(&r);
	return s;
}

#define READ(text) read_log(text, sizeof(text) - 1)
#define EVENT "swapper/-1         0..... 2343406102: cpuhp_exit:  cpu: 0001  state:   1 step:   1 ret: 0"

static void prefixes_of_consoles(void **state)
{
	static const char *const prefixes[] = {
		"", "[   12.345678] ", "[   12.345678][    T1] ", "[   12.345678][   C3] ", "<6>[   12.345678] ", "<6>",
		"Nov 22 10:00:00 host kernel: [   12.345678] ", "Nov 22 10:00:00 host kernel: ",
		"2026-11-22T10:00:00.123456+0000 host kernel: [   12.345678] ", "[   12.345678] host kernel: ",
		"6,1056,12345678,-;", "[Sun Nov 22 10:00:00 2026] ", "[2026-11-22 10:00:00] [   12.345678] ",
		"Nov 22 10:00:00 [   12.345678] ",
	};
	char text[512];
	struct seen s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		snprintf(text, sizeof(text), "%s" EVENT "\r\n%sNMI backtrace for cpu 3\n%sRIP: 0010:f+0x6/0x10\n", prefixes[i], prefixes[i],
			 prefixes[i]);
		s = read_log(text, strlen(text));
		if (s.events != 1 || s.messages != 1 || s.frames != 1 || s.last_cpu != 3 || s.raw)
			fail_msg("prefix \"%s\": %d events, %d messages, %d frames, CPU %d", prefixes[i], (int)s.events,
				 (int)s.messages, (int)s.frames, s.last_cpu);
	}
}

static void interleaved_and_cut(void **state)
{
	struct seen s;

	(void)state;
	/* Another message begins in the middle of an event: the event is cut, the message whole. */
	s = READ("[    1.000000] swapper/-1         0..... 23434[    1.000001] watchdog: BUG: soft lockup - CPU#5 stuck for 22s!\n"
		 "[    1.000002] " EVENT "\n");
	assert_true(s.events == 1 && s.messages == 1 && s.last_cpu == 5 && s.raw == 1);
	assert_string_equal(s.last_raw, "swapper/-1         0..... 23434");
	/* A whole event in front of it may be half of a longer word. */
	s = READ("[    1.000000] swapper/-1         0..... 23: func <-cal[    1.000001] x\n");
	assert_true(s.events == 0 && s.raw == 1);
	/* The log ends within a line. */
	s = READ("[    1.000000] " EVENT "\n[    1.000001] swapper/-1         0..... 24: func <-call");
	assert_true(s.events == 1 && s.raw == 1);
	/* Noise of a serial line. */
	s = READ("\0\0\x1b[0;32m[    1.000000] \rswapp\x1b[Ker/-1     \x07    0..... 24: func <-caller\r\r\n");
	assert_true(s.events == 1 && !s.raw && counts.noisy_lines == 1);
}

static void dumps_and_losses(void **state)
{
	struct seen s;

	(void)state;
	s = READ("[    1.000000] Dumping ftrace buffer:\n[    1.000001] ---------------------------------\n[    1.000002] " EVENT "\n"
		 "[    1.000003] CPU:3 [LOST 12 EVENTS]\n[    1.000004] ---------------------------------\n");
	assert_true(s.events == 1 && s.messages == 1 && counts.marks == 3 && survey.dumps == 1 && !survey.dumps_open);
	assert_true(n_losses == 1 && loss.cpu == 3 && loss.count == 12);
	s = READ("[    1.000000] Dumping ftrace buffer:\n[    1.000001] ---------------------------------\n[    1.000002] " EVENT "\n");
	assert_true(s.events == 1 && survey.dumps_open == 1);
	s = READ("[    1.000000] Dumping ftrace buffer:\n[    1.000001]    (ftrace buffer empty)\n");
	assert_true(s.events == 0 && survey.empty_dumps == 1 && !survey.dumps_open);
	assert_int_equal(loss.before_id, BU_NS_UNKNOWN);
}

static void boots_and_parts(void **state)
{
	struct seen s;

	(void)state;
	/* The boot with the dump counts, not the one after it. */
	s = READ("[    0.000000] Linux version 6.1.0 (a) (gcc) #1 SMP\n[    0.100000] tsc: Detected 2596.095 MHz processor\n"
		 "[    9.000000] " EVENT "\n[    0.000000] Linux version 6.12.0 (a) (gcc) #2 SMP\n[    0.100000] x\n");
	assert_true(s.events == 1 && survey.boots == 2 && survey.boot == 1 && counts.passed_over == 2);
	assert_string_equal(machine.release, "6.1.0");
	assert_int_equal(machine.tsc_detected_khz, 2596095);
	/* pstore stores the end of a log as part 1. */
	s = READ("Panic#1 Part1\n<4>[    9.000000] " EVENT "\nPanic#1 Part2\n<6>[    0.000000] Linux version 6.1.0 (a) (gcc) #1 SMP\n"
		 "<6>[    0.000001] Command line: trace_clock=local trace_clock=x86-tsc x\n");
	assert_true(s.events == 1 && survey.boots == 1 && counts.marks == 2);
	assert_string_equal(machine.trace_clock, "x86-tsc");
	bu_machine_fini(&machine);
	memset(&machine, 0, sizeof(machine));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_of_lines),	 cmocka_unit_test(no_events),
		cmocka_unit_test(words_of_events),	 cmocka_unit_test(prefixes_of_consoles),
		cmocka_unit_test(interleaved_and_cut),	 cmocka_unit_test(dumps_and_losses),
		cmocka_unit_test(boots_and_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
