/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode.h - from a raw record to a struct bu_event, by field offset.
 *
 * The offsets of an event's fields are looked up once per event format, with libtraceevent; nothing is ever
 * formatted as text. Code addresses become symbols by the trace's own kallsyms. What has no table of its own goes
 * to ev_other with all its fields as JSON, so that nothing is lost.
 */
#ifndef BU_COLLECTOR_DECODE_H
#define BU_COLLECTOR_DECODE_H

#include <event-parse.h>

#include "collector/ring_page.h"
#include "schemas/base/err.h"
#include "schemas/model/dict.h"
#include "schemas/model/event.h"

struct bu_decoder;

/**
 * bu_decoder_create() - @tep is borrowed and has the formats, kallsyms and task names of the trace.
 */
int bu_decoder_create(struct tep_handle *tep, struct bu_decoder **ret, struct bu_err *err);
void bu_decoder_destroy(struct bu_decoder *d);

/**
 * bu_decode() - Fill @ret from the data of @record, all but id, ts_ns, ts_raw, cpu and buf, which are the caller's. Texts in it
 * are valid until the next call.
 * Return: 0 or -ENOMEM. A record shorter than its format is kept in ev_other and counted in
 * bu_decoder_short_records().
 */
int bu_decode(struct bu_decoder *d, const struct bu_ring_event *record, struct bu_event *ret, struct bu_err *err);

/**
 * bu_decoder_symbols(), bu_decoder_tasks() - The dictionaries that the events' numbers lead to.
 */
const struct bu_dict *bu_decoder_symbols(const struct bu_decoder *d);
const struct bu_dict *bu_decoder_tasks(const struct bu_decoder *d);

/**
 * bu_decoder_kinds() - What kinds of event there were. @ret_n: how many; entry i has kind i + 1. A kind without a
 * format in the trace is called 'unknown' with the number of its type as name.
 */
struct bu_decoder_kind {
	const char *system, *name;
	enum bu_ev_table table;
	int64_t events;
};
const struct bu_decoder_kind *bu_decoder_kinds(const struct bu_decoder *d, size_t *ret_n);

/**
 * bu_decoder_short_records() - How many records were too short for their format.
 */
int64_t bu_decoder_short_records(const struct bu_decoder *d);

#endif
