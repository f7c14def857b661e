// SPDX-License-Identifier: GPL-2.0-only
/* api_native.c - the engine as it is built; see api.h. */
#include "replay/engine/tests/api.h"

const struct engine_api api_native = ENGINE_API("native");
