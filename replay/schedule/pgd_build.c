// SPDX-License-Identifier: GPL-2.0-only
/* pgd_build.c - see pgd_capture_int.h. */
#include "replay/schedule/pgd_capture_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/schedule/pgd_int.h"

void bu_pgd_build_start(struct bu_pgd_builder *b, int32_t cpus)
{
	struct bu_pgd_schedule *s = b->s;
	int32_t i;

	s->cpus = cpus;
	s->loaded = bu_arena_alloc(&s->arena, (size_t)cpus * sizeof(*s->loaded));
	s->running = bu_arena_alloc(&s->arena, (size_t)cpus * sizeof(*s->running));
	if (!s->loaded || !s->running) {
		b->error = -ENOMEM;
		return;
	}
	for (i = 0; i < cpus; i++)
		s->loaded[i] = s->running[i] = BU_PGD_NONE;
}

size_t bu_pgd_build_event(struct bu_pgd_builder *b, const struct bu_pgd_event *ev)
{
	if (!b->error && bu_grow(&b->s->events, b->s->n_events, &b->cap_events, sizeof(*ev)))
		b->error = -ENOMEM;
	if (b->error)
		return 0;
	b->s->events[b->s->n_events] = *ev;
	return b->s->n_events++;
}

/* Room for one more in @array and a copy of @name; NULL on an error. */
static const char *room(struct bu_pgd_builder *b, void *array, int32_t n, size_t *cap, size_t size, const char *name)
{
	const char *copy = b->error ? NULL : bu_arena_strdup(&b->s->arena, name);

	if (!b->error && (!copy || n == INT32_MAX || bu_grow(array, (size_t)n, cap, size)))
		b->error = -ENOMEM;
	return b->error ? NULL : copy;
}

int32_t bu_pgd_build_mm(struct bu_pgd_builder *b, const char *comm, int32_t pid, bool at_start)
{
	struct bu_pgd_schedule *s = b->s;
	const char *name = room(b, &s->mms, s->n_mms, &b->cap_mms, sizeof(*s->mms), comm);

	if (!name)
		return 0;
	s->mms[s->n_mms] = (struct bu_pgd_mm){ name, pid, BU_PGD_NONE, at_start };
	return s->n_mms++;
}

int32_t bu_pgd_build_task(struct bu_pgd_builder *b, const char *comm, int32_t pid, int32_t mm)
{
	struct bu_pgd_schedule *s = b->s;
	const char *name = room(b, &s->tasks, s->n_tasks, &b->cap_tasks, sizeof(*s->tasks), comm);

	if (!name)
		return 0;
	s->tasks[s->n_tasks] = (struct bu_pgd_task){ name, pid, mm, BU_PGD_NONE };
	return s->n_tasks++;
}

int32_t bu_pgd_build_slot(struct bu_pgd_builder *b, const char *name, int64_t address)
{
	struct bu_pgd_schedule *s = b->s;
	const char *copy = room(b, &s->slots, s->n_slots, &b->cap_slots, sizeof(*s->slots), name);

	if (!copy)
		return 0;
	s->slots[s->n_slots] = (struct bu_pgd_slot){ .address = address, .name = copy };
	return s->n_slots++;
}

static int count_failed(struct bu_pgd_schedule *s)
{
	_cleanup_free_ bool *activated = calloc((size_t)s->n_mms + 1, sizeof(*activated));
	size_t i;

	if (!activated)
		return -ENOMEM;
	for (i = 0; i < s->n_events; i++)
		if (s->events[i].what == BU_PGD_ACTIVATE)
			activated[s->events[i].mm] = true;
	for (i = 0; i < s->n_events; i++)
		s->counts.exec_failed += s->events[i].what == BU_PGD_EXEC && !activated[s->events[i].mm];
	return 0;
}

/* The array moves into the arena; the heap's is freed whatever comes. */
static void *keep(struct bu_pgd_builder *b, void *array, size_t n, size_t size)
{
	void *p = b->error ? NULL : bu_arena_alloc(&b->s->arena, n * size + 1);

	if (p && n)
		memcpy(p, array, n * size);
	if (!p && !b->error)
		b->error = -ENOMEM;
	free(array);
	return p;
}

int bu_pgd_build_end(struct bu_pgd_builder *b)
{
	struct bu_pgd_schedule *s = b->s;
	size_t i, n = 0;

	for (i = 0; !b->error && i < s->n_events; i++)
		if (s->events[i].what != BU_PGD_WHAT_NR)
			s->events[n++] = s->events[i];
	s->n_events = n;
	if (!b->error)
		b->error = count_failed(s);
	if (!b->error)
		pgd_count(s);
	s->events = keep(b, s->events, n, sizeof(*s->events));
	s->mms = keep(b, s->mms, (size_t)s->n_mms, sizeof(*s->mms));
	s->tasks = keep(b, s->tasks, (size_t)s->n_tasks, sizeof(*s->tasks));
	s->slots = keep(b, s->slots, (size_t)s->n_slots, sizeof(*s->slots));
	if (b->error == -ENOMEM)
		bu_fail_errno(b->err, -ENOMEM, "schedule of %zu events", n);
	if (b->error)
		bu_pgd_schedule_fini(s);
	return b->error;
}
