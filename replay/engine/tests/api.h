/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * api.h - the engine twice in one program: as it is built, and with swapcontext() for its switch. Tests that must
 * give the same on both take one of these tables.
 */
#ifndef BU_REPLAY_ENGINE_TESTS_API_H
#define BU_REPLAY_ENGINE_TESTS_API_H

#include "replay/engine/engine.h"

struct engine_api {
	const char *name;
	int (*create)(const struct bu_engine_config *config, struct bu_engine **ret, struct bu_err *err);
	void (*destroy)(struct bu_engine *e);
	void (*reset)(struct bu_engine *e, uint64_t seed);
	int (*run)(struct bu_engine *e, struct bu_engine_result *ret, struct bu_err *err);
	bu_task_id (*spawn)(struct bu_engine *e, const char *name, int32_t lane,
			    void (*fn)(struct bu_engine *, void *), void *arg);
	bu_task_id (*self)(const struct bu_engine *e);
	int64_t (*now)(const struct bu_engine *e);
	void (*delay)(struct bu_engine *e, int64_t ns);
	void (*delay_until)(struct bu_engine *e, int64_t at_ns);
	bu_word_id (*word_new)(struct bu_engine *e, const char *name, int64_t value);
	int64_t (*load)(struct bu_engine *e, bu_word_id word);
	void (*store)(struct bu_engine *e, bu_word_id word, int64_t value);
	int64_t (*add)(struct bu_engine *e, bu_word_id word, int64_t delta);
	int64_t (*cmpxchg)(struct bu_engine *e, bu_word_id word, int64_t old, int64_t new_value);
	int (*await)(struct bu_engine *e, const struct bu_await_op *op, int *ret_waited);
	void (*use)(struct bu_engine *e, bu_word_id resource, int64_t service_ns, const char *point);
	struct bu_rng *(*random)(struct bu_engine *e, uint32_t stream);
};

extern const struct engine_api api_native, api_ucontext;

/* Fills a table with the functions that the names stand for where it is used. */
#define ENGINE_API(label)                                                                                              \
	{                                                                                                              \
		.name = label, .create = bu_engine_create, .destroy = bu_engine_destroy, .reset = bu_engine_reset,     \
		.run = bu_engine_run, .spawn = bu_task_spawn, .self = bu_task_self, .now = bu_engine_now,              \
		.delay = bu_engine_delay, .delay_until = bu_engine_delay_until, .word_new = bu_word_new,               \
		.load = bu_word_load, .store = bu_word_store, .add = bu_word_add, .cmpxchg = bu_word_cmpxchg,          \
		.await = bu_word_await, .use = bu_resource_use, .random = bu_engine_random,                            \
	}

#endif
