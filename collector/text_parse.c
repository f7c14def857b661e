// SPDX-License-Identifier: GPL-2.0-only
/* text_parse.c - see text_parse.h: the part that both kinds of text share. */
#include "collector/text_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

static int add_buffer(struct bu_text_parser *p, struct bu_slice name)
{
	struct bu_text_buffer *b;

	if (bu_grow(&p->buffers, p->n_buffers, &p->cap_buffers, sizeof(*p->buffers)))
		return -ENOMEM;
	b = &p->buffers[p->n_buffers];
	memset(b, 0, sizeof(*b));
	bu_slice_text(name, b->name, sizeof(b->name) - 1);
	p->n_buffers++;
	return 0;
}

int bu_text_parser_init(struct bu_text_parser *p, const struct bu_text_out *out, const struct bu_clock *clock,
			uint64_t origin)
{
	memset(p, 0, sizeof(*p));
	p->out = out;
	p->clock = *clock;
	p->origin = origin;
	return add_buffer(p, (struct bu_slice){ "", 0 });
}

void bu_text_parser_fini(struct bu_text_parser *p)
{
	size_t i;

	bu_text_decoder_fini(&p->decoder);
	for (i = 0; i < p->n_buffers; i++)
		free(p->buffers[i].cpus);
	free(p->buffers);
	free(p->sections);
	free(p->holes);
	memset(p, 0, sizeof(*p));
}

/* ---- buffers and sections ---------------------------------------------------------------------------------------- */

#define MAX_BUFFERS 1024	/* a hostile log could name any number */

int bu_text_section(struct bu_text_parser *p, struct bu_slice name, struct bu_err *err)
{
	char text[sizeof(p->buffers->name)];
	size_t i;

	bu_slice_text(name, text, sizeof(text) - 1);
	for (i = 0; i < p->n_buffers && strcmp(p->buffers[i].name, text);)
		i++;
	if (i == p->n_buffers && i == MAX_BUFFERS)
		i = 0;
	if (i == p->n_buffers && add_buffer(p, name))
		return bu_fail_errno(err, -ENOMEM, "buffers");
	p->buf = (uint32_t)i;
	p->buffers[i].sections++;
	if (p->n_sections && p->sections[p->n_sections - 1].first_id == p->events + 1)
		return 0;	/* the one before stayed empty */
	if (bu_grow(&p->sections, p->n_sections, &p->cap_sections, sizeof(*p->sections)))
		return bu_fail_errno(err, -ENOMEM, "sections");
	p->sections[p->n_sections++] = (struct bu_text_section){ .first_id = p->events + 1 };
	return 0;
}

static struct bu_text_cpu *cpu_of(struct bu_text_parser *p, int32_t cpu)
{
	struct bu_text_buffer *b = &p->buffers[p->buf];

	while (b->n_cpus <= (size_t)cpu) {
		if (bu_grow(&b->cpus, b->n_cpus, &b->cap_cpus, sizeof(*b->cpus)))
			return NULL;
		memset(&b->cpus[b->n_cpus++], 0, sizeof(*b->cpus));
	}
	return &b->cpus[cpu];
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static int hand_out(struct bu_text_parser *p, struct bu_event *ev, int64_t line, struct bu_err *err)
{
	struct bu_text_section *s;
	struct bu_text_cpu *c = cpu_of(p, ev->cpu);
	int rc = 0;

	if (!c)
		return bu_fail_errno(err, -ENOMEM, "CPUs");
	if (!p->n_sections)
		rc = bu_text_section(p, (struct bu_slice){ "", 0 }, err);
	if (rc)
		return rc;
	s = &p->sections[p->n_sections - 1];
	if (ev->id == s->first_id)
		s->first_stamp = s->last_stamp = ev->ts_raw;
	p->steps_back += ev->ts_raw < s->last_stamp;
	if (ev->ts_raw > s->last_stamp)
		s->last_stamp = ev->ts_raw;
	if (!c->events++) {
		c->first_id = ev->id;
		c->first_ns = ev->ts_ns;
	}
	c->last_id = ev->id;
	c->last_ns = ev->ts_ns;
	if (c->hole) {
		p->holes[c->hole - 1].before_id = ev->id;
		p->holes[c->hole - 1].before_ns = ev->ts_ns;
		c->hole = 0;
	}
	return p->out->event(p->out->arg, ev, line, err);
}

int bu_text_flush(struct bu_text_parser *p, struct bu_err *err)
{
	if (!p->has_pending)
		return 0;
	p->has_pending = false;
	return hand_out(p, &p->pending, p->pending_line, err);
}

static int feed_lost(struct bu_text_parser *p, int32_t cpu, int64_t count, struct bu_err *err)
{
	struct bu_text_cpu *c = cpu_of(p, cpu);

	if (!c || bu_grow(&p->holes, p->n_holes, &p->cap_holes, sizeof(*p->holes)))
		return bu_fail_errno(err, -ENOMEM, "holes");
	p->holes[p->n_holes] = (struct bu_loss){
		.buf = p->buf, .cpu = cpu, .kind = "missed", .count = count,
		.after_id = c->events ? c->last_id : BU_NS_UNKNOWN, .after_ns = c->events ? c->last_ns : BU_NS_UNKNOWN,
		.before_id = BU_NS_UNKNOWN, .before_ns = BU_NS_UNKNOWN,
	};
	if (count == BU_NS_UNKNOWN) {
		c->open_holes++;
		c->open_hole = p->n_holes;
	} else if (__builtin_add_overflow(c->marked, count, &c->marked)) {
		c->marked = INT64_MAX;
	}
	c->hole = ++p->n_holes;
	return 0;
}

static int feed_event(struct bu_text_parser *p, const struct bu_text_event *from, int64_t nr, struct bu_err *err)
{
	struct bu_event ev = { .id = p->events + 1 };
	int rc = bu_text_decode(&p->decoder, from, &ev);

	if (rc == -EINVAL)
		return 0;
	if (rc)
		return bu_fail_errno(err, rc, "decode");
	p->events++;
	p->counts.pieces++;
	p->counts.events++;
	p->forms[from->form]++;
	ev.buf = p->buf;
	ev.ts_raw = from->stamp;
	ev.ts_ns = bu_clock_ns(&p->clock, from->stamp, p->origin);
	if (bu_slice_is(from->what, "<stack trace>") || bu_slice_is(from->what, "<user stack trace>")) {
		p->pending = ev;
		p->pending_line = nr;
		p->has_pending = true;
		return 1;
	}
	rc = hand_out(p, &ev, nr, err);
	return rc ? rc : 1;
}

/* " => do_idle" */
static int feed_frame(struct bu_text_parser *p, struct bu_slice line, struct bu_err *err)
{
	p->pending.other.fields = bu_text_decode_more(&p->decoder, bu_slice_trim(line));
	if (!p->pending.other.fields)
		return bu_fail_errno(err, -ENOMEM, "decode");
	p->counts.pieces++;
	p->counts.marks++;
	return 1;
}

int bu_text_feed(struct bu_text_parser *p, struct bu_slice line, int64_t nr, struct bu_err *err)
{
	struct bu_text_event ev;
	int64_t lost;
	int32_t cpu;
	int rc;

	if (p->has_pending && bu_slice_starts(line, " => "))
		return feed_frame(p, line, err);
	if (bu_text_event_parse(line, &p->layout, &ev)) {
		rc = bu_text_flush(p, err);
		return rc ? rc : feed_event(p, &ev, nr, err);
	}
	if (!bu_text_lost_parse(line, &cpu, &lost))
		return 0;
	rc = bu_text_flush(p, err);
	if (!rc)
		rc = feed_lost(p, cpu, lost, err);
	p->counts.pieces++;
	p->counts.marks++;
	return rc ? rc : 1;
}

int bu_text_feed_raw(struct bu_text_parser *p, struct bu_slice line, int64_t nr, struct bu_err *err)
{
	p->counts.pieces++;
	p->counts.unparsed++;
	return p->out->raw(p->out->arg, nr, line, err);
}
