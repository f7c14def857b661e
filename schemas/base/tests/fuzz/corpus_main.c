// SPDX-License-Identifier: GPL-2.0-only
/*
 * corpus_main.c - runs a fuzz target without a fuzzing engine: every input of its corpus, and cheap variations.
 *
 * Linked with one NAME_fuzz.c (fuzz.h) into a test of `make check`. Arguments are inputs or folders of them; without
 * any it takes $SRC/datasets/fuzz/NAME. Each input is run as it is, then $FUZZ_VARIATIONS times (24) with something
 * cut, flipped or repeated by a generator with a fixed seed, so that two runs do the same. A finding ends the
 * program, and an input on which it hangs is named after 20 seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "schemas/base/hash.h"
#include "schemas/base/tests/fuzz/fuzz.h"

enum { LONGEST_INPUT = 1 << 20, SECONDS = 20 };

static unsigned long inputs, executions, variations = 24;
static const char *current = "";

/* A target that has nothing to prepare leaves this out, as libFuzzer allows. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void too_slow(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, "no end after 20 s: ", 19) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(2);
	abort();
}

static void run(const uint8_t *data, size_t len)
{
	/* A copy of just that size, so that reading behind the end shows. */
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_CHECK(copy);
	memcpy(copy, data, len);
	alarm(SECONDS);
	LLVMFuzzerTestOneInput(copy, len);
	alarm(0);
	free(copy);
	executions++;
}

static void vary(struct bu_rng *rng, const uint8_t *data, size_t len)
{
	uint8_t *v = malloc(2 * len);
	size_t n = len, at = bu_rng_below(rng, len), i;

	FUZZ_CHECK(v);
	memcpy(v, data, len);
	switch (bu_rng_below(rng, 4)) {
	case 0:
		n = at;
		break;
	case 1:		/* repeat what follows */
		memcpy(v + len, data + at, len - at);
		n = 2 * len - at;
		break;
	case 2:		/* leave some bytes out */
		i = 1 + bu_rng_below(rng, 16);
		if (i > len - at)
			i = len - at;
		memmove(v + at, v + at + i, len - at - i);
		n = len - i;
		break;
	default:
		for (i = 1 + bu_rng_below(rng, 8); i; i--, at = bu_rng_below(rng, len))
			v[at] = bu_rng_below(rng, 2) ? 0xff : (uint8_t)bu_rng_u64(rng);
	}
	run(v, n);
	free(v);
}

static void run_file(const char *path)
{
	static uint8_t data[LONGEST_INPUT];
	FILE *f = fopen(path, "re");
	struct bu_rng rng;
	unsigned long i;
	size_t len;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	current = path;
	inputs++;
	run(data, len);
	bu_rng_init(&rng, 1, bu_hash_bytes(BU_HASH_INIT, data, len));
	for (i = 0; i < variations && len; i++)
		vary(&rng, data, len);
}

static void run_path(const char *path)
{
	struct dirent **names;
	char inner[4096];
	struct stat st;
	int n, i;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
			run_file(inner);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *end = strstr(name, "_fuzz"), *src = getenv("SRC"), *many = getenv("FUZZ_VARIATIONS");
	char corpus[4096];
	int i;

	signal(SIGALRM, too_slow);
	if (many)
		variations = strtoul(many, NULL, 10);
	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		run_path(argv[i]);
	if (argc < 2) {
		snprintf(corpus, sizeof(corpus), "%s/datasets/fuzz/%.*s", src ? src : ".",
			 (int)(end ? end - name : (long)strlen(name)), name);
		run_path(corpus);
	}
	/* The words of the code under test must not end up in the middle of the line. */
	printf("\n%sok 1 - %lu inputs of the corpus, %lu executions\n1..1\n", inputs ? "" : "not ", inputs, executions);
	return !inputs;
}
