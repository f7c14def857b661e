/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_decode.h - from the words of an event to a struct bu_event, as decode.h does it from a record.
 *
 * Flow: text_event -> [text_decode] -> capture_db. Text is what an event's print format made of it: a number may
 * have become a name, and what was not printed is gone. Known events fill the same columns as those of a trace.dat;
 * all others keep their words, {"text": "..."} in ev_other. The text does not say to which group an event belongs:
 * that of the known ones is filled in, else it is 'unknown'.
 */
#ifndef BU_COLLECTOR_TEXT_DECODE_H
#define BU_COLLECTOR_TEXT_DECODE_H

#include "collector/text_event.h"
#include "schemas/model/dict.h"
#include "schemas/model/event.h"

struct bu_text_kind {
	const char *system, *name;	/* name is owned by the decoder's names */
	enum bu_ev_table table;
	int64_t events;
};

struct bu_text_decoder {
	struct bu_dict symbols, tasks, names;	/* id of a name is the kind's number */
	struct bu_text_kind *kinds;
	size_t n_kinds, cap_kinds;
	int64_t as_text;	/* events of a known kind whose words did not fit it; kept in ev_other */
	char *json;		/* of the latest ev_other */
	size_t json_cap;
	bool out_of_memory;
};

/* A zeroed struct is an empty decoder. */
void bu_text_decoder_fini(struct bu_text_decoder *d);

/**
 * bu_text_decode() - Fill @ret from @from, all but id, ts_ns, ts_raw and buf, which are the caller's.
 * @ret: other.fields is borrowed from the decoder until the next call.
 * Return: 0; -ENOMEM; -EINVAL where it says nothing at all, as a cut line does.
 */
int bu_text_decode(struct bu_text_decoder *d, const struct bu_text_event *from, struct bu_event *ret);

/**
 * bu_text_decode_more() - Add @line to the words of the ev_other decoded last: a stack trace has a line per frame.
 * Return: its fields anew; NULL when memory is out.
 */
const char *bu_text_decode_more(struct bu_text_decoder *d, struct bu_slice line);

/**
 * bu_text_symbol() - Take a symbol as the kernel prints it off the beginning of @s, "func", "func+0x12/0x80",
 * "func [module]" or "0x1234". @ret_name: without offset and module; @ret_offset: -1 where there was none.
 */
bool bu_text_symbol(struct bu_slice *s, struct bu_slice *ret_name, int64_t *ret_offset);

#endif
