// SPDX-License-Identifier: GPL-2.0-only
/* tax_test.c - what a serial console takes, by what the kernel log and the command line say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first */
#include <cmocka.h>

#include "analyze/tax.h"
#include "schemas/base/ns.h"

#define LOG "[    0.1] printk: console [ttyS0] enabled\n[    0.2] smp: Bringing up secondary CPUs ...\n[    0.3] x\n" \
	"[    0.4] smp: Brought up 1 node, 8 CPUs\n[    0.5] later, and not counted\n"

static void counts_the_lines_of_the_bringup(void **state)
{
	struct bu_tax t = { 0 };

	(void)state;
	bu_tax_serial(LOG, "quiet console=ttyS0,9600n8", &t);
	assert_true(t.serial);
	assert_true(t.baud_known);
	assert_int_equal(t.baud, 9600);
	assert_int_equal(t.serial_bytes, sizeof("[    0.2] smp: Bringing up secondary CPUs ...") + 1 + sizeof("[    0.3] x") + 1 +
			 sizeof("[    0.4] smp: Brought up 1 node, 8 CPUs") + 1);
	assert_int_equal(t.serial_ns, t.serial_bytes * 10 * BU_NS_PER_S / 9600);
}

static void assumes_a_rate_and_says_so(void **state)
{
	struct bu_tax t = { 0 };

	(void)state;
	bu_tax_serial(LOG, "console=tty0 console=ttyS1", &t);
	assert_true(t.serial);
	assert_false(t.baud_known);
	assert_int_equal(t.baud, 115200);
	assert_int_equal(t.serial_ns, t.serial_bytes * 10 * BU_NS_PER_S / 115200);
}

static void no_serial_console_takes_nothing(void **state)
{
	struct bu_tax t = { 0 };

	(void)state;
	bu_tax_serial("[    0.2] smp: Bringing up secondary CPUs ...\n[    0.4] smp: Brought up 1 node, 8 CPUs\n", "console=tty0", &t);
	assert_false(t.serial);
	assert_int_equal(t.serial_ns, BU_NS_UNKNOWN);
	bu_tax_serial(NULL, NULL, &t);
	assert_false(t.serial);
}

static void half_a_log_is_not_known(void **state)
{
	struct bu_tax t = { 0 };

	(void)state;
	bu_tax_serial("[    0.2] smp: Bringing up secondary CPUs ...\n", "console=ttyS0", &t);
	assert_true(t.serial);
	assert_int_equal(t.serial_bytes, BU_NS_UNKNOWN);
	assert_int_equal(t.serial_ns, BU_NS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_the_lines_of_the_bringup), cmocka_unit_test(assumes_a_rate_and_says_so),
		cmocka_unit_test(no_serial_console_takes_nothing), cmocka_unit_test(half_a_log_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
