// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c - see device.h. The CPU that is being served chooses who is next when it leaves; so there is no task for
 * the device itself.
 */
#include "replay/machine/device.h"

#include "replay/machine/look.h"
#include "replay/machine/machine_int.h"
#include "schemas/base/hash.h"

#define DEVICE_STREAMS 0x8000u	/* of random numbers, by number of the object */

/*
 * a: service_ns, flag: arbitration, sub: home, w[0]: who is served, thread id. Waiters: wq_value: batch; each waits for a word
 * of its own, its turn, so that serving one costs the same however many wait.
 */
struct device {
	uint64_t served;
	int64_t batch;
	uint32_t last_cpu;	/* served last */
	/* Set before the first access. */
	int64_t hop_ns;
	const int64_t *durations;	/* borrowed; NULL: always o->a */
	uint32_t n_durations;
	struct bu_rng *rng;
};

bu_obj bu_mmio_device(struct bu_machine *m, const char *name, int64_t service_ns, enum bu_arbitration arbitration,
		      int home)
{
	bu_obj id;
	struct obj *o;
	struct device *d;

	if (service_ns <= 0 || (unsigned int)arbitration > BU_ARBITER_RANDOM) {
		bu_misuse(m, "device %s with a service time of %lld ns and arbitration %d", name,
			  (long long)service_ns, (int)arbitration);
		return 0;
	}
	o = obj_new(m, BU_OBJ_DEVICE, name, &id);
	if (!o)
		return 0;
	o->a = service_ns;
	o->flag = (uint8_t)arbitration;
	o->sub = (uint32_t)home;
	o->more = machine_alloc(m, sizeof(struct device));
	d = o->more;
	if (!d)
		return 0;
	d->rng = bu_engine_random(m->engine, DEVICE_STREAMS + id);
	obj_word(m, o, "served", 0);
	look_at_record(m, "device", &d->served, &d->hop_ns, o->w, 1);
	return id;
}

void bu_mmio_distance(struct bu_machine *m, bu_obj device, int64_t hop_ns)
{
	struct obj *o = obj_get(m, device, BU_OBJ_DEVICE, "mmio_distance");

	if (o && hop_ns < 0)
		bu_misuse(m, "device %s with %lld ns per CPU of distance", o->name, (long long)hop_ns);
	else if (o)
		((struct device *)o->more)->hop_ns = hop_ns;
}

void bu_mmio_durations(struct bu_machine *m, bu_obj device, const int64_t *ns, uint32_t n)
{
	struct obj *o = obj_get(m, device, BU_OBJ_DEVICE, "mmio_durations");
	struct device *d = o ? o->more : NULL;
	uint32_t i;

	for (i = 0; d && i < n; i++)
		if (ns[i] < 0)
			bu_misuse(m, "device %s with a duration of %lld ns", o->name, (long long)ns[i]);
	if (!d)
		return;
	d->durations = n ? ns : NULL;
	d->n_durations = n;
}

static int64_t distance(const struct obj *o, const struct thread *t)
{
	int64_t d = (int64_t)t->cpu - (int64_t)(int32_t)o->sub;

	return d < 0 ? -d : d;
}

static int64_t service_ns(const struct obj *o, const struct thread *t)
{
	struct device *d = o->more;
	int64_t ns = d->durations ? d->durations[bu_rng_below(d->rng, d->n_durations)] : o->a;

	return ns + d->hop_ns * distance(o, t);
}

static int64_t rank(const struct bu_machine *m, const struct obj *o, const struct thread *t)
{
	const struct device *d = o->more;

	switch (o->flag) {
	case BU_ARBITER_NEAR:
		return distance(o, t);
	case BU_ARBITER_ROUND_ROBIN:
		return (t->cpu + m->config.n_cpus - d->last_cpu - 1) % m->config.n_cpus;
	case BU_ARBITER_BATCH:
		return t->wq_value << 32 | t->cpu;
	default:
		return 0;
	}
}

static struct thread *next_served(struct bu_machine *m, const struct obj *o)
{
	struct thread *best = NULL, *t;
	struct device *d = o->more;
	uint32_t id, n = 0;

	for (id = o->waiters.head; id; id = t->link[LINK_WAIT].next) {
		t = thread_of(m, id);
		n++;
		if (o->flag == BU_ARBITER_RANDOM) {
			if (!bu_rng_below(d->rng, n))	/* each of n with the same chance, in one go */
				best = t;
			continue;
		}
		if (!best || rank(m, o, t) < rank(m, o, best))
			best = t;
		if (o->flag == BU_ARBITER_FIFO)
			break;
	}
	return best;
}

int64_t bu_mmio_access(struct bu_machine *m, bu_obj device)
{
	struct obj *o = obj_get(m, device, BU_OBJ_DEVICE, "mmio_access");
	struct thread *t = cur(m), *next;
	struct device *d;
	int64_t start;

	if (!o || !t) {
		bu_misuse(m, "mmio_access() outside of threads");
		return 0;
	}
	d = o->more;
	op(m);
	start = bu_now(m);
	if (bu_word_load(m->engine, o->w[0])) {
		if (!t->turn)
			t->turn = bu_word_new(m->engine, "turn", 0);
		const struct bu_await_op turn = { .word = t->turn, .guard = BU_GUARD_EQ, .value = 1, .effect = BU_EFFECT_STORE,
						  .operand = 0, .timeout_ns = BU_NO_TIMEOUT, .cpu = -1 };
		/* The interrupted access of the thread below, if this one is in a handler, is over: no nesting. */
		uint8_t outer = t->wait;

		t->wq_value = d->batch + 1;
		wq_add(m, o, device, t, 0, false);
		wait_begin(m, BU_WAITS_OBJECT, device, NULL);
		bu_word_await(m->engine, &turn, NULL);
		wait_end(m, false);
		t->wait = outer;
	} else {
		bu_word_store(m->engine, o->w[0], t->id);
	}
	o->owner = t->id;
	bu_engine_delay(m->engine, service_ns(o, t));
	d->served++;
	d->last_cpu = t->cpu;
	next = next_served(m, o);
	if (next) {
		if (next->wq_value > d->batch)
			d->batch = next->wq_value;
		wq_del(m, next);
	}
	o->owner = next ? next->id : 0;
	bu_word_store(m->engine, o->w[0], next ? next->id : 0);
	if (next)
		bu_word_store(m->engine, next->turn, 1);
	t->ran_ns += bu_now(m) - start;
	cpu_of(m, t)->account.busy_ns += bu_now(m) - start;
	attend(m, t);
	return bu_now(m) - start;
}

uint64_t bu_mmio_accesses(struct bu_machine *m, bu_obj device)
{
	const struct obj *o = obj_get(m, device, BU_OBJ_DEVICE, "mmio_accesses");

	return o ? ((struct device *)o->more)->served : 0;
}
