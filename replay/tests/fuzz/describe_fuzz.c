// SPDX-License-Identifier: GPL-2.0-only
/*
 * describe_fuzz.c - what a user, a file or a database says of a machine and of a core's parameters (describe.c, registry.c).
 *
 * The first byte chooses what the rest is: 'f' a description file (--machine), 's' an assignment (--set), 'j' a machine as
 * stored with a run, else the parameters (--params) of the core with that number. What is taken has to be within the limits of
 * its parameter, and to be the same when it is written and read again.
 */
#include "replay/describe.h"
#include "replay/registry.h"
#include "schemas/base/tests/fuzz/fuzz.h"

static struct fuzz_file file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_file_init(&file);
	return 0;
}

static void check_same(const struct bu_hp_machine *a, const struct bu_hp_machine *b)
{
#define SAME(name, unit, def, min, max, meaning) FUZZ_CHECK(a->name == b->name);
	BU_HP_MACHINE_FIELDS(SAME)
#undef SAME
}

static void check_machine(const struct bu_hp_machine *m)
{
	struct bu_description again;
	struct bu_err err = BU_ERR_INIT;
	char *json = bu_describe_json(m);

#define WITHIN(name, unit, def, min, max, meaning) FUZZ_CHECK(m->name >= (min) && m->name <= (max));
	BU_HP_MACHINE_FIELDS(WITHIN)
#undef WITHIN
	bu_describe_init(&again);
	FUZZ_CHECK(json && !bu_describe_stored(json, &again.machine, &err));
	check_same(m, &again.machine);
	free(json);
}

/* What is printed is a description file that says the same. */
static void check_print(const struct bu_description *d)
{
	struct bu_description again;
	struct bu_err err = BU_ERR_INIT;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	FUZZ_CHECK(f);
	bu_describe_print(d, f);
	fclose(f);
	fuzz_file_set(&file, text, len);
	bu_describe_init(&again);
	FUZZ_CHECK(!bu_describe_file(file.path, &again, &err));
	check_same(&d->machine, &again.machine);
	check_same(&d->recorded, &again.recorded);
	bu_describe_fini(&again);
	free(text);
}

static void describe(int how, const char *text, size_t len)
{
	struct bu_err err = BU_ERR_INIT;
	struct bu_description d;
	int rc;

	bu_describe_init(&d);
	if (how == 'f') {
		fuzz_file_set(&file, text, len);
		rc = bu_describe_file(file.path, &d, &err);
	} else {
		rc = how == 's' ? bu_describe_set(&d, text, "--set", &err) : bu_describe_stored(text, &d.machine, &err);
	}
	FUZZ_CHECK(!rc == !err.text[0]);
	check_machine(&d.machine);
	check_machine(&d.recorded);
	if (!rc && how != 'j')
		check_print(&d);
	bu_describe_fini(&d);
}

static void params(unsigned int which, const char *text)
{
	char again[64 * 2 * BU_PARAM_STRLEN], value[BU_PARAM_STRLEN];
	struct bu_err err = BU_ERR_INIT;
	const struct bu_core_def *core;
	int64_t v[64], w[64];
	size_t n = 0, i, at = 0;
	int rc;

	while (bu_core_table[n])
		n++;
	core = bu_core_table[which % n];
	n = bu_core_n_params(core);
	FUZZ_CHECK(n <= 64);
	rc = bu_core_params(core, text, v, &err);
	FUZZ_CHECK(!rc == !err.text[0]);
	again[0] = 0;
	for (i = 0; !rc && i < n; i++) {
		FUZZ_CHECK(v[i] >= core->params[i].min && v[i] <= core->params[i].max);
		at += (size_t)snprintf(again + at, sizeof(again) - at, "%s%s=%s", i ? "," : "", core->params[i].name,
				       bu_core_param_str(&core->params[i], v[i], value));
	}
	if (!rc)
		FUZZ_CHECK(!bu_core_params(core, again, w, &err) && !memcmp(v, w, n * sizeof(v[0])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = calloc(1, size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'f' || data[0] == 's' || data[0] == 'j')
		describe(data[0], text, size - 1);
	else
		params(data[0], text);
	free(text);
	return 0;
}
