/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - what state a machine is in, and going back to it: that of its engine (replay/engine/state.h) and its records of
 * CPUs, threads and objects.
 *
 * To be called when no thread runs, as there; bu_machine_state() needs bu_machine_config.fingerprints.
 */
#ifndef BU_REPLAY_MACHINE_STATE_H
#define BU_REPLAY_MACHINE_STATE_H

#include "replay/engine/state.h"
#include "replay/machine/machine.h"

/**
 * bu_machine_state() - As bu_engine_state(), of the whole machine. Not part of it: accounts, and since when something has
 * been the case. Valid for one machine: addresses are part of it. Takes time in proportion to the machine.
 */
uint64_t bu_machine_state(const struct bu_machine *m);

/**
 * bu_machine_save(), bu_machine_restore() - As bu_engine_save(), bu_engine_restore(), of the whole machine.
 */
int bu_machine_save(const struct bu_machine *m, struct bu_image *img);
void bu_machine_restore(struct bu_machine *m, const struct bu_image *img, size_t *at);

#endif
