/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock_model.h - a clocksource switch without a recording, or one of a recording with figures changed: --model N=V,...
 */
#ifndef BU_REPLAY_CLOCK_MODEL_H
#define BU_REPLAY_CLOCK_MODEL_H

#include "replay/core.h"
#include "replay/schedule/clocksource.h"
#include "schemas/base/err.h"

extern const struct bu_param bu_clock_model_params[];	/* ends with name NULL */

/**
 * bu_clock_model() - Change @s, or make one up where it is all zero, as @text says: "hz=1000,clock=hpet,...".
 * @cpus: 0: as in @s.
 * Return: 0; -EINVAL for an unknown name or a value out of range, with words for the user.
 */
int bu_clock_model(struct bu_cs_schedule *s, int32_t cpus, const char *text, struct bu_err *err);

/**
 * bu_clock_model_json() - The figures of @s under these names, as a JSON object: what bu_clock_model() makes the same again from.
 * Return: the text, of @arena; NULL: no memory.
 */
const char *bu_clock_model_json(const struct bu_cs_schedule *s, struct bu_arena *arena);

#endif
