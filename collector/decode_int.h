/* SPDX-License-Identifier: GPL-2.0-only */
/* decode_int.h - between decode.c and decode_json.c: a whole record as a JSON object, for ev_other. */
#ifndef BU_COLLECTOR_DECODE_INT_H
#define BU_COLLECTOR_DECODE_INT_H

#include <event-parse.h>

#include "collector/ring_page.h"

struct bu_json_writer;

/**
 * bu_json_writer_create() - @tep is borrowed. Return: NULL when memory is out.
 */
struct bu_json_writer *bu_json_writer_create(struct tep_handle *tep);
void bu_json_writer_destroy(struct bu_json_writer *w);

/**
 * bu_json_record() - All fields of @record but the common ones.
 * @event: its format; NULL: there is none, and the object has one field "raw" with the bytes in hex.
 * Return: the text, valid until the next call; NULL when memory is out.
 */
const char *bu_json_record(struct bu_json_writer *w, const struct tep_event *event,
			   const struct bu_ring_event *record);

#endif
