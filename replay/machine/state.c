// SPDX-License-Identifier: GPL-2.0-only
/*
 * state.c - see state.h. A new kind of record is part of the state by itself, as machine_alloc() notes it; only those that
 * hold more than state are looked at here field by field.
 */
#include "replay/machine/state.h"

#include <errno.h>
#include <string.h>

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"

uint64_t bytes_hash(uint64_t h, const void *at, size_t bytes)
{
	const char *p = at;
	uint64_t v;

	for (; bytes >= sizeof(v); p += sizeof(v), bytes -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = bu_hash_u64(h, v);
	}
	for (v = 0; bytes; bytes--)
		v = v << 8 | (unsigned char)p[bytes - 1];
	return bu_hash_u64(h, v);
}

static uint64_t arrivals_hash(const struct bu_machine *m, uint64_t h, const struct chain *c)
{
	const struct item *i;

	for (i = c->first; i; i = i->next) {
		const struct arrival *a = (const struct arrival *)i;

		h = bu_hash_u64(h, (uint64_t)(a->at_ns - bu_engine_now(m->engine)));
		h = bu_hash_u64(h, (uintptr_t)a->fn);
		h = bu_hash_u64(h, (uintptr_t)a->arg);
	}
	return bu_hash_u64(h, 0);
}

static uint64_t live_hash(uint64_t h, const struct live *l)
{
	uint32_t i;

	h = bu_hash_u64(h, (uint64_t)l->depth << 32 | l->n_held);
	for (i = 0; i < l->depth && i < PATH_MAX_CALLS; i++)
		h = bu_hash_u64(h, (uintptr_t)l->path[i]);
	for (i = 0; i < l->n_held; i++)
		h = bu_hash_u64(h, (uint64_t)l->held[i].obj << 32 | l->held[i].shared);
	return h;
}

uint64_t bu_machine_state(const struct bu_machine *m)
{
	uint64_t h = bu_engine_state(m->engine);
	size_t i;

	h = bu_hash_u64(h, m->n_users);
	for (i = 0; i < m->config.n_cpus; i++) {
		h = bytes_hash(h, &m->cpu[i], offsetof(struct cpu, irqs));
		h = arrivals_hash(m, h, &m->cpu[i].irqs);
		h = arrivals_hash(m, h, &m->cpu[i].nmis);
	}
	for (i = 1; i < m->n_threads; i++) {
		h = bytes_hash(h, m->thread[i], offsetof(struct thread, wait_since_ns));
		if (m->thread[i]->live)
			h = live_hash(h, m->thread[i]->live);
	}
	for (i = 1; i < m->n_objs; i++)
		h = bytes_hash(h, m->obj[i], offsetof(struct obj, stats));
	for (i = 0; i < m->n_records; i++)
		h = bytes_hash(h, m->record[i].at, m->record[i].bytes);
	return bu_hash_mix(h);
}

/* Tables begin with an element that is not used, and do not exist before their first. */
static size_t table_bytes(size_t n, size_t cap, size_t size)
{
	return cap ? n * size : 0;
}

int bu_machine_save(const struct bu_machine *m, struct bu_image *img)
{
	int rc = bu_image_put(img, m, sizeof(*m)) | bu_image_put(img, m->cpu, m->config.n_cpus * sizeof(*m->cpu)) |
		 bu_image_put(img, m->thread, table_bytes(m->n_threads, m->cap_threads, sizeof(struct thread *))) |
		 bu_image_put(img, m->obj, table_bytes(m->n_objs, m->cap_objs, sizeof(struct obj *))) |
		 bu_image_put(img, m->of_task, m->cap_of_task * sizeof(*m->of_task)) | bu_run_mem_save(&m->mem, img);

	return rc ? -ENOMEM : bu_engine_save(m->engine, img);
}

void bu_machine_restore(struct bu_machine *m, const struct bu_image *img, size_t *at)
{
	const struct bu_machine now = *m;
	struct bu_machine then;

	bu_image_get(img, at, &then, sizeof(then));
	bu_image_get(img, at, m->cpu, m->config.n_cpus * sizeof(*m->cpu));
	bu_image_get(img, at, m->thread, table_bytes(then.n_threads, then.cap_threads, sizeof(struct thread *)));
	bu_image_get(img, at, m->obj, table_bytes(then.n_objs, then.cap_objs, sizeof(struct obj *)));
	if (m->cap_of_task)
		memset(m->of_task, 0, m->cap_of_task * sizeof(*m->of_task));
	bu_image_get(img, at, m->of_task, then.cap_of_task * sizeof(*m->of_task));
	/* Tables that have grown since keep their place and room. */
	*m = then;
	m->thread = now.thread;
	m->cap_threads = now.cap_threads;
	m->obj = now.obj;
	m->cap_objs = now.cap_objs;
	m->of_task = now.of_task;
	m->cap_of_task = now.cap_of_task;
	m->record = now.record;
	m->cap_records = now.cap_records;
	m->looked = now.looked;
	m->cap_looked = now.cap_looked;
	m->chain = now.chain;
	m->cap_chains = now.cap_chains;
	look_anew(m);
	m->mem = now.mem;
	bu_run_mem_restore(&m->mem, img, at);
	bu_engine_restore(m->engine, img, at);
}
