// SPDX-License-Identifier: GPL-2.0-only
/* pgd.c - see pgd.h: the rows of a capture that are about address spaces, in their order. */
#include "replay/schedule/pgd_capture_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/ns.h"

enum { SHIFT_I386 = 22, SHIFT_I386_PAE = 21, SHIFT_X86_64 = 39, SHIFT_5_LEVELS = 48, MAX_CPUS = 8192 };	/* entries; CONFIG_NR_CPUS of x86 */

bool bu_pgd_field(const char *fields, const char *key, int64_t *ret)
{
	const size_t len = strlen(key);
	const char *p = fields;
	char *end;

	while (p && (p = strstr(p, key))) {
		const char *v = p + len;

		p = v;
		if (v == fields + len || !strchr("\" (", v[-(ptrdiff_t)len - 1]))
			continue;
		v += *v == '"';
		if (*v != ':' && *v != '=')
			continue;
		v += 1 + (v[1] == ' ');
		errno = 0;
		/* A pointer is printed without 0x; so are small numbers, of which no key here is one. */
		*ret = *v == '-' ? strtoll(v, &end, 10) : (int64_t)strtoull(v, &end, !strcmp(key, "base_addr") && fields[2] == 't' ? 16 : 0);
		return end != v && !errno;
	}
	return false;
}

static int load_head(struct bu_pgd_loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	struct bu_pgd_schedule *s = l->b.s;
	int64_t cpus = 0;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT source_sha256, coalesce(kernel_release, 'unknown kernel'), coalesce(arch, 'x86_64'), clock_unit,"
			     " (SELECT max(cpu) + 1 FROM cpu) FROM capture", &st, l->b.err);
	if (!rc)
		rc = bu_stmt_step(st, l->b.err);
	if (rc < 0)
		return rc;
	if (!rc || strcmp(bu_stmt_text(st, 3), "ns"))
		return bu_fail(l->b.err, -ENODATA, "%s: the rate of its trace clock is not known, so nothing can be timed; import it with "
			       "--machine, where the dmesg says it", bu_db_path(l->db));
	cpus = bu_stmt_i64(st, 4);
	s->capture_sha256 = bu_arena_strdup(&s->arena, bu_stmt_text(st, 0));
	s->kernel_release = bu_arena_strdup(&s->arena, bu_stmt_text(st, 1));
	s->arch = bu_arena_strdup(&s->arena, bu_stmt_text(st, 2));
	s->capture_name = bu_arena_strdup(&s->arena, bu_db_path(l->db));
	if (!s->capture_sha256 || !s->kernel_release || !s->arch || !s->capture_name)
		return bu_fail_errno(l->b.err, -ENOMEM, "%s", bu_db_path(l->db));
	bu_pgd_build_start(&l->b, cpus < 1 ? 1 : cpus > MAX_CPUS ? MAX_CPUS : (int32_t)cpus);
	return 0;
}

/*
 * What one entry maps on the level that the kernel keeps in step: the page directory, and with PAE and page-table isolation the
 * middle one (ARCH_PAGE_TABLE_SYNC_MASK, arch/x86/include/asm/pgtable-{2,3}level_types.h v6.1). The release is what tells the two.
 * On 64 bits there are 5 levels where the CPU's flags say la57: a kernel that uses 4 takes the flag away
 * (early_identify_cpu(), arch/x86/kernel/cpu/common.c v6.1).
 */
static int native_shift(const struct bu_pgd_schedule *s, bool la57)
{
	if (s->arch[0] != 'i')
		return la57 ? SHIFT_5_LEVELS : SHIFT_X86_64;
	return strstr(s->kernel_release, "-pae") ? SHIFT_I386_PAE : SHIFT_I386;
}

static int choose_slots(struct bu_pgd_loader *l, int slot_shift)
{
	int64_t la57 = 0;

	if (slot_shift && slot_shift != 21 && slot_shift != 22 && slot_shift != 30 && slot_shift != 39 && slot_shift != 48)
		return bu_fail(l->b.err, -EINVAL, "entries of 2^%d bytes: an x86 page table has some of 2^21, 2^22, 2^30, 2^39 and 2^48",
			       slot_shift);
	if (bu_db_i64(l->db, "SELECT count(*) FROM machine_file WHERE name = 'cpuinfo_head' AND content || ' ' GLOB '*flags*: * la57[ \n]*'",
		      &la57, l->b.err) < 0)
		return -EIO;
	l->shift = slot_shift ? slot_shift : native_shift(l->b.s, la57);
	l->derived = slot_shift != 0;
	l->b.s->slot_shift = l->shift;
	l->b.s->synthetic = l->derived;
	return 0;
}

static int load_user_tasks(struct bu_pgd_loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int rc;

	rc = bu_stmt_prepare(l->db, "SELECT DISTINCT t.pid FROM ev_fault e JOIN task t ON t.id = e.task WHERE e.mode = 'user'", &st, l->b.err);
	while (!rc && (rc = bu_stmt_step(st, l->b.err)) > 0)
		rc = bu_dict_id(&l->user_pids, "", bu_stmt_i64(st, 0)) ? 0 : -ENOMEM;
	return rc;
}

#define FUNCTIONS "'pgd_alloc','pgd_free','vmalloc_fault','arch_sync_kernel_mappings','module_alloc','execmem_alloc'"
#define EVENTS "'sched_process_fork','sched_process_exec','sched_process_exit','percpu_create_chunk','alloc_vmap_area','vmap','sync'"

static const char rows_sql[] =
	"SELECT r.ts_ns, r.cpu, r.ctx, t.pid, t.comm, r.name, r.a, r.b, r.text FROM ("
	" SELECT e.id, e.ts_ns, e.cpu, e.ctx, e.task, 'sched_switch' AS name, n.pid AS a, 0 AS b, n.comm AS text"
	"  FROM ev_sched_switch e JOIN task n ON n.id = e.next"
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.ctx, e.task, 'page_fault', address, mode = 'user', coalesce(y.base, printf('0x%x', ip))"
	"  FROM ev_fault e LEFT JOIN symbol y ON y.id = e.ip_symbol"
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.ctx, e.task, f.base, 0, 0, coalesce(c.base, '')"
	"  FROM ev_func e JOIN symbol f ON f.id = e.func LEFT JOIN symbol c ON c.id = e.caller"
	"  WHERE f.base IN (" FUNCTIONS ")"
	" UNION ALL SELECT e.id, e.ts_ns, e.cpu, e.ctx, e.task, k.name, 0, 0, e.fields FROM ev_other e JOIN event_kind k ON k.id = e.kind"
	"  WHERE k.name IN (" EVENTS ")"
	") r JOIN task t ON t.id = r.task ORDER BY r.id";

static int load_rows(struct bu_pgd_loader *l)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t zero = BU_NS_UNKNOWN, last = 0;
	struct bu_pgd_row r;
	int rc;

	rc = bu_stmt_prepare(l->db, rows_sql, &st, l->b.err);
	while (!rc && !l->b.error && (rc = bu_stmt_step(st, l->b.err)) > 0) {
		const int64_t ts = bu_stmt_i64(st, 0), cpu = bu_stmt_i64(st, 1);

		rc = 0;
		if (cpu < 0 || cpu >= l->b.s->cpus)
			continue;
		zero = zero == BU_NS_UNKNOWN ? ts : zero;
		last = bu_ns_since(ts, zero) > last ? bu_ns_since(ts, zero) : last;
		r = (struct bu_pgd_row){ .ns = last, .cpu = (int32_t)cpu,
					 .ctx = (uint32_t)bu_stmt_i64(st, 2), .pid = (int32_t)bu_stmt_i64(st, 3),
					 .comm = bu_stmt_text(st, 4), .name = bu_stmt_text(st, 5), .a = bu_stmt_i64(st, 6),
					 .b = bu_stmt_i64(st, 7), .text = bu_stmt_text(st, 8) };
		if (!bu_pgd_life_row(l, &r))
			bu_pgd_memory_row(l, &r);
	}
	return rc;
}

static int check(struct bu_pgd_loader *l)
{
	int64_t allocated = 0, switches = 0;
	int rc;

	rc = bu_db_i64(l->db, "SELECT count(*) FROM ev_func e JOIN symbol f ON f.id = e.func WHERE f.base = 'pgd_alloc'", &allocated, l->b.err);
	if (rc >= 0)
		rc = bu_db_i64(l->db, "SELECT count(*) FROM ev_sched_switch", &switches, l->b.err);
	if (rc >= 0 && (!allocated || !switches))
		return bu_fail(l->b.err, -ENODATA, "%s does not say what became of address spaces. Trace sched:sched_switch, "
			       "sched:sched_process_{fork,exec,exit}, exceptions:page_fault_{kernel,user} and the functions pgd_alloc and "
			       "pgd_free (bringup plan --profile pgd)", bu_db_path(l->db));
	return rc < 0 ? rc : 0;
}

static int load(struct bu_pgd_loader *l, int slot_shift)
{
	int64_t areas = 0;
	int32_t i;
	int rc;

	rc = check(l);
	if (!rc)
		rc = load_head(l);
	if (!rc)
		rc = choose_slots(l, slot_shift);
	if (!rc)
		rc = load_user_tasks(l);
	if (!rc)
		rc = bu_db_i64(l->db, "SELECT events FROM event_kind WHERE name = 'alloc_vmap_area'", &areas, l->b.err);
	l->tracepoint = areas > 0;
	if (rc < 0)
		return rc;
	l->cpu = calloc((size_t)l->b.s->cpus, sizeof(*l->cpu));
	if (!l->cpu)
		return -ENOMEM;
	for (i = 0; i < l->b.s->cpus; i++)
		l->cpu[i] = (struct bu_pgd_cpu){ .task = BU_PGD_NONE, .active = BU_PGD_NONE, .dropped = BU_PGD_NONE, .open_fault = -1,
						  .range_task = BU_PGD_NONE };
	bu_pgd_life_start(l);
	rc = load_rows(l);
	bu_pgd_memory_end(l);
	return rc;
}

int bu_pgd_schedule_load(struct bu_db *db, int slot_shift, struct bu_pgd_schedule *ret, struct bu_err *err)
{
	struct bu_pgd_schedule s = { 0 };
	struct bu_pgd_loader l = { .db = db, .b = { .s = &s, .err = err } };
	int rc;

	rc = load(&l, slot_shift);
	if (rc && !l.b.error)
		l.b.error = rc;
	rc = bu_pgd_build_end(&l.b);
	free(l.cpu);
	free(l.living);
	free(l.users);
	free(l.task_of);
	free(l.percpu);
	free(l.areas);
	free(l.walked_ns);
	bu_dict_fini(&l.pids);
	bu_dict_fini(&l.user_pids);
	bu_dict_fini(&l.slots);
	if (!rc)
		*ret = s;
	return rc;
}
