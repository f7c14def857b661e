// SPDX-License-Identifier: GPL-2.0-only
/* account.c - see account.h. What the fields of stats mean: Documentation/trace/ftrace.rst. */
#include "collector/account.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/machine_dir.h"
#include "schemas/base/mem.h"
#include "schemas/base/ns.h"

struct table {
	struct bu_machine_stat *stats;	/* by CPU */
	size_t n, cap;
	int64_t junk;
};

static int64_t known(int64_t v)
{
	return v == BU_NS_UNKNOWN ? 0 : v;
}

static int parse(const struct bu_dat_text *texts, uint32_t cpus, struct table *ret)
{
	_cleanup_free_ char *text = NULL;
	uint32_t cpu;
	int rc = 0;

	for (cpu = 0; !rc && texts && cpu < cpus; cpu++) {
		if (!texts[cpu].len)
			continue;
		free(take_ptr(text));
		if (asprintf(&text, "CPU: %u\n%.*s", cpu, (int)texts[cpu].len, texts[cpu].data) < 0) {
			text = NULL;
			return -ENOMEM;
		}
		rc = bu_machine_parse_stats(text, &ret->stats, &ret->n, &ret->cap, &ret->junk);
	}
	return rc;
}

static const struct bu_machine_stat *of(const struct table *t, uint32_t cpu)
{
	return cpu < t->n && t->stats[cpu].seen ? &t->stats[cpu] : NULL;
}

static void add_cpu(const struct bu_machine_stat *before, const struct bu_machine_stat *after, int64_t written,
		    bool killed, struct bu_account *ret)
{
	const struct bu_machine_stat *last = after ? after : before;
	int64_t earlier = before ? known(before->read_events) : 0, read, unread, overrun;

	if (!last) {
		ret->balanced = ret->balanced && !written;
		return;
	}
	read = after ? known(after->read_events) - earlier : known(before->entries);
	unread = after ? known(after->entries) : 0;
	overrun = known(last->overrun) + known(last->commit_overrun);
	ret->read_before += earlier;
	ret->overrun += overrun;
	ret->dropped += known(last->dropped);
	ret->unread += unread;
	ret->cpus += read > 0;
	ret->produced += read + unread + overrun + known(last->dropped);
	if (killed && written < read)
		ret->died += read - written;
	else if (written != read)
		ret->balanced = false;
}

int bu_account_sum(const struct bu_dat_text *before, const struct bu_dat_text *after, uint32_t cpus,
		   const int64_t *written, bool killed, struct bu_account *ret, struct bu_err *err)
{
	struct table first = { .n = 0 }, last = { .n = 0 };
	uint32_t cpu;
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = parse(before, cpus, &first);
	if (!rc)
		rc = parse(after, cpus, &last);
	ret->balanced = !first.junk && !last.junk;
	for (cpu = 0; !rc && cpu < cpus; cpu++) {
		ret->written += written[cpu];
		add_cpu(of(&first, cpu), of(&last, cpu), written[cpu], killed, ret);
	}
	free(first.stats);
	free(last.stats);
	return rc ? bu_fail_errno(err, rc, "account") : 0;
}

int64_t bu_account_lost(const struct bu_account *a)
{
	return a->overrun + a->dropped + a->unread + a->died;
}

bool bu_account_whole(const struct bu_account *a)
{
	return a->balanced && !bu_account_lost(a) && a->written == a->produced;
}
