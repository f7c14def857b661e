// SPDX-License-Identifier: GPL-2.0-only
/*
 * import_machine.c - what is known of the machine, from its files or else from what the events prove.
 *
 * A CPU that has events was at work; one whose last hotplug operation failed or took it down is not online. More than
 * that is not concluded: topology, clocksource and the rest stay NULL, and a note says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "collector/import_int.h"
#include "schemas/base/ns.h"

int bu_import_files(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_machine *m = &s->machine;
	const struct bu_machine_text *t;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < m->n_states; i++)
		rc = bu_db_row(s->db, err, "INSERT INTO hotplug_state (nr, name) VALUES (?, ?)", "it",
			       m->states[i].nr, m->states[i].name);
	for (i = 0; !rc && i < m->n_texts; i++) {
		t = &m->texts[i];
		rc = bu_db_row(s->db, err, t->is_config ? "INSERT INTO trace_config (key, value) VALUES (?, ?)" :
			       "INSERT INTO machine_file (name, content) VALUES (?, ?)", "tt", t->name, t->content);
	}
	return rc;
}

/* By CPU: 1 where it was online at the end, 0 where not, -1 where the trace has nothing of it. */
static int infer_online(struct bu_import_state *s, signed char *online, size_t n, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	int64_t cpu;
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		online[i] = i < s->n_first_ids && s->first_ids[i] != BU_NS_UNKNOWN ? 1 : -1;
	rc = bu_stmt_prepare(s->db, "SELECT cpu, direction, verdict FROM hotplug_op WHERE direction <> 'rollback' "
			     "ORDER BY id", &st, err);
	while (!rc && (rc = bu_stmt_step(st, err)) == 1) {
		bool up = bu_stmt_text(st, 1)[0] == 'u', ok = bu_stmt_text(st, 2)[0] == 'o' &&
			  bu_stmt_text(st, 2)[1] == 'k';

		cpu = bu_stmt_i64(st, 0);
		if (cpu >= 0 && (size_t)cpu < n)
			online[cpu] = up == ok;	/* came up, or did not go down */
		rc = 0;
	}
	return rc;
}

static int write_cpu(struct bu_import_state *s, int64_t cpu, int64_t online, struct bu_err *err)
{
	static const struct bu_machine_cpu unknown = { false, false, false, BU_NS_UNKNOWN, BU_NS_UNKNOWN,
						       BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN, BU_NS_UNKNOWN };
	const struct bu_machine_cpu *c = (size_t)cpu < s->machine.n_cpus ? &s->machine.cpus[cpu] : &unknown;

	return bu_db_row(s->db, err, "INSERT INTO cpu (cpu, package, die, core, thread, node, apic_id, online) "
			 "VALUES (?,?,?,?,?,?,?,?)", "innnnnnn", cpu, c->package, c->die, c->core, c->thread, c->node,
			 c->apic_id, online);
}

/* Rows of cpu. @ret_online: how many were online. */
static int write_cpus(struct bu_import_state *s, int64_t *ret_online, struct bu_err *err)
{
	const struct bu_machine *m = &s->machine;
	_cleanup_free_ signed char *online = NULL;
	int64_t highest = -1;
	size_t n, i;
	int rc;

	rc = bu_db_i64(s->db, "SELECT max(cpu) FROM hotplug_op", &highest, err);
	if (rc < 0)
		return rc;
	n = highest + 1 > (int64_t)s->n_first_ids ? (size_t)highest + 1 : s->n_first_ids;
	if (m->n_cpus > n)
		n = m->n_cpus;
	online = malloc(n ? n : 1);
	if (!online)
		return bu_fail_errno(err, -ENOMEM, "machine");
	rc = infer_online(s, online, n, err);
	*ret_online = 0;
	for (i = 0; !rc && i < n; i++) {
		if (m->has_masks) {
			if (i < m->n_cpus && m->cpus[i].possible)
				rc = write_cpu(s, (int64_t)i, m->cpus[i].online, err);
		} else if (online[i] >= 0 || i < m->n_cpus) {
			rc = write_cpu(s, (int64_t)i, online[i] < 0 ? BU_NS_UNKNOWN : online[i], err);
		}
		*ret_online += online[i] == 1;
	}
	return rc;
}

/* The CPU that smp_init ran on, or that brought all the others up. */
static int find_boot_cpu(struct bu_import_state *s, int64_t *ret, struct bu_err *err)
{
	int rc;

	*ret = BU_NS_UNKNOWN;
	rc = bu_db_i64(s->db, "SELECT f.cpu FROM symbol y JOIN ev_func f ON f.func = y.id WHERE y.base = 'smp_init' "
		       "LIMIT 1", ret, err);
	if (rc == 0)
		rc = bu_db_i64(s->db, "SELECT min(control_cpu) FROM hotplug_op o WHERE direction = 'up' AND nth = 1 AND "
			       "NOT EXISTS (SELECT 1 FROM hotplug_op d WHERE d.direction = 'down' AND d.id < o.id) "
			       "HAVING count(DISTINCT control_cpu) = 1", ret, err);
	return rc < 0 ? rc : 0;
}

/* What a live recording says of itself: lines "gave up: ..." and "note: ...". */
static int write_recording_notes(struct bu_import_state *s, const char *text, struct bu_err *err)
{
	static const char gave_up[] = "gave up: ", note[] = "note: ";
	int rc = 0, len;

	for (; !rc && *text; text += len + (text[len] == '\n')) {
		len = (int)strcspn(text, "\n");
		if (!strncmp(text, gave_up, strlen(gave_up)))
			rc = bu_capture_note(s->db, "warning", "record", 1, err, "%.*s", len, text);
		else if (!strncmp(text, note, strlen(note)))
			rc = bu_capture_note(s->db, "info", "record", 1, err, "%.*s", len - (int)strlen(note),
					     text + strlen(note));
	}
	return rc;
}

static int write_notes(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_machine *m = &s->machine;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < m->n_texts; i++)
		if (!strcmp(m->texts[i].name, "recording"))
			rc = write_recording_notes(s, m->texts[i].content, err);
	if (rc)
		return rc;

	if (!m->given)
		return bu_capture_note(s->db, "info", "machine", 1, err, "no machine folder was given (--machine): "
				       "topology, clocksources and the names of the hotplug states are not known");
	if (!m->has_masks)
		rc = bu_capture_note(s->db, "warning", "machine", 1, err, "the machine folder does not say which CPUs "
				     "are possible and online (cpu_masks); inferred from the events");
	if (!rc && !m->n_states)
		rc = bu_capture_note(s->db, "warning", "step", 1, err, "the machine folder has no table of hotplug "
				     "states (hotplug_states); steps go by their callbacks alone");
	if (!rc && m->junk_lines)
		rc = bu_capture_note(s->db, "warning", "machine", m->junk_lines, err, "%" PRId64 " lines of the machine "
				     "folder make no sense and were passed over, first in %s", m->junk_lines,
				     m->junk_file);
	if (!rc && m->cut_files)
		rc = bu_capture_note(s->db, "warning", "machine", m->cut_files, err, "%" PRId64 " machine files are longer "
				     "than what is kept of one", m->cut_files);
	if (!rc && m->tsc_unstable)
		rc = bu_capture_note(s->db, "warning", "clock", 1, err, "the kernel called the TSC unstable: %s; stamps of "
				     "different CPUs may not be comparable", m->tsc_unstable);
	return rc;
}

int bu_import_machine(struct bu_import_state *s, struct bu_err *err)
{
	const struct bu_machine *m = &s->machine;
	int64_t online = 0, boot_cpu = BU_NS_UNKNOWN;
	int rc;

	rc = write_cpus(s, &online, err);
	if (!rc)
		rc = find_boot_cpu(s, &boot_cpu, err);
	if (rc)
		return rc;
	rc = bu_db_row(s->db, err, "INSERT INTO machine (id, known, cpus_possible, cpus_present, cpus_online, boot_cpu, "
		       "hypervisor, cpu_model, smt_control, clocksource_current, clocksource_available, tsc_khz, memory_kib)"
		       " VALUES (1,?,?,?,?,?,?,?,?,?,?,?,?)", "tnnnntttttnn", m->given ? "saved" : "inferred",
		       m->cpus_possible, m->cpus_present,
		       m->cpus_online != BU_NS_UNKNOWN ? m->cpus_online : online, boot_cpu,
		       m->hypervisor, m->cpu_model, m->smt, m->clocksource_current, m->clocksource_available,
		       m->tsc_refined_khz != BU_NS_UNKNOWN ? m->tsc_refined_khz : m->tsc_detected_khz, m->memory_kib);
	return rc ? rc : write_notes(s, err);
}
