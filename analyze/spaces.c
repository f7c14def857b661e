// SPDX-License-Identifier: GPL-2.0-only
/* spaces.c - see spaces.h. */
#include "analyze/spaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "schemas/base/mem.h"
#include "schemas/store/db.h"

#define FUNCTION(name) "(SELECT count(*) FROM ev_func e JOIN symbol f ON f.id = e.func WHERE f.base = '" name "')"
#define EVENT(name) "(SELECT coalesce(sum(events), 0) FROM event_kind WHERE name = '" name "')"

/* CONFIG_VMSPLIT_3G, the default of 32-bit x86: the kernel's half begins at 3 GiB. Columns are in the order of struct bu_spaces. */
static const char counts_sql[] =
	"WITH kernel AS (SELECT mode, address < 0 OR ((SELECT arch FROM capture) LIKE 'i_86' AND address >= 0xc0000000) AS half FROM ev_fault)"
	" SELECT (SELECT complete FROM capture), coalesce((SELECT arch FROM capture) LIKE 'i_86', 0),"
	" " FUNCTION("pgd_alloc") ", " FUNCTION("pgd_free") ","
	" " EVENT("sched_process_fork") ", " EVENT("sched_process_exec") ", " EVENT("sched_process_exit") ", " EVENT("sched_switch") ","
	" (SELECT count(*) FROM kernel WHERE mode = 'user'),"
	" (SELECT count(*) FROM kernel WHERE mode = 'kernel' AND NOT half),"
	" (SELECT count(*) FROM kernel WHERE mode = 'kernel' AND half),"
	" " FUNCTION("vmalloc_fault") ","
	/* The probe of the lab and the tracepoint of later kernels see the same areas. */
	" max(" EVENT("alloc_vmap_area") ", " EVENT("vmap") "), " EVENT("percpu_create_chunk") ", " FUNCTION("arch_sync_kernel_mappings");

int bu_spaces_load(const char *path, struct bu_spaces *ret, struct bu_err *err)
{
	_cleanup_(bu_db_closep) struct bu_db *db = NULL;
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const struct bu_db_format *format = bu_db_format_of(path, err);
	int64_t *const counts[] = { &ret->made, &ret->ended, &ret->forks, &ret->execs, &ret->exits, &ret->switches, &ret->faults_user,
				    &ret->faults_kernel_user, &ret->faults_kernel, &ret->lazy, &ret->areas, &ret->percpu_chunks,
				    &ret->walks };
	size_t i;
	int rc;

	if (!format)
		return err && err->code ? err->code : -EPROTO;
	if (format != &bu_capture_format)
		return 0;
	rc = bu_db_open(path, format, &db, err);
	if (!rc)
		rc = bu_stmt_prepare(db, counts_sql, &st, err);
	if (!rc)
		rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	ret->complete = bu_stmt_i64(st, 0);
	ret->native = bu_stmt_i64(st, 1);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		*counts[i] = bu_stmt_i64(st, (int)i + 2);
	return ret->made > 0;
}

void bu_spaces_text(FILE *to, const struct bu_spaces *s)
{
	fprintf(to, "\nAddress spaces\n");
	fprintf(to, "  page tables   %" PRId64 " made, %" PRId64 " freed; %" PRId64 " tasks forked, %" PRId64 " programs executed, %" PRId64
		" tasks ended\n", s->made, s->ended, s->forks, s->execs, s->exits);
	fprintf(to, "  switches      %" PRId64 "\n", s->switches);
	fprintf(to, "  page faults   %" PRId64 " in user mode; in kernel mode %" PRId64 " of user addresses, %" PRId64 " of kernel addresses;"
		" vmalloc_fault %" PRId64 "\n", s->faults_user, s->faults_kernel_user, s->faults_kernel, s->lazy);
	fprintf(to, "  kernel memory %" PRId64 " areas mapped, %" PRId64 " percpu chunks; %" PRId64 " walks of all page tables\n", s->areas,
		s->percpu_chunks, s->walks);
	if (s->native)
		fprintf(to, "  (A walk, arch_sync_kernel_mappings(), gives a new top-level entry to all page tables; vmalloc_fault() mends an\n"
			    "  access that came before it.)\n");
	else
		fprintf(to, "  (All top-level entries are there from the start, arch/x86/mm/init_64.c of 5.9 and later. A replay has new ones\n"
			    "  only at a chosen size, --slot-shift, and calls them synthetic.)\n");
}

json_t *bu_spaces_json(const struct bu_spaces *s)
{
	if (!s)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:b}", "made", (json_int_t)s->made, "freed",
			 (json_int_t)s->ended, "forks", (json_int_t)s->forks, "execs", (json_int_t)s->execs, "exits",
			 (json_int_t)s->exits, "switches", (json_int_t)s->switches, "faults", "user", (json_int_t)s->faults_user,
			 "kernel_user", (json_int_t)s->faults_kernel_user, "kernel", (json_int_t)s->faults_kernel, "vmalloc_fault",
			 (json_int_t)s->lazy, "areas", (json_int_t)s->areas, "percpu_chunks", (json_int_t)s->percpu_chunks, "walks",
			 (json_int_t)s->walks, "entries_synthetic", !s->native);
}
