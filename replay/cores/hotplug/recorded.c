// SPDX-License-Identifier: GPL-2.0-only
/*
 * recorded.c - the control: nothing is decided, every interval of the recording happens when it was recorded.
 *
 * What comes out must be what went in, to the nanosecond; where it is not, the extraction, the engine or the store is
 * wrong, and no other core's result may be believed.
 */
#include "replay/core_hotplug.h"

static void replay_recording(struct bu_machine *m)
{
	bu_hp(m)->replay_recording(m);
}

BU_CORE_DEFINE(hotplug, recorded) = {
	.size = sizeof(struct bu_core_def),
	.abi = BU_CORE_ABI,
	.family = "hotplug",
	.name = "recorded",
	.summary = "the recording itself, interval by interval: the control",
	.source = "the capture",
	.control = replay_recording,
};
