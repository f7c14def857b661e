// SPDX-License-Identifier: GPL-2.0-only
/*
 * physical.c - overcommit: which CPUs of the machine have one of the host's, see n_physical in machine.h.
 *
 * To the host a CPU of the machine is a thread that runs, sleeps when its idle loop halts, and is woken by what
 * arrives there. A CPU without a physical one does nothing: no interrupt, no NMI, no polling; what arrives stays
 * pending. The host serves its threads by virtual runtime as kernel/sched/fair.c of v6.1 does:
 *  - the least virtual runtime goes first (pick_next_entity()), for a slice that shrinks with the number of those that
 *    share (sched_slice(), check_preempt_tick());
 *  - who slept is placed half a sched_latency before the others at best (place_entity(), GENTLE_FAIR_SLEEPERS), and takes
 *    the CPU at once from one that is ahead by more than the wakeup granularity (wakeup_preempt_entity()). So a CPU that
 *    was halted is served when it wakes, while those that spin share the rest.
 * Or, with a quantum, it is the round robin of a hypervisor that knows nothing of its guests: first come first served.
 *
 * Other load of the host (host_load_permille) is a thread on each physical CPU that always wants to run. Its weight is
 * that of a cgroup beside the guest's: its part of the time stays the same, however many CPUs of the guest want theirs.
 *
 * With emulator_ns the machine is emulated, by QEMU's TCG for one: each round of a loop that polls (PAUSE), each access to a
 * device and each halt takes the emulator's one lock (bql_lock(), accel/tcg/tcg-accel-ops-mttcg.c of QEMU 10.0). Of the CPUs
 * that poll at most as many run as the host has, the others sleep until the lock is theirs; and whoever comes to need it in
 * earnest (stops polling, is woken up from a halt, bu_emulator_turn()) comes behind all that sleep: emulator_ns for each. One
 * that works does with each timer interrupt, before which the emulator's timers had to wait for the same lock
 * (qemu_clock_run_all_timers() in its main loop).
 *
 * Deviations: one queue for all physical CPUs, as on a host whose load balancer never errs; preempting costs the host no
 * time; a slice is fixed when it begins or when the first one comes to wait for it, not seen anew with every tick.
 *
 * Always true: threads 0 to n_cpus - 1 are the CPUs, those behind them the other load. One that is RUNNING is in
 * running[], one that is QUEUED in the heap, one that is ASLEEP in asleep[], all at `at`. If any CPU is QUEUED, all physical
 * CPUs are taken.
 */
#include "replay/machine/machine_int.h"

#include <string.h>

#include "schemas/base/err.h"
#include "schemas/base/ns.h"

/* kernel/sched/fair.c v6.1: for one CPU; get_update_sysctl_factor() multiplies by 1 + log2 of at most 8. */
#define LATENCY_NS (6 * BU_NS_PER_MS)
#define MIN_GRANULARITY_NS (750 * BU_NS_PER_US)
#define WAKEUP_GRANULARITY_NS (1 * BU_NS_PER_MS)
#define FACTOR_CPUS 8u

#define LONG_AGO (INT64_MIN / 4)

enum phys_state { PHYS_HALTED, PHYS_RUNNING, PHYS_QUEUED, PHYS_ASLEEP };	/* asleep: polls, and waits for the emulator's lock */

struct phys_thread {
	int64_t vruntime;
	uint64_t seq;		/* of queueing: orders those of equal vruntime */
	int64_t since_ns;	/* RUNNING: begin of the slice. QUEUED: since when */
	int64_t charged_ns;	/* RUNNING: up to when vruntime counts */
	uint32_t at;
	uint8_t state;		/* enum phys_state */
	int64_t tick_ns;	/* with emulator_ns: when its next timer interrupt comes */
	bool polls;		/* with emulator_ns: in a loop that looks for something */
	bool resched;		/* RUNNING: is to go, somebody who woke up takes its place */
};

struct phys {
	struct phys_thread *thread;
	uint32_t *heap, *running, *asleep;
	bu_task_id *load_task;	/* by thread, from n_cpus on */
	struct phys_load *load;
	uint32_t n_queued, n_running;
	uint32_t n_guests;	/* CPUs of the machine that are RUNNING or QUEUED */
	uint32_t guests_queued;
	uint32_t n_polling, n_asleep;	/* CPUs of the machine */
	uint64_t seq;
	int64_t min_vruntime;
	int64_t latency_ns, min_granularity_ns, wakeup_granularity_ns;
};

struct phys_load {
	struct bu_machine *m;
	uint32_t id;
};

static bool is_load(const struct bu_machine *m, uint32_t id)
{
	return id >= m->config.n_cpus;
}

/* ---------------------------------------------------------------------------------------------- virtual runtime */

/*
 * How fast the virtual runtime of a thread goes, as num / den: that of CPUs as the time that they run. That of other load
 * so fast that, if the virtual runtime of all grows alike, it runs for its part of the time: each of R CPUs runs for
 * (1 - l) M / max(R, M), what is left is for M threads of load.
 */
static void rate(const struct bu_machine *m, uint32_t id, int64_t *num, int64_t *den)
{
	int64_t guests = m->phys->n_guests, cpus = m->config.n_physical, l = m->config.host_load_permille;

	*num = *den = 1;
	if (!is_load(m, id))
		return;
	*num = (1000 - l) * cpus;
	*den = guests >= cpus ? guests * l : 1000 * cpus - guests * (1000 - l);
}

static void charge(struct bu_machine *m, uint32_t id)
{
	struct phys_thread *t = &m->phys->thread[id];
	int64_t num, den, ran = bu_now(m) - t->charged_ns;

	rate(m, id, &num, &den);
	t->vruntime += ran / den * num + ran % den * num / den;
	t->charged_ns += ran;
}

static void charge_running(struct bu_machine *m)
{
	struct phys *p = m->phys;
	uint32_t i;

	if (m->config.quantum_ns)
		return;		/* the vruntime of all is 0 */
	for (i = 0; i < p->n_running; i++)
		charge(m, p->running[i]);
}

/* sched_slice(): this thread's part of a period in which everybody who shares its physical CPU runs once. */
static int64_t slice(const struct bu_machine *m, uint32_t id)
{
	const struct phys *p = m->phys;
	int64_t cpus = m->config.n_physical, load = m->config.host_load_permille;
	int64_t guests = p->n_guests > cpus ? p->n_guests : cpus, nr = (guests + cpus - 1) / cpus + !!load, period, part;

	period = nr * p->min_granularity_ns > p->latency_ns ? nr * p->min_granularity_ns : p->latency_ns;
	part = is_load(m, id) ? period / 1000 * load : period / 1000 * (1000 - load) * cpus / guests;
	return part > p->min_granularity_ns ? part : p->min_granularity_ns;
}

/* ---------------------------------------------------------------------------------------------------- the queue */

static bool before(const struct phys *p, uint32_t a, uint32_t b)
{
	const struct phys_thread *x = &p->thread[a], *y = &p->thread[b];

	return x->vruntime != y->vruntime ? x->vruntime < y->vruntime : x->seq < y->seq;
}

static void heap_set(struct phys *p, uint32_t at, uint32_t id)
{
	p->heap[at] = id;
	p->thread[id].at = at;
}

static void heap_push(struct phys *p, uint32_t id)
{
	uint32_t at = p->n_queued++;

	for (; at && before(p, id, p->heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap_set(p, at, p->heap[(at - 1) / 2]);
	heap_set(p, at, id);
}

static uint32_t heap_pop(struct phys *p)
{
	uint32_t first = p->heap[0], last = p->heap[--p->n_queued], at = 0, child;

	while ((child = 2 * at + 1) < p->n_queued) {
		if (child + 1 < p->n_queued && before(p, p->heap[child + 1], p->heap[child]))
			child++;
		if (!before(p, p->heap[child], last))
			break;
		heap_set(p, at, p->heap[child]);
		at = child;
	}
	if (p->n_queued)
		heap_set(p, at, last);
	return first;
}

/* ------------------------------------------------------------------------------------------- who runs, how long */

/* The instant at which a thread that runs has to look whether it may go on. */
static int64_t end_of_slice(const struct bu_machine *m, uint32_t id)
{
	const struct phys *p = m->phys;
	const struct phys_thread *t = &p->thread[id];
	int64_t end, passed, num, den, tick = m->config.host_tick_ns;

	if (t->resched)
		return bu_engine_now(m->engine);
	if (!p->guests_queued && (is_load(m, id) || !p->n_queued))
		return FOREVER;	/* load takes turns with the machine's CPUs, not with other load */
	if (m->config.quantum_ns)
		return t->since_ns + m->config.quantum_ns;
	/* check_preempt_tick(): after its slice, or sooner when it is ahead of the first by more than that. */
	end = t->since_ns + slice(m, id);
	rate(m, id, &num, &den);
	passed = (p->thread[p->heap[0]].vruntime + slice(m, id) - t->vruntime) / num * den;
	if (t->charged_ns + passed < end)
		end = t->charged_ns + passed;
	if (end < t->since_ns + p->min_granularity_ns)
		end = t->since_ns + p->min_granularity_ns;
	return tick ? (end + tick - 1) / tick * tick : end;
}

/* When a CPU that works is interrupted by its timer, if it lets itself be; one that wakes up has had that tick stopped. */
static int64_t tick_of(const struct bu_machine *m, const struct cpu *c)
{
	const struct phys_thread *t = &m->phys->thread[c->id];

	return m->config.emulator_tick_ns && !t->polls && !c->irqs_off && m->phys->n_asleep ? t->tick_ns : FOREVER;
}

int64_t phys_bound(const struct bu_machine *m, const struct cpu *c)
{
	int64_t slice, tick;

	if (!m->phys || m->phys->thread[c->id].state != PHYS_RUNNING)
		return FOREVER;
	slice = end_of_slice(m, c->id);
	tick = tick_of(m, c);
	return tick < slice ? tick : slice;
}

bool phys_waits(const struct bu_machine *m, const struct cpu *c)
{
	return m->phys && m->phys->thread[c->id].state == PHYS_QUEUED;
}

/* A thread that runs has an end to its slice, or an earlier one. */
static void rebound(struct bu_machine *m, uint32_t id)
{
	int64_t end;

	if (!is_load(m, id)) {
		cpu_rebound(m, &m->cpu[id]);
		return;
	}
	end = end_of_slice(m, id);
	if (end != FOREVER)
		bu_task_cut_at(m->engine, m->phys->load_task[id - m->config.n_cpus],
			       end > bu_now(m) ? end : bu_now(m));
}

static void run(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;
	struct phys_thread *t = &p->thread[id];

	t->state = PHYS_RUNNING;
	t->since_ns = t->charged_ns = bu_now(m);
	t->resched = false;
	t->at = p->n_running;
	p->running[p->n_running++] = id;
}

/* No longer running. */
static void stop(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;
	struct phys_thread *t = &p->thread[id];

	if (!m->config.quantum_ns)
		charge(m, id);
	p->running[t->at] = p->running[--p->n_running];
	p->thread[p->running[t->at]].at = t->at;
}

static void enqueue_thread(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;
	bool first = !p->guests_queued && !is_load(m, id);
	uint32_t i;

	p->thread[id].state = PHYS_QUEUED;
	p->thread[id].since_ns = bu_now(m);
	p->thread[id].seq = p->seq++;
	p->guests_queued += !is_load(m, id);
	heap_push(p, id);
	for (i = 0; first && i < p->n_running; i++)
		rebound(m, p->running[i]);
}

/* A physical CPU has become free. */
static void grant(struct bu_machine *m)
{
	struct phys *p = m->phys;
	uint32_t id;
	int64_t waited;

	if (!p->n_queued)
		return;
	id = heap_pop(p);
	waited = bu_now(m) - p->thread[id].since_ns;
	run(m, id);
	if (is_load(m, id)) {
		bu_task_cut_at(m->engine, p->load_task[id - m->config.n_cpus], bu_now(m));
		return;
	}
	p->guests_queued--;
	m->cpu[id].account.steal_ns += waited;
	bu_task_cut_at(m->engine, thread_of(m, m->cpu[id].curr)->task, bu_now(m));
}

/* place_entity(): @id has slept. */
static void place(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;
	int64_t min = INT64_MAX, at;
	uint32_t i;

	charge_running(m);
	for (i = 0; i < p->n_running; i++)
		if (p->thread[p->running[i]].vruntime < min)
			min = p->thread[p->running[i]].vruntime;
	if (p->n_queued && p->thread[p->heap[0]].vruntime < min)
		min = p->thread[p->heap[0]].vruntime;
	if (min != INT64_MAX && min > p->min_vruntime)
		p->min_vruntime = min;
	at = p->min_vruntime - p->latency_ns / 2;
	if (p->thread[id].vruntime < at)
		p->thread[id].vruntime = at;
}

/* check_preempt_wakeup(): @id takes the place of the one that is furthest ahead, if that is far enough. */
static void preempt(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;
	struct phys_thread *victim = NULL;
	uint32_t i;

	for (i = 0; i < p->n_running; i++) {
		struct phys_thread *t = &p->thread[p->running[i]];

		if (!t->resched && (!victim || t->vruntime > victim->vruntime))
			victim = t;
	}
	if (!victim || victim->vruntime - p->thread[id].vruntime <= p->wakeup_granularity_ns)
		return;
	victim->resched = true;
	rebound(m, p->running[victim->at]);
}

static void awake(struct phys *p, uint32_t id)
{
	struct phys_thread *t = &p->thread[id];

	t->state = PHYS_HALTED;
	p->asleep[t->at] = p->asleep[--p->n_asleep];
	p->thread[p->asleep[t->at]].at = t->at;
}

/* The emulator's lock goes round those first that sleep for it. */
static void take_turn(struct bu_machine *m, uint32_t id)
{
	const int64_t ns = m->config.emulator_ns * m->phys->n_asleep;

	if (!ns)
		return;
	m->cpu[id].account.steal_ns += ns;
	bu_engine_delay(m->engine, ns);
}

/* Up to the next timer interrupt. It comes by way of the emulator's main loop, which waits for the lock like others. */
static void set_tick(struct bu_machine *m, uint32_t id)
{
	m->phys->thread[id].tick_ns = bu_now(m) + m->config.emulator_tick_ns + m->config.emulator_ns * m->phys->n_asleep;
}

/* A thread that slept wants to run. */
static void wake(struct bu_machine *m, uint32_t id)
{
	struct phys *p = m->phys;

	if (!m->config.quantum_ns)
		place(m, id);
	set_tick(m, id);
	p->n_guests++;
	if (p->n_running < m->config.n_physical) {
		run(m, id);
		return;
	}
	enqueue_thread(m, id);
	if (!m->config.quantum_ns)
		preempt(m, id);
}

void phys_run(struct bu_machine *m, const struct cpu *c)
{
	struct phys *p = m->phys;

	if (!p)
		return;
	switch (p->thread[c->id].state) {
	case PHYS_RUNNING:
		if (bu_now(m) >= tick_of(m, c)) {
			phys_halt(m, c);
			take_turn(m, c->id);
			wake(m, c->id);
			break;
		}
		if (bu_now(m) < end_of_slice(m, c->id))
			return;
		stop(m, c->id);
		enqueue_thread(m, c->id);
		grant(m);
		break;
	case PHYS_ASLEEP:
		awake(p, c->id);
		take_turn(m, c->id);
		wake(m, c->id);
		break;
	case PHYS_HALTED:
		take_turn(m, c->id);
		wake(m, c->id);
		break;
	default:
		break;
	}
	while (p->thread[c->id].state == PHYS_QUEUED)
		never(m);
}

void phys_halt(struct bu_machine *m, const struct cpu *c)
{
	struct phys *p = m->phys;

	if (!p || p->thread[c->id].state != PHYS_RUNNING)
		return;
	charge_running(m);	/* at the rate that holds until now */
	stop(m, c->id);
	p->thread[c->id].state = PHYS_HALTED;
	p->n_guests--;
	grant(m);
}

/* ------------------------------------------------------------------------------------------------- the emulator */

void bu_emulator_turn(struct bu_machine *m)
{
	struct thread *t = cur(m);

	if (!t || !m->phys || !m->phys->n_asleep)
		return;
	phys_halt(m, cpu_of(m, t));
	attend(m, t);
}

void phys_poll(struct bu_machine *m, const struct cpu *c)
{
	struct phys *p = m->phys;
	struct phys_thread *t;

	if (!p || !m->config.emulator_ns)
		return;
	t = &p->thread[c->id];
	p->n_polling += !t->polls;
	t->polls = true;
	if (t->state != PHYS_RUNNING || p->n_polling - p->n_asleep <= m->config.n_physical)
		return;
	phys_halt(m, c);
	t->state = PHYS_ASLEEP;
	t->at = p->n_asleep;
	p->asleep[p->n_asleep++] = c->id;
}

bool phys_asleep(const struct bu_machine *m, const struct cpu *c)
{
	return m->phys && m->phys->thread[c->id].state == PHYS_ASLEEP;
}

void phys_poll_end(struct bu_machine *m, const struct cpu *c)
{
	struct phys *p = m->phys;
	uint32_t next;

	if (!p || !p->thread[c->id].polls)
		return;
	p->thread[c->id].polls = false;
	p->n_polling--;
	if (!p->n_asleep || p->n_polling - p->n_asleep >= m->config.n_physical)
		return;
	/* One that sleeps goes on polling in its place, on the host's CPU. */
	next = p->asleep[0];
	awake(p, next);
	wake(m, next);
	cpu_rebound(m, &m->cpu[next]);
}

/* --------------------------------------------------------------------------------------------------- other load */

static void load_main(struct bu_engine *e, void *arg)
{
	const struct phys_load *l = arg;
	struct bu_machine *m = l->m;
	const struct phys_thread *t = &m->phys->thread[l->id];
	int64_t end;

	for (;;) {
		end = t->state == PHYS_RUNNING ? end_of_slice(m, l->id) : FOREVER;
		if (end == FOREVER) {
			never(m);
		} else if (end > bu_now(m)) {
			bu_engine_delay(e, end - bu_now(m));
		} else {
			stop(m, l->id);
			enqueue_thread(m, l->id);
			grant(m);
		}
	}
}

static bool load_start(struct bu_machine *m, uint32_t i)
{
	struct phys_load *l = &m->phys->load[i];

	*l = (struct phys_load){ m, m->config.n_cpus + i };
	m->phys->thread[l->id].vruntime = 0;
	run(m, l->id);
	m->phys->load_task[i] = bu_task_spawn(m->engine, "host load", -1, load_main, l);
	return m->phys->load_task[i] != 0;
}

bool phys_reset(struct bu_machine *m)
{
	const struct bu_machine_config *c = &m->config;
	uint32_t loads = c->host_load_permille ? c->n_physical : 0, n = c->n_cpus + loads, factor = 1, i;
	struct phys *p;

	m->phys = NULL;
	if (!c->n_physical)
		return true;
	p = machine_alloc(m, sizeof(*p));
	if (!p)
		return false;
	p->thread = machine_alloc(m, n * sizeof(*p->thread));
	p->heap = machine_alloc(m, n * sizeof(*p->heap));
	p->running = machine_alloc(m, c->n_physical * sizeof(*p->running));
	p->asleep = machine_alloc(m, c->n_cpus * sizeof(*p->asleep));
	p->load_task = machine_alloc(m, loads * sizeof(*p->load_task));
	p->load = machine_alloc(m, loads * sizeof(*p->load));
	if (!p->thread || !p->heap || !p->running || !p->asleep || !p->load_task || !p->load)
		return false;
	for (i = c->n_physical < FACTOR_CPUS ? c->n_physical : FACTOR_CPUS; i > 1; i /= 2)
		factor++;
	p->latency_ns = c->host_sched_latency_ns ?: factor * LATENCY_NS;
	p->min_granularity_ns = c->host_min_granularity_ns ?: factor * MIN_GRANULARITY_NS;
	p->wakeup_granularity_ns = c->host_wakeup_granularity_ns ?: factor * WAKEUP_GRANULARITY_NS;
	for (i = 0; i < c->n_cpus && !c->quantum_ns; i++)
		p->thread[i].vruntime = LONG_AGO;
	m->phys = p;
	for (i = 0; i < loads; i++)
		if (!load_start(m, i))
			return false;
	return true;
}
