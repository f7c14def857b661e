// SPDX-License-Identifier: GPL-2.0-only
/* dat_source.c - see dat_source.h. */
#include "collector/dat_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tep_record *bu_stream_read(struct bu_stream *s)
{
	return tracecmd_read_data(s->handle, s->cpu);
}

/* The handle of the buffer called @name; the top-level one is the file itself. */
static struct tracecmd_input *handle_of(struct tracecmd_input *file, const char *name)
{
	int i, n = tracecmd_buffer_instances(file);
	const char *other;

	if (!*name)
		return file;
	for (i = 0; i < n; i++) {
		other = tracecmd_buffer_instance_name(file, i);
		if (other && !strcmp(other, name))
			return tracecmd_buffer_instance_handle(file, i);
	}
	return NULL;
}

/*
 * Of a compressed file the library keeps each CPU's pages in a file /tmp/trace_cpu_data*, to be removed when it is
 * closed. Without their names they go away even where a crash or a signal comes first.
 */
static void forget_temporary_files(void)
{
	static const char prefix[] = "/tmp/trace_cpu_data";
	DIR *d = opendir("/proc/self/fd");
	char target[64];
	struct dirent *e;
	ssize_t n;

	while (d && (e = readdir(d)) != NULL) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		if (!strncmp(target, prefix, sizeof(prefix) - 1))
			unlink(target);
	}
	if (d)
		closedir(d);
}

int bu_dat_source_open(const char *path, const struct bu_dat_head *head, struct bu_dat_source *ret,
		       struct bu_err *err)
{
	const struct bu_dat_buffer *b;
	size_t i, n = 0;
	uint32_t cpu;

	memset(ret, 0, sizeof(*ret));
	tep_set_loglevel(TEP_LOG_NONE);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	/* Plugins only serve formatting, and would run code from the user's folders over this file. */
	ret->file = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!ret->file)
		return bu_fail(err, -EILSEQ, "%s is damaged: the trace library cannot open it; record or copy it again",
			       path);
	ret->tep = tracecmd_get_tep(ret->file);
	ret->page_bytes = head->page_bytes;
	for (i = 0; i < head->n_buffers; i++)
		n += head->buffers[i].cpus;
	ret->handles = calloc(head->n_buffers, sizeof(*ret->handles));
	ret->streams = calloc(n ? n : 1, sizeof(*ret->streams));
	if (!ret->handles || !ret->streams) {
		bu_dat_source_close(ret);
		return bu_fail_errno(err, -ENOMEM, "%s", path);
	}
	ret->n_handles = head->n_buffers;
	for (i = 0; i < head->n_buffers; i++) {
		b = &head->buffers[i];
		if (!b->cpus)
			continue;
		ret->handles[i] = handle_of(ret->file, b->name);
		if (!ret->handles[i]) {
			bu_dat_source_close(ret);
			return bu_fail(err, -EILSEQ, "%s is damaged: the trace library cannot read its buffer '%s'",
				       path, b->name);
		}
		for (cpu = 0; cpu < b->cpus; cpu++) {
			struct bu_stream *s = &ret->streams[ret->n_streams++];

			s->handle = ret->handles[i];
			s->buf = (uint32_t)i;
			s->cpu = (int32_t)cpu;
		}
	}
	forget_temporary_files();
	return 0;
}

void bu_dat_source_close(struct bu_dat_source *src)
{
	size_t i;

	for (i = 0; i < src->n_handles; i++)
		if (src->handles[i] && src->handles[i] != src->file)
			tracecmd_close(src->handles[i]);
	if (src->file)
		tracecmd_close(src->file);
	free(src->handles);
	free(src->streams);
	memset(src, 0, sizeof(*src));
}
