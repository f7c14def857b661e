/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ddl.h - the SQL of schemas/, embedded by the build, so that text and program cannot drift apart.
 */
#ifndef BU_SCHEMAS_STORE_DDL_H
#define BU_SCHEMAS_STORE_DDL_H

extern const char bu_sql_capture[];		/* capture.sql */
extern const char bu_sql_derive_bringup[];	/* derive_bringup.sql */
extern const char bu_sql_index[];		/* index.sql */
extern const char bu_sql_run[];			/* run.sql */

#define BU_CAPTURE_APPLICATION_ID 1114981217
#define BU_CAPTURE_VERSION 1
#define BU_RUN_APPLICATION_ID 1114985042
#define BU_RUN_VERSION 3

#endif
