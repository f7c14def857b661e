// SPDX-License-Identifier: GPL-2.0-only
/*
 * decode_fuzz.c - from records of the ring buffer to events (decode.c, decode_json.c).
 *
 * Formats are taken apart by libtraceevent in the process that import.c isolates; what is ours begins with a record and a
 * format whose fields may lie anywhere. An input is, until it ends: one byte that says which format,
 * one for how many of its fields are moved, those fields (number, offset, size), then records: a length, the bytes.
 */
#include "collector/decode.h"
#include "schemas/base/tests/fuzz/fuzz.h"

#define COMMON "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

#define N_FIELDS 7

static const struct {
	const char *system, *name;
	struct {
		const char *type;	/* with the name */
		int offset, size, is_signed;
	} fields[N_FIELDS];
} formats[] = {
	{ "ftrace", "function", { { "unsigned long ip", 8, 8, 0 }, { "unsigned long parent_ip", 16, 8, 0 } } },
	{ "cpuhp", "cpuhp_enter", { { "unsigned int cpu", 8, 4, 0 }, { "int target", 12, 4, 1 }, { "int idx", 16, 4, 1 },
				    { "void * fun", 24, 8, 0 } } },
	{ "cpuhp", "cpuhp_exit", { { "unsigned int cpu", 8, 4, 0 }, { "int state", 12, 4, 1 }, { "int idx", 16, 4, 1 },
				   { "int ret", 20, 4, 1 } } },
	{ "exceptions", "page_fault_kernel", { { "unsigned long address", 8, 8, 0 }, { "unsigned long ip", 16, 8, 0 },
					       { "unsigned long error_code", 24, 8, 0 } } },
	{ "irq_vectors", "reschedule_entry", { { "int vector", 8, 4, 1 } } },
	{ "sched", "sched_switch", { { "char prev_comm[16]", 8, 16, 0 }, { "pid_t prev_pid", 24, 4, 1 },
				     { "int prev_prio", 28, 4, 1 }, { "long prev_state", 32, 8, 1 },
				     { "char next_comm[16]", 40, 16, 0 }, { "pid_t next_pid", 56, 4, 1 },
				     { "int next_prio", 60, 4, 1 } } },
	{ "timer", "hrtimer_expire_entry", { { "void * hrtimer", 8, 8, 0 }, { "s64 now", 16, 8, 1 },
					     { "void * function", 24, 8, 0 } } },
	{ "test", "everything", { { "__data_loc char[] text", 8, 4, 0 }, { "__rel_loc unsigned long[] words", 12, 4, 0 },
				  { "unsigned short list[6]", 16, 12, 0 }, { "u8 odd[3]", 28, 3, 0 },
				  { "short small", 32, 2, 1 }, { "unsigned long caller", 40, 8, 0 },
				  { "char tail[]", 48, 0, 0 } } },
};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	tep_set_loglevel(TEP_LOG_NONE);
	return 0;
}

static struct tep_handle *new_tep(struct fuzz_in *in)
{
	unsigned int which = (unsigned int)fuzz_num(in, 1), moved = (unsigned int)fuzz_num(in, 1) % (N_FIELDS + 1), i;
	int offset[N_FIELDS], size[N_FIELDS];
	struct tep_handle *tep = tep_alloc();
	static char name[] = "some_function", other[] = "another";
	char text[4096];
	int n;

	FUZZ_CHECK(tep);
	tep_set_file_bigendian(tep, which & 0x80 ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_local_bigendian(tep, TEP_LITTLE_ENDIAN);
	tep_set_long_size(tep, which & 0x40 ? 4 : 8);
	tep_register_function(tep, name, 0xffffffff81000000, NULL);
	tep_register_function(tep, other, 0xffffffff81000100, NULL);
	tep_register_comm(tep, "swapper/0", 0);
	which %= N_FORMATS;
	for (i = 0; i < N_FIELDS; i++) {
		offset[i] = formats[which].fields[i].offset;
		size[i] = formats[which].fields[i].size;
	}
	while (moved--) {
		i = (unsigned int)fuzz_num(in, 1) % N_FIELDS;
		offset[i] = (int)(int16_t)fuzz_num(in, 2);
		size[i] = (int)(int16_t)fuzz_num(in, 2);
	}
	n = snprintf(text, sizeof(text), "name: %s\nID: 7\nformat:\n" COMMON, formats[which].name);
	for (i = 0; i < N_FIELDS && formats[which].fields[i].type; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;\n",
			      formats[which].fields[i].type, offset[i], size[i], formats[which].fields[i].is_signed);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\nprint fmt: \"\"\n");
	tep_parse_event(tep, text, (unsigned long)n, formats[which].system);
	return tep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct tep_handle *tep = new_tep(&in);
	struct bu_err err = BU_ERR_INIT;
	struct bu_decoder *d = NULL;
	struct bu_event ev;
	size_t n_kinds;

	FUZZ_CHECK(!bu_decoder_create(tep, &d, &err));
	while (in.left) {
		size_t len = fuzz_num(&in, 1);
		struct bu_ring_event r = { .missed = 0 };
		uint8_t *copy;

		if (len > in.left)
			len = in.left;
		/* A copy of just that size, so that reading behind a record shows. */
		copy = malloc(len ? len : 1);
		FUZZ_CHECK(copy);
		memcpy(copy, in.p, len);
		r.data = copy;
		r.bytes = (uint32_t)len;
		in.p += len;
		in.left -= len;
		FUZZ_CHECK(!bu_decode(d, &r, &ev, &err));
		bu_decoder_kinds(d, &n_kinds);
		FUZZ_CHECK(ev.kind && ev.kind <= n_kinds && ev.task && ev.task <= bu_decoder_tasks(d)->n);
		FUZZ_CHECK(ev.table != BU_EV_FUNC || (ev.func.func && ev.func.func <= bu_decoder_symbols(d)->n));
		FUZZ_CHECK(ev.table != BU_EV_OTHER || ev.other.fields[0] == '{');
		free(copy);
	}
	bu_decoder_destroy(d);
	tep_free(tep);
	return 0;
}
