// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture_fuzz.c - from the events of a capture to the schedules of clocksource, text patching and page tables (schedule/), and from what
 * it says of its machine to a description (describe.c).
 *
 * An input is one byte that says which, then rows until it ends: a byte for the kind of row, one for the time since the row
 * before (255: a remarkable time follows), one for the CPU (likewise), then what the kind has. What comes of it need not make
 * sense; it has to end, with an error or a schedule within its own limits. Rows are written in a transaction that is taken back.
 */
#include "replay/describe.h"
#include "replay/schedule/clocksource.h"
#include "replay/schedule/pgd.h"
#include "replay/schedule/text.h"
#include "schemas/base/ns.h"
#include "schemas/store/tests/boot.h"
#include "schemas/store/tests/kept.h"

static struct bu_db *db;

static const char *const symbols[] = {
	"stop_machine_cpuslocked", "change_clocksource", "tick_clock_notify", "multi_cpu_stop", "timekeeping_update",
	"timekeeping_advance", "ktime_get", "read_hpet", "acpi_pm_read", "update_wall_time", "smp_init", "calibrate_delay",
	"alternative_instructions", "restart_nmi", "text_poke_early", "apply_returns", "apply_alternatives", "text_poke_bp_batch",
	"__text_poke", "do_sync_core", "timer_interrupt", "raise_softirq", "pgd_alloc", "pgd_free", "vmalloc_fault",
	"arch_sync_kernel_mappings", "module_alloc", "copy_process",
};

static const char *const kinds[] = {
	"local_timer_entry", "tick_stop", "sched_process_fork", "sched_process_exec", "sched_process_exit", "percpu_create_chunk",
	"alloc_vmap_area", "vmap", "sync",
};

static const char *const fields[] = {
	"{}", "{\"child_pid\":11}", "{\"child_comm\":\"b\",\"child_pid\":12}", "{\"pid\":11,\"old_pid\":11}",
	"{\"addr\":18446683600570023936,\"size\":20480}", "{\"va_start\":-60473139527680,\"size\":4096}", "{\"va\":1,\"end\":9223372036854775807}",
	"{\"base_addr\":18446683600570023936}", "{\"start\":18446683600570023936,\"end\":18446683600570028032}", "va=0xffffc90000000000 end=",
	"text: base_addr=ffffc90000000000", "child_pid=99999999999999999999",
};

static const char *const tasks[] = { "swapper/0", "a", "b", "migration/0", "c", "kworker/1:0" };

static const char *const files[] = { "cpuinfo_head", "text_sites", "dmesg", "capture.cmdline", "capture.arch", "capture.kernel_release" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bu_err err = BU_ERR_INIT;
	char folder[64], path[80];
	size_t i;

	(void)argc;
	(void)argv;
	fuzz_folder(folder);
	snprintf(path, sizeof(path), "%s/x.db", folder);
	FUZZ_CHECK(!bu_db_append(path, &bu_capture_format, &db, &err));
	FUZZ_CHECK(!bu_db_commit(db, &err));
	FUZZ_CHECK(!bu_db_exec(db, "PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; PRAGMA foreign_keys = OFF;"
			       "INSERT INTO capture VALUES (1, 'trace.dat v7', 'x', '', 0, '', '6.12.0-686-pae', '', 'x86_64', '', 'x86-tsc',"
			       " 'ns', NULL, NULL, 0, 0, 0, 0, 1); INSERT INTO buffer VALUES (0, '')", &err));
	for (i = 0; i < ARRAY_SIZE(symbols); i++)
		FUZZ_CHECK(!bu_db_row(db, &err, "INSERT INTO symbol (id, name, base) VALUES (?,?,?)", "itt", (int64_t)i + 1, symbols[i], symbols[i]));
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		FUZZ_CHECK(!bu_db_row(db, &err, "INSERT INTO task (id, pid, comm) VALUES (?,?,?)", "iit", (int64_t)i + 1,
				      (int64_t)(i ? i + 9 : 0), tasks[i]));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		FUZZ_CHECK(!bu_db_row(db, &err, "INSERT INTO event_kind VALUES (?, '', ?, 'ev_other', 0)", "it", (int64_t)i + 1, kinds[i]));
	unlink(path);
	rmdir(folder);
	return 0;
}

static const char *pick(struct fuzz_in *in, const char *const *list, size_t n)
{
	return list[fuzz_num(in, 1) % n];
}

static int64_t small_or_any(struct fuzz_in *in)
{
	int64_t n = (int64_t)fuzz_num(in, 1);

	return n == 255 ? fuzz_i64(in) : n;
}

static int64_t id_of(struct fuzz_in *in, size_t n)
{
	return (int64_t)(fuzz_num(in, 1) % n) + 1;
}

/* Words of a machine file or of the capture's row: text up to a zero byte. */
static void put_text(struct bu_db *d, struct fuzz_in *in)
{
	const char *name = pick(in, files, ARRAY_SIZE(files));
	char text[256], sql[96];
	size_t n = 0;

	while (n < sizeof(text) - 1 && in->left && *in->p)
		text[n++] = (char)fuzz_num(in, 1);
	text[n] = 0;
	fuzz_num(in, 1);
	if (strchr(name, '.')) {
		snprintf(sql, sizeof(sql), "UPDATE capture SET %s = ?", strchr(name, '.') + 1);
		bu_db_row(d, NULL, sql, "t", text);
	} else {
		bu_db_row(d, NULL, "INSERT OR REPLACE INTO machine_file VALUES (?,?)", "tt", name, text);
	}
}

static void put_row(struct bu_db *d, struct fuzz_in *in, int64_t *ns)
{
	const unsigned int kind = (unsigned int)fuzz_num(in, 1);
	const int64_t since = (int64_t)fuzz_num(in, 1);
	int64_t cpu, task, ctx = kind & 0x80 ? 8 : 0, v[5];	/* TRACE_FLAG_HARDIRQ */
	size_t i;

	*ns = since == 255 ? fuzz_i64(in) : bu_ns_add(*ns, since * 10000);
	cpu = small_or_any(in);
	task = 1 + cpu % (int64_t)ARRAY_SIZE(tasks);
	task = task < 1 ? 1 : task;
	switch (kind & 7) {
	case 0:
	case 1:
	case 2:
		v[0] = id_of(in, ARRAY_SIZE(symbols));
		v[1] = id_of(in, ARRAY_SIZE(symbols));
		bu_db_row(d, NULL, "INSERT INTO ev_func (ts_ns, cpu, task, ctx, buf, func, caller) VALUES (?,?,?,?,0,?,?)", "iiiiii", *ns,
			  cpu, task, ctx, v[0], v[1]);
		break;
	case 3:
		v[0] = id_of(in, ARRAY_SIZE(tasks));
		v[1] = id_of(in, ARRAY_SIZE(tasks));
		bu_db_row(d, NULL, "INSERT INTO ev_sched_switch (ts_ns, cpu, task, ctx, buf, prev, prev_prio, prev_state, next, next_prio)"
			  " VALUES (?,?,?,?,0,?,0,0,?,0)", "iiiiii", *ns, cpu, task, ctx, v[0], v[1]);
		break;
	case 4:
		bu_db_row(d, NULL, "INSERT INTO ev_fault (ts_ns, cpu, task, ctx, buf, mode, address) VALUES (?,?,?,?,0,?,?)", "iiiiti", *ns,
			  cpu, task, ctx, kind & 8 ? "user" : "kernel", fuzz_i64(in));
		break;
	case 5:
		v[0] = id_of(in, ARRAY_SIZE(kinds));
		bu_db_row(d, NULL, "INSERT INTO ev_other (ts_ns, cpu, task, ctx, buf, kind, fields) VALUES (?,?,?,?,0,?,?)", "iiiiit", *ns,
			  cpu, task, ctx, v[0], pick(in, fields, ARRAY_SIZE(fields)));
		break;
	case 6:
		for (i = 0; kind & 8 && i < ARRAY_SIZE(v); i++)
			v[i] = small_or_any(in);
		if (kind & 8)
			bu_db_row(d, NULL, "INSERT OR REPLACE INTO cpu (cpu, package, die, core, thread, node, online) VALUES (?,?,?,?,?,?,?)",
				  "iiiiiii", cpu, v[0], v[1], v[2], v[3], v[4], (int64_t)(kind >> 4 & 1));
		else
			bu_db_row(d, NULL, "INSERT INTO ev_irq_vector (ts_ns, cpu, task, ctx, buf, kind, vector) VALUES (?,?,?,?,0,?,236)",
				  "iiiii", *ns, cpu, task, ctx, id_of(in, ARRAY_SIZE(kinds)));
		break;
	default:
		put_text(d, in);
	}
}

static void load_clocksource(struct bu_err *err)
{
	struct bu_cs_schedule s;
	size_t i;
	int rc = bu_cs_schedule_load(db, &s, err);

	FUZZ_CHECK(!rc == !err->text[0]);
	if (rc)
		return;
	FUZZ_CHECK(s.cpus > 0 && s.n_ticks && s.config.end_ns >= 0);
	for (i = 0; i < s.n_ticks; i++)
		FUZZ_CHECK(s.ticks[i].cpu >= 0 && s.ticks[i].cpu < s.cpus && s.ticks[i].first_read + s.ticks[i].reads <= s.n_read_ns);
	bu_cs_schedule_fini(&s);
}

static void load_text(struct bu_err *err)
{
	struct bu_text_schedule s;
	int rc = bu_text_schedule_load(db, &s, err), i;

	FUZZ_CHECK(!rc == !err->text[0]);
	if (rc)
		return;
	FUZZ_CHECK(s.cpus > 0);
	for (i = 0; i < s.n_sites; i++)
		FUZZ_CHECK(s.phase[i] < (uint32_t)s.n_phases && s.cost_ns[i] >= 0);
	for (i = 0; i < s.n_batches; i++)
		FUZZ_CHECK(s.batches[i].at.first >= 0 && s.batches[i].at.first + s.batches[i].at.n <= s.n_sites && s.batches[i].ns >= 0);
	bu_text_schedule_fini(&s);
}

static void load_pgd(int slot_shift, struct bu_err *err)
{
	struct bu_pgd_schedule s;
	const struct bu_pgd_event *e;
	int rc = bu_pgd_schedule_load(db, slot_shift, &s, err);

	FUZZ_CHECK(!rc == !err->text[0]);
	if (rc)
		return;
	for (e = s.events; e < s.events + s.n_events; e++) {
		FUZZ_CHECK(e->what < BU_PGD_WHAT_NR && e->cpu >= 0 && e->cpu < s.cpus && e->ns >= 0);
		FUZZ_CHECK(e->mm >= BU_PGD_NONE && e->mm < s.n_mms && e->slot >= BU_PGD_NONE && e->slot < s.n_slots);
		FUZZ_CHECK(e->task >= BU_PGD_NONE && e->task < s.n_tasks);
	}
	bu_pgd_schedule_fini(&s);
}

static void load_machine(struct bu_err *err)
{
	struct bu_description d;
	int rc;

	bu_describe_init(&d);
	rc = bu_describe_capture(db, &d, err);
	FUZZ_CHECK(!rc == !err->text[0]);
#define WITHIN(name, unit, def, min, max, meaning) FUZZ_CHECK(d.machine.name >= (min) && d.machine.name <= (max));
	BU_HP_MACHINE_FIELDS(WITHIN)
#undef WITHIN
	bu_describe_fini(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int shifts[] = { 0, 21, 30, 39, 12 };
	struct fuzz_in in = { data, size };
	const unsigned int how = (unsigned int)fuzz_num(&in, 1);
	struct bu_err err = BU_ERR_INIT;
	int64_t ns = 0;

	FUZZ_CHECK(!bu_db_begin(db, &err));
	while (in.left)
		put_row(db, &in, &ns);
	switch (how % 4) {
	case 0:
		load_clocksource(&err);
		break;
	case 1:
		load_text(&err);
		break;
	case 2:
		load_pgd(shifts[how / 4 % ARRAY_SIZE(shifts)], &err);
		break;
	default:
		load_machine(&err);
	}
	FUZZ_CHECK(!bu_db_exec(db, "ROLLBACK", NULL));
	return 0;
}
