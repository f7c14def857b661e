/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * version.h - which build this is. The text is made by scripts/gen-version at build time: from git in a
 * clone ("0.1-g1a2b3c4d5e", with "-dirty" where files were changed), else from the file VERSION.
 */
#ifndef BU_SCHEMAS_BASE_VERSION_H
#define BU_SCHEMAS_BASE_VERSION_H

extern const char bu_version[];

#endif
