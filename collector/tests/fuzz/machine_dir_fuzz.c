// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_dir_fuzz.c - the folder of a machine (machine_dir.c) and what is concluded from it (clock.c).
 *
 * An input is the files one after the other: a line "@NAME", then the content up to the next such line. Names that
 * the parser does not know are passed over.
 */
#include <fcntl.h>

#include "collector/clock.h"
#include "collector/machine_dir.h"
#include "schemas/base/ns.h"
#include "schemas/base/tests/fuzz/fuzz.h"

static const char *const names[] = {
	"uname", "cmdline", "cpu_masks", "topology", "nodes", "cpuinfo_head", "dmesg", "hotplug_states", "smt",
	"clocksource_current", "clocksource_available", "meminfo", "stats", "trace_clock", "interrupts", "set_event",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static char folder[64];
static int folder_fd;

static void remove_folder(void)
{
	size_t i;

	for (i = 0; i < N_NAMES; i++)
		unlinkat(folder_fd, names[i], 0);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_folder(folder);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(folder_fd >= 0);
	atexit(remove_folder);
	return 0;
}

/* Where the next "@" at the beginning of a line is. */
static const uint8_t *next_file(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if (*p == '@' && (p[-1] == '\n'))
			return p;
	return end;
}

/*
 * A CPU number of five digits makes tables of some MB, which is slow and no longer news: the limit itself is in
 * machine_dir_test.c. Times may be as long as they like.
 */
static int has_large_cpu(const uint8_t *p, const uint8_t *end)
{
	int digits = 0, after_word = 0;

	for (; p < end; p++) {
		if (*p < '0' || *p > '9') {
			digits = 0;
			after_word = *p && strchr("uU -,:", *p) != NULL;
		} else if (++digits == 5 && after_word) {
			return 1;
		}
	}
	return 0;
}

static void write_file(const char *name, const uint8_t *from, size_t len)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_CHECK(fd >= 0 && write(fd, from, len) == (ssize_t)len);
	close(fd);
}

static void write_files(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *body, *next;
	size_t i;

	while (p < end && *p == '@') {
		body = memchr(p, '\n', (size_t)(end - p));
		if (!body)
			return;
		body++;
		next = next_file(body, end);
		for (i = 0; i < N_NAMES; i++)
			if (strlen(names[i]) == (size_t)(body - p) - 2 && !memcmp(p + 1, names[i], strlen(names[i])))
				write_file(names[i], body, (size_t)(next - body));
		p = next;
	}
}

static void check(const struct bu_machine *m)
{
	size_t i;

	FUZZ_CHECK(m->n_cpus <= 65536 && m->n_stats <= 65536);
	FUZZ_CHECK(m->cpus_possible == BU_NS_UNKNOWN || m->cpus_possible <= (int64_t)m->n_cpus);
	FUZZ_CHECK(m->cpus_online == BU_NS_UNKNOWN || m->cpus_online <= (int64_t)m->n_cpus);
	for (i = 1; i < m->n_states; i++)
		FUZZ_CHECK(m->states[i].nr > m->states[i - 1].nr && m->states[i].name[0]);
	for (i = 0; i < m->n_texts; i++)
		FUZZ_CHECK(m->texts[i].content);
	FUZZ_CHECK(!m->junk_lines == !m->junk_file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bu_dat_buffer buffer = { .name = "", .clock = "x86-tsc" };
	struct bu_dat_head head = { .buffers = &buffer, .n_buffers = 1 };
	struct bu_err err = BU_ERR_INIT;
	struct bu_machine m;
	struct bu_clock clock;
	size_t i;

	if (has_large_cpu(data, data + size))
		return 0;
	write_files(data, data + size);
	FUZZ_CHECK(!bu_machine_read(folder, &m, &err));
	check(&m);
	bu_clock_choose(&head, &m, &clock);
	bu_clock_ns(&clock, UINT64_MAX, 1);
	buffer.clock = NULL;
	bu_clock_choose(&head, &m, &clock);
	bu_clock_ns(&clock, 1, UINT64_MAX);
	bu_machine_fini(&m);
	for (i = 0; i < N_NAMES; i++)
		unlinkat(folder_fd, names[i], 0);
	return 0;
}
