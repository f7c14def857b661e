/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_import.h - the events of a text into a capture database: what import.c does from a trace.dat.
 *
 * Flow: text_file, text_parse, console_parse -> [text_import] -> capture_db; then import.c goes on as for any source.
 */
#ifndef BU_COLLECTOR_TEXT_IMPORT_H
#define BU_COLLECTOR_TEXT_IMPORT_H

#include "collector/import_int.h"
#include "collector/text_parse.h"

/**
 * bu_text_kind_of() - What kind of text @path holds; BU_TEXT_NONE also where it is no text, as a trace.dat.
 * Return: 0; -EPROTO when it is packed in a way that is not unpacked here, and others of bu_text_file_open().
 */
int bu_text_kind_of(const char *path, enum bu_text_kind_of_file *ret, struct bu_err *err);

/**
 * bu_text_read_facts() - Open the text, learn from it about the machine and its clock, make the head that import.c
 * works with. @s->machine has been read from the folder or is empty.
 */
int bu_text_read_facts(struct bu_import_state *s, enum bu_text_kind_of_file kind, struct bu_err *err);

/**
 * bu_text_import_events() - All events, their lines, losses, leftovers, messages, and the dictionaries. Fills the
 * streams and holes of @s, so that the account can be made of them.
 */
int bu_text_import_events(struct bu_import_state *s, struct bu_err *err);

/**
 * bu_text_import_account() - Tables buffer, cpu_account and loss: from saved statistics as for a trace.dat, else from
 * what the text says of itself.
 */
int bu_text_import_account(struct bu_import_state *s, struct bu_err *err);

void bu_text_close(struct bu_import_state *s);

#endif
