/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hang_int.h - what the files of this folder share; nobody else includes it.
 */
#ifndef BU_REPLAY_HANG_HANG_INT_H
#define BU_REPLAY_HANG_HANG_INT_H

#include <stdint.h>

/* CPUs as text, "3-17,19"; "..." at the end when there is no room for more. All zero: none. */
struct cpu_text {
	char text[128];
	int32_t first, last;	/* of the range at its end */
};

/* @cpu is one of them too. Ranges are found when CPUs come in order; -1 is none. */
void cpu_text_add(struct cpu_text *t, int32_t cpu);

#endif
