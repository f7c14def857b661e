/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * redact_int.h - what redaction and audit share: one list of rules, one reader of texts, one way to renumber pages.
 */
#ifndef BU_COLLECTOR_REDACT_INT_H
#define BU_COLLECTOR_REDACT_INT_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/base/err.h"
#include "schemas/model/dict.h"

/* ---- addresses (redact_address.c) ------------------------------------------------------------------------------ */

struct bu_address_map {
	uint64_t *page, *to;		/* sorted once sealed; to: the page's number in the redacted file */
	size_t n, cap;
	bool wide;			/* five page-table levels: slots of two levels are kept apart */
};

/**
 * bu_address_add() - Note that @address occurs. Return: 0 or -ENOMEM.
 */
int bu_address_add(struct bu_address_map *map, uint64_t address);

/**
 * bu_address_seal() - All are in: number the pages.
 * Return: 0; -ENOMEM; -ERANGE where one slot has more pages than can be numbered in it.
 */
int bu_address_seal(struct bu_address_map *map);

/**
 * bu_address_map() - The redacted form of an address that was added before sealing. Its bits 39 to 47 (and 48 to 56
 * with five levels) and 0 to 11 are those of @address; unsigned order is that of the originals; bits above are zero,
 * so that it is no address of any kernel. NULL pages stay 0.
 */
uint64_t bu_address_map(const struct bu_address_map *map, uint64_t address);
void bu_address_fini(struct bu_address_map *map);

/**
 * bu_is_kernel_address() - Whether a number read as two's complement lies where kernels live: the upper half,
 * without its last 64 KiB, in which small negative numbers are.
 */
static inline bool bu_is_kernel_address(int64_t v)
{
	return v < -65536;
}

/* ---- reading texts (redact_scan.c) ------------------------------------------------------------------------------- */

struct bu_scan_hit {
	const char *what;		/* static: "kernel address", "MAC address", ... */
	size_t at, len;
};

/**
 * bu_scan() - The first suspicious place in @text from @from on.
 * @names: also look for paths, host names and mail addresses; off for the bytes of a file, where the schema's own
 * comments have such things.
 */
bool bu_scan(const char *text, size_t len, size_t from, bool names, struct bu_scan_hit *ret);

/* ---- rules (redact_rules.c) ----------------------------------------------------------------------------------------- */

enum bu_rule {
	BU_RULE_NONE,		/* there is none: may not be copied */
	BU_RULE_WORDS,		/* words of our own, from a CHECK or a fixed list */
	BU_RULE_SYMBOL, BU_RULE_STATE, BU_RULE_IDENT, BU_RULE_SHA, BU_RULE_RELEASE, BU_RULE_PLAIN,
	BU_RULE_SOURCE,		/* name of the source file */
	BU_RULE_CMDLINE, BU_RULE_COMM, BU_RULE_BUFFER, BU_RULE_NOTE,
	BU_RULE_KEY,		/* name of a machine file or a setting; rows of unknown ones are left out */
	BU_RULE_CONFIG, BU_RULE_FILE,	/* their content */
	BU_RULE_FIELDS,		/* JSON of ev_other */
	BU_RULE_RAW, BU_RULE_LOG, BU_RULE_CONTEXT,
	BU_RULE_OWN,		/* what redaction itself writes */
	BU_RULE_ADDRESS,	/* integer: always an address */
};

/**
 * bu_rule_of() - The rule for a column. @text: its type is TEXT. Integer columns without an entry are copied, save
 * numbers that look like kernel addresses.
 */
enum bu_rule bu_rule_of(const char *table, const char *column);

/**
 * bu_rule_how() - What the rule does, for people; static.
 */
const char *bu_rule_how(enum bu_rule rule);

struct bu_rules {
	struct bu_address_map addresses;
	struct bu_dict users, works, texts, symbols, states, idents, buffers;	/* pseudonyms by first use */
	regex_t *shapes;		/* compiled, by number; redact_rules.c */
};

/**
 * bu_rules_init() - Return: 0 or -ENOMEM.
 */
int bu_rules_init(struct bu_rules *r);
void bu_rules_fini(struct bu_rules *r);

/**
 * bu_rules_apply() - What becomes of @text.
 * @key: text of the first column of the row, for contents that depend on their name; may be NULL.
 * @ret: the new text, owned by the caller; NULL: the row is to be left out.
 * Return: 0 or -ENOMEM.
 */
int bu_rules_apply(struct bu_rules *r, enum bu_rule rule, const char *key, const char *text, char **ret);

/**
 * bu_rules_allow() - Whether @text may stand in a redacted file under that rule.
 */
bool bu_rules_allow(struct bu_rules *r, enum bu_rule rule, const char *key, const char *text);

/**
 * bu_rules_collect() - First pass: note the addresses that a JSON text or a symbol's name holds. Return: 0 or -ENOMEM.
 */
int bu_rules_collect(struct bu_rules *r, enum bu_rule rule, const char *text);

/* ---- JSON of ev_other (redact_json.c) ------------------------------------------------------------------------------- */

int bu_redact_fields(struct bu_rules *r, const char *text, char **ret);
bool bu_redact_fields_allow(struct bu_rules *r, const char *text);
int bu_redact_fields_collect(struct bu_rules *r, const char *text);

/* ---- texts of many words (redact_text.c) ------------------------------------------------------------------------------ */

/* Names of the kernel's own threads and of idle tasks. */
bool bu_comm_is_kernel(struct bu_rules *r, const char *comm);

int bu_redact_cmdline(struct bu_rules *r, const char *text, char **ret);
int bu_redact_file(struct bu_rules *r, const char *name, const char *text, char **ret);
int bu_redact_config(struct bu_rules *r, const char *key, const char *text, char **ret);
int bu_redact_log(struct bu_rules *r, const char *text, char **ret);
int bu_redact_note(const char *text, char **ret);
bool bu_config_is_known(const char *key);
bool bu_file_is_known(const char *name);

/* ---- shapes that a text must have as a whole --------------------------------------------------------------------------- */

enum bu_shape {
	BU_SHAPE_WORDS, BU_SHAPE_SYMBOL, BU_SHAPE_STATE, BU_SHAPE_IDENT, BU_SHAPE_SHA, BU_SHAPE_RELEASE, BU_SHAPE_PLAIN,
	BU_SHAPE_CONTEXT, BU_SHAPE_KTHREAD, BU_SHAPE_KTHREAD_WORK, BU_SHAPE_PARAM_VALUE, BU_SHAPE_PARAM_NAME, BU_SHAPE_CONSOLE,
	BU_SHAPE_MESSAGE, BU_SHAPE_SITES, BU_SHAPE_MASKED, BU_SHAPE_MASKS, BU_SHAPE_STATS, BU_SHAPE_MEMINFO, BU_SHAPE_NUMBERS,
	BU_SHAPE_CPUINFO,
	BU_SHAPE_TOPOLOGY, BU_SHAPE_INTERRUPT_HEAD, BU_SHAPE_INTERRUPT, BU_SHAPE_EVENT, BU_SHAPE_NUMBERED,
	BU_SHAPE_LOG_CONTEXT, BU_SHAPE_CLOCKS, BU_SHAPES
};

bool bu_shape_is(struct bu_rules *r, enum bu_shape shape, const char *text);

#endif
