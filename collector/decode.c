// SPDX-License-Identifier: GPL-2.0-only
/* decode.c - see decode.h. Each format is planned once: which table, and where its columns lie in the record. */
#include "collector/decode.h"

#include <byteswap.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collector/decode_int.h"
#include "schemas/base/hash.h"
#include "schemas/base/ns.h"

#define N_FIELDS 7
#define N_TYPES 65536		/* common_type is 16 bits wide */
#define N_PAGE 256		/* types that lie close together share a page of the table */
#define CACHE_BITS 12

/*
 * What has a table of its own. Fields stand in the order in which fill_*() wants them; the first @required must
 * exist, otherwise the event goes to ev_other. Names as in include/trace/events/ of 5.10 to 6.12.
 */
static const struct known {
	const char *system, *name;	/* name is a pattern */
	enum bu_ev_table table;
	int required;
	const char *fields[N_FIELDS];
} known_events[] = {
	{ "ftrace", "function", BU_EV_FUNC, 1, { "ip", "parent_ip" } },
	{ "cpuhp", "cpuhp_enter", BU_EV_CPUHP, 4, { "cpu", "idx", "target", "fun" } },
	{ "cpuhp", "cpuhp_multi_enter", BU_EV_CPUHP, 4, { "cpu", "idx", "target", "fun" } },
	{ "cpuhp", "cpuhp_exit", BU_EV_CPUHP, 4, { "cpu", "idx", "state", "ret" } },
	{ "exceptions", "page_fault_user", BU_EV_FAULT, 3, { "address", "ip", "error_code" } },
	{ "exceptions", "page_fault_kernel", BU_EV_FAULT, 3, { "address", "ip", "error_code" } },
	{ "irq_vectors", "*_entry", BU_EV_IRQ_VECTOR, 1, { "vector" } },
	{ "irq_vectors", "*_exit", BU_EV_IRQ_VECTOR, 1, { "vector" } },
	{ "sched", "sched_switch", BU_EV_SCHED_SWITCH, 7,
	  { "prev_pid", "prev_prio", "prev_state", "next_pid", "next_prio", "prev_comm", "next_comm" } },
	{ "timer", "timer_*", BU_EV_TIMER, 1, { "timer", "function", "expires", "now" } },
	{ "timer", "hrtimer_*", BU_EV_TIMER, 1, { "hrtimer", "function", "expires", "now" } },
};

struct field {
	uint16_t offset, size;	/* size 0: the format does not have it */
	bool is_signed;
};

struct format {
	const struct tep_event *event;	/* NULL: the trace has no format of that type */
	const struct known *known;	/* NULL: goes to ev_other */
	struct field fields[N_FIELDS];
	uint32_t least_bytes;		/* records below this are too short */
	uint32_t kind, short_kind;	/* 0: not met yet */
	char *made_up_name;
};

struct cached {
	uint64_t key;
	uint32_t id;
};

struct bu_decoder {
	struct tep_handle *tep;
	bool swap;
	struct bu_dict symbols, tasks;
	struct format **formats[N_TYPES / N_PAGE];	/* NULL: no type of that page was met */
	struct bu_decoder_kind *kinds;
	size_t n_kinds, cap_kinds;
	int64_t short_records;
	struct field type, flags, preempt, pid;
	struct cached symbol_cache[1 << CACHE_BITS], task_cache[1 << CACHE_BITS];
	struct bu_json_writer *json;
	bool out_of_memory;		/* set deep inside, looked at once per event */
};

/* ---- fields -------------------------------------------------------------------------------------------- */

static struct field field_of(const struct tep_format_field *f)
{
	struct field r = { 0, 0, false };

	if (f && f->offset >= 0 && f->offset < 0x8000 && f->size > 0 && f->size < 0x8000) {
		r.offset = (uint16_t)f->offset;
		r.size = (uint16_t)f->size;
		r.is_signed = f->flags & TEP_FIELD_IS_SIGNED;
	}
	return r;
}

static int64_t number_at(const struct bu_decoder *d, const void *p, unsigned int size, bool is_signed)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (size) {
	case 8:
		memcpy(&v8, p, 8);
		return (int64_t)(d->swap ? bswap_64(v8) : v8);
	case 4:
		memcpy(&v4, p, 4);
		v4 = d->swap ? bswap_32(v4) : v4;
		return is_signed ? (int32_t)v4 : (int64_t)v4;
	case 2:
		memcpy(&v2, p, 2);
		v2 = d->swap ? bswap_16(v2) : v2;
		return is_signed ? (int16_t)v2 : (int64_t)v2;
	case 1:
		return is_signed ? *(const int8_t *)p : (int64_t)*(const uint8_t *)p;
	default:
		return 0;
	}
}

/* The caller made sure that the record is long enough. */
static inline int64_t number(const struct bu_decoder *d, const struct bu_ring_event *r, struct field f)
{
	return number_at(d, r->data + f.offset, f.size, f.is_signed);
}

static inline int64_t optional(const struct bu_decoder *d, const struct bu_ring_event *r, struct field f)
{
	return f.size ? number(d, r, f) : BU_FIELD_UNKNOWN;
}

/* ---- dictionaries ------------------------------------------------------------------------------------------ */

static uint32_t enter(struct bu_decoder *d, struct bu_dict *dict, const char *text, int64_t number_)
{
	uint32_t id = bu_dict_id(dict, text, number_);

	if (!id)
		d->out_of_memory = true;
	return id;
}

static uint32_t symbol_of(struct bu_decoder *d, uint64_t address)
{
	struct cached *c = &d->symbol_cache[bu_hash_mix(address) >> (64 - CACHE_BITS)];
	const char *name;
	char hex[24];

	if (c->id && c->key == address)
		return c->id;
	name = tep_find_function(d->tep, address);
	if (!name) {
		snprintf(hex, sizeof(hex), "0x%" PRIx64, address);
		name = hex;
	}
	c->key = address;
	c->id = enter(d, &d->symbols, name, 0);
	return c->id;
}

static uint32_t task_of(struct bu_decoder *d, int64_t pid)
{
	struct cached *c = &d->task_cache[bu_hash_mix((uint64_t)pid) >> (64 - CACHE_BITS)];
	const char *comm;

	if (c->id && c->key == (uint64_t)pid)
		return c->id;
	comm = tep_data_comm_from_pid(d->tep, (int)pid);
	if (!comm || !strcmp(comm, "<...>"))	/* libtraceevent's word for a task without a name */
		comm = "";
	c->key = (uint64_t)pid;
	c->id = enter(d, &d->tasks, comm, pid);
	return c->id;
}

static uint32_t named_task(struct bu_decoder *d, const struct bu_ring_event *r, struct field comm, int64_t pid)
{
	char text[64];
	size_t n = comm.size < sizeof(text) ? comm.size : sizeof(text) - 1, i;

	memcpy(text, r->data + comm.offset, n);
	text[n] = 0;
	for (i = 0; text[i]; i++)
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > '~')
			text[i] = '?';
	return enter(d, &d->tasks, text, pid);
}

/* ---- formats ------------------------------------------------------------------------------------------------- */

static uint32_t new_kind(struct bu_decoder *d, const char *system, const char *name, enum bu_ev_table table)
{
	if (bu_grow(&d->kinds, d->n_kinds, &d->cap_kinds, sizeof(*d->kinds))) {
		d->out_of_memory = true;
		return 0;
	}
	d->kinds[d->n_kinds] = (struct bu_decoder_kind){ system, name, table, 0 };
	return (uint32_t)++d->n_kinds;
}

static void plan_columns(struct format *f, const struct known *k)
{
	const struct tep_format_field *tf;
	int i;

	for (i = 0; i < N_FIELDS && k->fields[i]; i++) {
		tf = tep_find_any_field((struct tep_event *)f->event, k->fields[i]);
		f->fields[i] = field_of(tf);
		if (!f->fields[i].size && i < k->required)
			return;
		if ((uint32_t)f->fields[i].offset + f->fields[i].size > f->least_bytes)
			f->least_bytes = (uint32_t)f->fields[i].offset + f->fields[i].size;
	}
	f->known = k;
}

static struct format *plan(struct bu_decoder *d, unsigned int type)
{
	struct format *f = calloc(1, sizeof(*f));
	const struct known *k;

	if (!d->formats[type / N_PAGE])
		d->formats[type / N_PAGE] = calloc(N_PAGE, sizeof(f));
	if (!f || !d->formats[type / N_PAGE]) {
		free(f);
		return NULL;
	}
	f->least_bytes = 8;
	f->event = tep_find_event(d->tep, (int)type);
	for (k = known_events; f->event && !f->known && k < known_events + ARRAY_SIZE(known_events); k++)
		if (!strcmp(f->event->system, k->system) && !fnmatch(k->name, f->event->name, 0))
			plan_columns(f, k);
	if (f->event) {
		f->kind = new_kind(d, f->event->system, f->event->name, f->known ? f->known->table : BU_EV_OTHER);
	} else if (asprintf(&f->made_up_name, "type %u", type) < 0) {
		f->made_up_name = NULL;
		d->out_of_memory = true;
	} else {
		f->kind = new_kind(d, "unknown", f->made_up_name, BU_EV_OTHER);
	}
	d->formats[type / N_PAGE][type % N_PAGE] = f;
	return f;
}

/* A record that its own format does not fit into: kept as raw bytes under a kind of its own. */
static uint32_t short_kind(struct bu_decoder *d, struct format *f)
{
	d->short_records++;
	if (!f->short_kind && asprintf(&f->made_up_name, "%s (damaged)", f->event->name) < 0)
		f->made_up_name = NULL;
	else if (!f->short_kind)
		f->short_kind = new_kind(d, f->event->system, f->made_up_name, BU_EV_OTHER);
	if (!f->short_kind)
		d->out_of_memory = true;
	return f->short_kind;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void fill_cpuhp(struct bu_decoder *d, const struct format *f, const struct bu_ring_event *r, struct bu_event *ev)
{
	const char *name = f->event->name;

	ev->cpuhp.kind = !strcmp(name, "cpuhp_exit") ? BU_CPUHP_EXIT :
			 !strcmp(name, "cpuhp_enter") ? BU_CPUHP_ENTER : BU_CPUHP_MULTI;
	ev->cpuhp.target_cpu = number(d, r, f->fields[0]);
	ev->cpuhp.step = number(d, r, f->fields[1]);
	if (ev->cpuhp.kind == BU_CPUHP_EXIT) {
		ev->cpuhp.state = number(d, r, f->fields[2]);
		ev->cpuhp.ret = number(d, r, f->fields[3]);
		ev->cpuhp.target = BU_FIELD_UNKNOWN;
		ev->cpuhp.func = 0;
	} else {
		ev->cpuhp.target = number(d, r, f->fields[2]);
		ev->cpuhp.func = symbol_of(d, (uint64_t)number(d, r, f->fields[3]));
		ev->cpuhp.state = ev->cpuhp.ret = BU_FIELD_UNKNOWN;
	}
}

static void fill(struct bu_decoder *d, const struct format *f, const struct bu_ring_event *r, struct bu_event *ev)
{
	const struct field *c = f->fields;

	switch (f->known->table) {
	case BU_EV_CPUHP:
		fill_cpuhp(d, f, r, ev);
		break;
	case BU_EV_FUNC:
		ev->func.func = symbol_of(d, (uint64_t)number(d, r, c[0]));
		ev->func.caller = c[1].size ? symbol_of(d, (uint64_t)number(d, r, c[1])) : 0;
		break;
	case BU_EV_FAULT:
		ev->fault.is_user = !strcmp(f->event->name, "page_fault_user");
		ev->fault.address = number(d, r, c[0]);
		ev->fault.ip = number(d, r, c[1]);
		ev->fault.error_code = number(d, r, c[2]);
		ev->fault.ip_symbol = 0;
		break;
	case BU_EV_IRQ_VECTOR:
		ev->irq.vector = number(d, r, c[0]);
		break;
	case BU_EV_SCHED_SWITCH:
		ev->sched.prev = named_task(d, r, c[5], number(d, r, c[0]));
		ev->sched.prev_prio = number(d, r, c[1]);
		ev->sched.prev_state = number(d, r, c[2]);
		ev->sched.next = named_task(d, r, c[6], number(d, r, c[3]));
		ev->sched.next_prio = number(d, r, c[4]);
		break;
	default:
		ev->timer.timer = number(d, r, c[0]);
		ev->timer.func = c[1].size ? symbol_of(d, (uint64_t)number(d, r, c[1])) : 0;
		ev->timer.expires = optional(d, r, c[2]);
		ev->timer.now = optional(d, r, c[3]);
	}
}

int bu_decode(struct bu_decoder *d, const struct bu_ring_event *r, struct bu_event *ev, struct bu_err *err)
{
	unsigned int type = 0;
	struct format *f;
	bool whole;

	ev->ctx = ev->task = 0;
	if (r->bytes >= 8) {
		type = (unsigned int)number(d, r, d->type) & (N_TYPES - 1);
		ev->ctx = ((uint32_t)number(d, r, d->flags) & 0xff) |
			  ((uint32_t)number(d, r, d->preempt) & 0xff) << 8;
	}
	ev->task = task_of(d, r->bytes >= 8 ? number(d, r, d->pid) : 0);
	f = d->formats[type / N_PAGE] ? d->formats[type / N_PAGE][type % N_PAGE] : NULL;
	if (!f)
		f = plan(d, type);
	if (!f || d->out_of_memory)
		return bu_fail_errno(err, -ENOMEM, "decode");
	whole = r->bytes >= f->least_bytes;
	ev->kind = whole || !f->event ? f->kind : short_kind(d, f);
	if (f->known && whole) {
		ev->table = f->known->table;
		fill(d, f, r, ev);
	} else {
		ev->table = BU_EV_OTHER;
		ev->other.fields = bu_json_record(d->json, whole ? f->event : NULL, r);
		if (!ev->other.fields)
			d->out_of_memory = true;
	}
	if (d->out_of_memory)
		return bu_fail_errno(err, -ENOMEM, "decode");
	d->kinds[ev->kind - 1].events++;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

/* All events share their common fields, so any format tells where those are; all lie in the first 8 bytes. */
static struct field common(const struct tep_event *event, const char *name, uint16_t offset, uint16_t size)
{
	struct field f = field_of(event ? tep_find_common_field((struct tep_event *)event, name) : NULL);

	if (!f.size || f.offset + f.size > 8)
		f = (struct field){ offset, size, false };
	return f;
}

int bu_decoder_create(struct tep_handle *tep, struct bu_decoder **ret, struct bu_err *err)
{
	struct bu_decoder *d = calloc(1, sizeof(*d));
	const struct tep_event *any = tep_get_first_event(tep);

	if (d) {
		d->tep = tep;
		d->json = bu_json_writer_create(tep);
	}
	if (!d || !d->json) {
		bu_decoder_destroy(d);
		return bu_fail_errno(err, -ENOMEM, "decoder");
	}
	d->swap = tep_is_file_bigendian(tep) != tep_is_local_bigendian(tep);
	d->type = common(any, "common_type", 0, 2);
	d->flags = common(any, "common_flags", 2, 1);
	d->preempt = common(any, "common_preempt_count", 3, 1);
	d->pid = common(any, "common_pid", 4, 4);
	d->pid.is_signed = true;
	*ret = d;
	return 0;
}

void bu_decoder_destroy(struct bu_decoder *d)
{
	size_t i, k;

	if (!d)
		return;
	for (i = 0; i < N_TYPES / N_PAGE; i++) {
		for (k = 0; d->formats[i] && k < N_PAGE; k++)
			if (d->formats[i][k]) {
				free(d->formats[i][k]->made_up_name);
				free(d->formats[i][k]);
			}
		free(d->formats[i]);
	}
	bu_dict_fini(&d->symbols);
	bu_dict_fini(&d->tasks);
	bu_json_writer_destroy(d->json);
	free(d->kinds);
	free(d);
}

const struct bu_dict *bu_decoder_symbols(const struct bu_decoder *d)
{
	return &d->symbols;
}

const struct bu_dict *bu_decoder_tasks(const struct bu_decoder *d)
{
	return &d->tasks;
}

const struct bu_decoder_kind *bu_decoder_kinds(const struct bu_decoder *d, size_t *ret_n)
{
	*ret_n = d->n_kinds;
	return d->kinds;
}

int64_t bu_decoder_short_records(const struct bu_decoder *d)
{
	return d->short_records;
}
