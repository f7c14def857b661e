/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tax.h - what recording the bring-up did to it, and how fine its clocks let one look. Captures only.
 *
 * Flow: capture.db, bu_boot -> [tax] -> report, report_json. The ring buffers' step is measured, as a hotplug step like
 * any other; what events and the serial console cost is estimated, with bounds (docs/methods.md, "The observer's tax").
 */
#ifndef BU_ANALYZE_TAX_H
#define BU_ANALYZE_TAX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/base/err.h"

/* Of one event, with its recording into the ring buffer: docs/methods.md says where these were measured. */
#define BU_TAX_EVENT_LOW_NS 220
#define BU_TAX_EVENT_HIGH_NS 530

#define BU_TAX_BAUD 115200	/* where the command line does not name the rate */
#define BU_TAX_BITS_PER_BYTE 10	/* 8 data bits, start and stop */

struct bu_tax {			/* BU_NS_UNKNOWN: not known */
	int64_t rb_steps, rb_cpus;	/* trace_rb_cpu_prepare: a step per CPU and buffer; of how many CPUs */
	int64_t rb_total_ns, rb_max_ns;	/* max: all steps of one CPU together */
	int rb_max_cpu;			/* -1: none */
	int64_t events_control, events_all;		/* recorded during the bring-up */
	int64_t events_low_ns, events_high_ns;		/* of the control CPU's time */
	bool serial;			/* the kernel's console was a serial line */
	bool baud_known;
	int64_t serial_bytes, baud;	/* of the kernel log's lines during the bring-up, with line ends */
	int64_t serial_ns;		/* at most: all lines printed, at that rate */
};

struct bu_clock_check {
	int64_t cpus;			/* bounded from both sides; 0: nothing is known */
	int ref_cpu, worst_cpu;
	int64_t median_ns, worst_ns;	/* by how much a time between that CPU and the reference may be wrong */
	int64_t unsynchronised, contradictory, corrected;	/* CPUs */
	int64_t across, finer;		/* times taken across two CPUs; those shorter than the CPU's bound */
};

struct bu_boot;
struct bu_db;

/**
 * bu_tax_read() - Both, of the capture @db that @boot was read from; @base_ns is the zero of the boot's times.
 */
int bu_tax_read(struct bu_db *db, const struct bu_boot *boot, int64_t base_ns, struct bu_tax *ret,
		struct bu_clock_check *clocks, struct bu_err *err);

/**
 * bu_tax_serial() - What printing a kernel log from "Bringing up secondary CPUs" to "Brought up" costs on a serial line.
 * @dmesg, @cmdline: NULL where not known. Fills the serial part of @tax.
 */
void bu_tax_serial(const char *dmesg, const char *cmdline, struct bu_tax *tax);

/**
 * bu_tax_text() - The section of the report; bu_clock_text() - its line on the clocks, nothing where nothing is known.
 */
void bu_tax_text(FILE *to, const struct bu_boot *boot);
void bu_clock_text(FILE *to, const struct bu_boot *boot);

#endif
