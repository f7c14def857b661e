// SPDX-License-Identifier: GPL-2.0-only
/* run_db.c - see run_db.h. One prepared statement per table; names are put into the dictionary once per run. */
#include "schemas/store/run_db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

extern const char bu_version[];

static const char *const cpu_verdicts[] = {
	[BU_CPU_OPEN] = "open", [BU_CPU_OK] = "ok", [BU_CPU_FAILED] = "failed",
};

static int name_id(struct bu_db *db, struct bu_stmt *put, struct bu_stmt *get, const char *text, int64_t *ret,
		   struct bu_err *err)
{
	int rc;

	bu_stmt_bind_text(put, 1, text);
	rc = bu_stmt_run(put, err);
	if (rc)
		return rc;
	bu_stmt_bind_text(get, 1, text);
	rc = bu_stmt_step(get, err);
	if (rc == 1)
		*ret = bu_stmt_i64(get, 0);
	bu_stmt_reset(get);
	if (rc < 0)
		return rc;
	return rc == 1 ? 0 : bu_fail(err, -EIO, "%s: name '%s' was not stored", bu_db_path(db), text);
}

static int add_run(struct bu_db *db, const struct bu_run *r, int64_t *ret_id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const char *slash = strrchr(r->capture_name, '/');
	char hash[17];
	int rc, i = 0;

	rc = bu_stmt_prepare(db, "INSERT INTO run (family, core, core_source, bringup_version, command, capture_name,"
			     "capture_sha256, kernel_release, recorded_algorithm, recorded_cpus, cpus, sampled, machine,"
			     "recorded_machine, seed, params,"
			     "bringup_ns, recorded_bringup_ns, bp_busy_ns, bp_wait_ns, ap_latency_p50_ns,"
			     "ap_latency_p99_ns, ap_latency_max_ns, events, verdict, verdict_detail, witness, hash)"
			     "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id", &st, err);
	if (rc)
		return rc;
	snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
	bu_stmt_bind_text(st, ++i, r->family);
	bu_stmt_bind_text(st, ++i, r->core);
	bu_stmt_bind_text(st, ++i, r->core_source);
	bu_stmt_bind_text(st, ++i, bu_version);
	bu_stmt_bind_text(st, ++i, r->command);
	bu_stmt_bind_text(st, ++i, slash ? slash + 1 : r->capture_name);
	bu_stmt_bind_text(st, ++i, r->capture_sha256);
	bu_stmt_bind_text(st, ++i, r->kernel_release);
	bu_stmt_bind_text(st, ++i, r->recorded_algorithm);
	bu_stmt_bind_i64(st, ++i, r->recorded_cpus);
	bu_stmt_bind_i64(st, ++i, r->cpus);
	bu_stmt_bind_i64(st, ++i, r->sampled);
	bu_stmt_bind_text(st, ++i, r->machine);
	bu_stmt_bind_text(st, ++i, r->recorded_machine);
	bu_stmt_bind_i64(st, ++i, (int64_t)r->seed);
	bu_stmt_bind_text(st, ++i, r->params);
	bu_stmt_bind_ns(st, ++i, r->bringup_ns);
	bu_stmt_bind_ns(st, ++i, r->recorded_bringup_ns);
	bu_stmt_bind_i64(st, ++i, r->bp_busy_ns);
	bu_stmt_bind_i64(st, ++i, r->bp_wait_ns);
	bu_stmt_bind_ns(st, ++i, r->ap_latency_p50_ns);
	bu_stmt_bind_ns(st, ++i, r->ap_latency_p99_ns);
	bu_stmt_bind_ns(st, ++i, r->ap_latency_max_ns);
	bu_stmt_bind_i64(st, ++i, (int64_t)r->events);
	bu_stmt_bind_text(st, ++i, r->verdict);
	bu_stmt_bind_text(st, ++i, r->verdict_detail);
	bu_stmt_bind_text(st, ++i, r->witness);
	bu_stmt_bind_text(st, ++i, hash);
	rc = bu_stmt_step(st, err);
	if (rc < 0)
		return rc;
	*ret_id = bu_stmt_i64(st, 0);
	return bu_stmt_run(st, err);
}

static int add_cpus(struct bu_db *db, const struct bu_run *r, int64_t id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO run_cpu VALUES (?,?,?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_cpu_rows; i++) {
		const struct bu_run_cpu *c = &r->cpu_rows[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, c->cpu);
		bu_stmt_bind_ns(st, 3, c->prepare_ns);
		bu_stmt_bind_ns(st, 4, c->kick_ns);
		bu_stmt_bind_ns(st, 5, c->alive_ns);
		bu_stmt_bind_ns(st, 6, c->release_ns);
		bu_stmt_bind_ns(st, 7, c->idle_ns);
		bu_stmt_bind_ns(st, 8, c->online_ns);
		bu_stmt_bind_ns(st, 9, c->recorded_online_ns);
		bu_stmt_bind_text(st, 10, cpu_verdicts[c->verdict]);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_ops(struct bu_db *db, const struct bu_run *r, int64_t id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO run_op VALUES (?,?,?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_ops; i++) {
		const struct bu_run_op *o = &r->ops[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_i64(st, 3, o->cpu);
		bu_stmt_bind_text(st, 4, o->down ? "down" : "up");
		bu_stmt_bind_ns(st, 5, o->start_ns);
		bu_stmt_bind_ns(st, 6, o->end_ns);
		bu_stmt_bind_ns(st, 7, o->recorded_start_ns);
		bu_stmt_bind_ns(st, 8, o->recorded_end_ns);
		bu_stmt_bind_text(st, 9, cpu_verdicts[o->verdict]);
		bu_stmt_bind_i64(st, 10, o->ret);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_intervals(struct bu_db *db, const struct bu_run *r, int64_t id, const int64_t *names, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	const struct bu_run_interval *v = r->intervals;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO interval VALUES (?,?,?,?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_intervals; i++, v++) {
		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_i64(st, 3, v->lane);
		bu_stmt_bind_i64(st, 4, v->cpu);
		bu_stmt_bind_text(st, 5, bu_phase_names[v->phase]);
		bu_stmt_bind_i64(st, 6, names[v->name]);
		bu_stmt_bind_ns(st, 7, v->task < 0 ? BU_NS_UNKNOWN : names[v->task]);	/* NULL where it is not known */
		bu_stmt_bind_i64(st, 8, v->start_ns);
		bu_stmt_bind_ns(st, 9, v->end_ns);
		bu_stmt_bind_ns(st, 10, v->recorded_start_ns);
		bu_stmt_bind_ns(st, 11, v->recorded_end_ns);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_locks(struct bu_db *db, const struct bu_run *r, int64_t id, const int64_t *names, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO lock VALUES (?,?,?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_locks; i++) {
		const struct bu_run_lock *l = &r->locks[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_i64(st, 3, names[l->name]);
		bu_stmt_bind_text(st, 4, l->kind);
		bu_stmt_bind_i64(st, 5, (int64_t)l->acquired);
		bu_stmt_bind_i64(st, 6, (int64_t)l->contended);
		bu_stmt_bind_i64(st, 7, l->wait_ns);
		bu_stmt_bind_i64(st, 8, l->wait_max_ns);
		bu_stmt_bind_i64(st, 9, l->hold_ns);
		bu_stmt_bind_i64(st, 10, l->hold_max_ns);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_accounts(struct bu_db *db, const struct bu_run *r, int64_t id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO account VALUES (?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_accounts; i++) {
		const struct bu_run_account *a = &r->accounts[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, a->cpu);
		bu_stmt_bind_i64(st, 3, a->busy_ns);
		bu_stmt_bind_i64(st, 4, a->spin_ns);
		bu_stmt_bind_i64(st, 5, a->steal_ns);
		bu_stmt_bind_i64(st, 6, (int64_t)a->interrupts);
		bu_stmt_bind_i64(st, 7, (int64_t)a->nmis);
		bu_stmt_bind_i64(st, 8, (int64_t)a->switches);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_metrics(struct bu_db *db, const struct bu_run *r, int64_t id, const int64_t *names, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO metric VALUES (?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_metrics; i++) {
		const struct bu_run_metric *m = &r->metrics[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_i64(st, 3, names[m->name]);
		bu_stmt_bind_text(st, 4, m->unit);
		bu_stmt_bind_ns(st, 5, m->cpu < 0 ? BU_NS_UNKNOWN : m->cpu);
		bu_stmt_bind_f64(st, 6, m->value);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

static int add_watchdogs(struct bu_db *db, const struct bu_run *r, int64_t id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *st = NULL;
	size_t i;
	int rc;

	rc = bu_stmt_prepare(db, "INSERT INTO watchdog VALUES (?,?,?,?,?,?,?,?,?)", &st, err);
	for (i = 0; !rc && i < r->n_watchdogs; i++) {
		const struct bu_run_watchdog *w = &r->watchdogs[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_text(st, 3, w->name);
		bu_stmt_bind_i64(st, 4, w->since_ns);
		bu_stmt_bind_i64(st, 5, w->at_ns);
		bu_stmt_bind_text(st, 6, w->cpus);
		bu_stmt_bind_i64(st, 7, w->n);
		bu_stmt_bind_text(st, 8, w->task);
		bu_stmt_bind_text(st, 9, w->place);
		rc = bu_stmt_run(st, err);
	}
	return rc;
}

int bu_run_db_add(struct bu_db *db, const struct bu_run *r, int64_t *ret_id, struct bu_err *err)
{
	_cleanup_(bu_stmt_closep) struct bu_stmt *put = NULL, *get = NULL, *st = NULL;
	_cleanup_free_ int64_t *names = calloc(r->n_names + 1, sizeof(*names));
	int64_t id = 0;
	size_t i;
	int rc;

	if (!names)
		return bu_fail_errno(err, -ENOMEM, "%s", bu_db_path(db));
	rc = bu_stmt_prepare(db, "INSERT OR IGNORE INTO name (text) VALUES (?)", &put, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "SELECT id FROM name WHERE text = ?", &get, err);
	if (!rc)
		rc = bu_stmt_prepare(db, "INSERT INTO wait VALUES (?,?,?,?,?,?,?,?,?)", &st, err);
	if (!rc)
		rc = add_run(db, r, &id, err);
	if (!rc)
		rc = add_cpus(db, r, id, err);
	if (!rc)
		rc = add_ops(db, r, id, err);
	for (i = 0; !rc && i < r->n_names; i++)
		rc = name_id(db, put, get, r->names[i], &names[i], err);
	if (!rc)
		rc = add_intervals(db, r, id, names, err);
	if (!rc)
		rc = add_locks(db, r, id, names, err);
	if (!rc)
		rc = add_accounts(db, r, id, err);
	if (!rc)
		rc = add_metrics(db, r, id, names, err);
	if (!rc)
		rc = add_watchdogs(db, r, id, err);
	for (i = 0; !rc && i < r->n_waits; i++) {
		const struct bu_run_wait *w = &r->waits[i];

		bu_stmt_bind_i64(st, 1, id);
		bu_stmt_bind_i64(st, 2, (int64_t)i);
		bu_stmt_bind_text(st, 3, w->task);
		bu_stmt_bind_i64(st, 4, w->lane);
		bu_stmt_bind_i64(st, 5, w->cpu);
		bu_stmt_bind_i64(st, 6, names[w->point]);
		bu_stmt_bind_i64(st, 7, w->start_ns);
		bu_stmt_bind_ns(st, 8, w->end_ns);
		bu_stmt_bind_text(st, 9, w->outcome);
		rc = bu_stmt_run(st, err);
	}
	if (!rc && ret_id)
		*ret_id = id;
	return rc;
}
