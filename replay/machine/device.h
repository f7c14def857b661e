/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.h - a device register that many CPUs read: one server, one queue, a way to choose who is next.
 *
 * Flow: machine -> [device] -> cores that read a slow clock (HPET, MMR) or write to an interrupt controller.
 *
 * An uncached access stalls its CPU: no interrupt and no NMI is taken until it is done, and the CPU is busy. With
 * overcommit the access goes on though its CPU may lose its physical one; it loses it afterwards.
 */
#ifndef BU_REPLAY_MACHINE_DEVICE_H
#define BU_REPLAY_MACHINE_DEVICE_H

#include "replay/machine/machine.h"

/**
 * bu_mmio_device() - @service_ns: how long one access keeps the device busy. @home: CPU it is nearest to.
 */
bu_obj bu_mmio_device(struct bu_machine *m, const char *name, int64_t service_ns, enum bu_arbitration arbitration,
		      int home);

/**
 * bu_mmio_access() - One access by this CPU. Return: ns from asking to the answer.
 */
int64_t bu_mmio_access(struct bu_machine *m, bu_obj device);

/**
 * bu_mmio_distance() - An access takes @hop_ns longer for each CPU number between this CPU and the device's home.
 */
void bu_mmio_distance(struct bu_machine *m, bu_obj device, int64_t hop_ns);

/**
 * bu_mmio_durations() - An access takes one of @ns (@n of them, each as likely; borrowed for the run) instead of always
 * service_ns: a recorded distribution. Drawn from a random stream of the device's own.
 */
void bu_mmio_durations(struct bu_machine *m, bu_obj device, const int64_t *ns, uint32_t n);

uint64_t bu_mmio_accesses(struct bu_machine *m, bu_obj device);	/* served so far */

#endif
