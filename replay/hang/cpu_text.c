// SPDX-License-Identifier: GPL-2.0-only
/* cpu_text.c - lists of CPUs for people; see hang_int.h. */
#include <stdio.h>
#include <string.h>

#include "replay/hang/hang_int.h"

#define ONE_MORE 24u	/* bytes that ",N" and "-M" and ",..." may take */

void cpu_text_add(struct cpu_text *t, int32_t cpu)
{
	size_t len = strlen(t->text);

	if (cpu < 0 || (len && (cpu == t->last || t->text[len - 1] == '.')))
		return;
	if (len && cpu == t->last + 1) {
		if (t->last != t->first)
			len = (size_t)(strrchr(t->text, '-') - t->text);
		snprintf(t->text + len, sizeof(t->text) - len, "-%d", cpu);
	} else if (len + ONE_MORE < sizeof(t->text)) {
		snprintf(t->text + len, sizeof(t->text) - len, "%s%d", len ? "," : "", cpu);
		t->first = cpu;
	} else {
		memcpy(t->text + len, ",...", sizeof(",..."));
	}
	t->last = cpu;
}
