/* SPDX-License-Identifier: GPL-2.0-only */
/* session_int.h - what session.c puts down before it reads, and session_recover.c goes on by: facts of the journal. */
#ifndef BU_COLLECTOR_SESSION_INT_H
#define BU_COLLECTOR_SESSION_INT_H

#define BU_HELD_DAT "held dat"		/* the trace.dat, absolute; it ends in .partial until it is whole */
#define BU_HELD_PLACE "held place"	/* bu_record_from, and struct bu_dat_place: six numbers */
#define BU_HELD_INSTANCE "held instance"	/* "": the top level */
#define BU_HELD_STATS "held stats"	/* of all CPUs before the first page was read; "": the kernel has none */
#define BU_HELD_DATABASE "held database"	/* to be made of it, absolute; "": none */
#define BU_HELD_MACHINE "held machine"	/* folder of the machine files, absolute; "": none */
#define BU_HELD_REDACT "held redact"	/* "yes" or "no" */

#define BU_LEANS_ON_LAST_BOOT "names of functions lean on last_boot_info alone, which may speak of an earlier boot"

#endif
