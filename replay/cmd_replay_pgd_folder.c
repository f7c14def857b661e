// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_replay_pgd_folder.c - `bringup replay --pgd CORES --events FOLDER`: which interleavings each core is exposed to, found by
 * running it over every FOLDER/NAME/events.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/commands_int.h"
#include "replay/family_pgd.h"
#include "replay/print_pgd.h"
#include "schemas/base/mem.h"

static int one(const struct bu_replay_args *a, const char *name, const char *path, struct bu_replay_job *jobs, size_t n, json_t *rows,
	       struct bu_err *err)
{
	struct bu_replay_options o = { .seed = (uint64_t)a->seed, .guard_ms = BU_GUARD_MS };
	struct bu_pgd_schedule s;
	struct bu_replay_result r;
	struct bu_pgd_outcome out;
	json_t *verdicts = json_object();
	size_t i;
	int rc = bu_pgd_read_events(path, &s, err);

	if (rc) {
		json_decref(verdicts);
		return rc;
	}
	if (!a->json)
		printf("%-30s", name);
	o.recorded_cpus = s.cpus;
	for (i = 0; !rc && i < n; i++) {
		o.params = jobs[i].params;
		rc = bu_replay_pgd(&jobs[i].core.def, &s, &o, &r, &out, err);
		if (rc)
			break;
		if (!a->json)
			printf(" %-14s", r.run.verdict);
		json_object_set_new(verdicts, jobs[i].core.def.name, json_pack("{s:s, s:s}", "verdict", r.run.verdict, "verdict_detail",
									       r.run.verdict_detail));
		bu_replay_result_fini(&r);
	}
	if (!a->json)
		putchar('\n');
	json_array_append_new(rows, json_pack("{s:s, s:o}", "events", name, "verdicts", verdicts));
	bu_pgd_schedule_fini(&s);
	return rc;
}

static int with_events(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int bu_replay_pgd_folder(const struct bu_replay_args *a, struct bu_replay_job *jobs, size_t n)
{
	struct bu_err err = BU_ERR_INIT;
	json_t *rows = json_array();
	struct dirent **entry = NULL;
	int i, rc = 0, n_entries = scandir(a->events, &entry, with_events, alphasort);
	char path[4096];
	size_t k;

	if (n_entries < 0)
		rc = bu_fail_errno(&err, -errno, "%s", a->events);
	if (!rc && !a->json) {
		printf("%-30s", "events");
		for (k = 0; k < n; k++)
			printf(" %-14s", jobs[k].core.def.name);
		putchar('\n');
	}
	for (i = 0; i < n_entries; i++) {
		snprintf(path, sizeof(path), "%s/%s/events", a->events, entry[i]->d_name);
		if (!rc && !access(path, R_OK))
			rc = one(a, entry[i]->d_name, path, jobs, n, rows, &err);
		free(entry[i]);
	}
	free(entry);
	if (!rc && !json_array_size(rows))
		rc = bu_fail(&err, -ENOENT, "%s has no folder with a file 'events' in it", a->events);
	if (!rc && a->json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(rows);
	return rc ? bu_cli_failed(&bu_replay_usage, &err) : BU_EXIT_OK;
}
