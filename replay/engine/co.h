/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * co.h - coroutines: stacks from one arena, and the switch from one stack to another.
 *
 * Stands under engine.c, which is its only user: the engine switches from the main stack (that of the caller of
 * bu_engine_run()) to a task and back, or where nothing else is to be done straight from task to task.
 *
 * Always true
 *  (1) A switch saves what the calling convention says a callee keeps, and nothing else: no signal mask, no
 *      floating point control words. Cores use no floating point.
 *  (2) An arena and all that runs on its stacks belong to one thread.
 *  (3) Every stack in use has an intact canary above its first frame; whatever overflows the stack above it and
 *      could harm it has to destroy the canary first. Reading one costs no further page, unlike a canary at the
 *      low end of the stack, which the task itself usually never touches.
 *  (4) A suspended stack that is dropped runs no cleanups: code that can be suspended owns nothing.
 *
 * The switch is replay/engine/co_switch_*.S, or swapcontext() where there is none for the architecture or
 * BU_CO_UCONTEXT is defined. Both are told to AddressSanitizer and valgrind. With BU_DEBUG each stack has a guard page
 * below it, which halves the number of tasks that vm.max_map_count allows (65530 mappings: about 32,000).
 */
#ifndef BU_REPLAY_ENGINE_CO_H
#define BU_REPLAY_ENGINE_CO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(BU_CO_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define BU_CO_UCONTEXT 1
#endif

#if defined(__SANITIZE_ADDRESS__)
#define BU_CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BU_CO_ASAN 1
#endif
#endif

#define BU_CO_CANARY UINT64_C(0x5afe57ac0c0a57a1)
#define BU_CO_MAX_CHUNKS 26	/* of 16, 32, 64 ... stacks: 2^30 in all */
#define BU_CO_SPREAD_BYTES 1024	/* of each stack are not its task's, see canary_of() in co.c */

/* Stacks of one size. Chunks of them are mapped as they are needed, each twice the one before. */
struct bu_co_arena {
	size_t stack_bytes;	/* of one stack: an odd number of pages, see bu_co_arena_init() in co.c */
	size_t slot_bytes;	/* from one stack to the next: with the guard page, if there is one */
	char *chunk[BU_CO_MAX_CHUNKS];
	uint32_t n_chunks;
	uint32_t cap;		/* stacks in all chunks */
	uint32_t fresh;		/* stacks below this number have been used since the last reset */
	uint32_t *free_list;	/* of the numbers below fresh; room for cap */
	uint32_t n_free;
	unsigned int *valgrind_id;	/* per stack, room for cap; NULL where valgrind is unknown */
	const void *main_low;	/* the caller's own stack, as AddressSanitizer sees it; written by entered() */
	size_t main_bytes;
	void *main_sp;		/* where the caller of bu_co_resume() goes on */
	int pass;		/* handed across a switch by swapcontext(), which hands nothing itself */
	uintptr_t left_sp;	/* the same for how deep the stack was */
};

/* A suspended coroutine is its stack pointer and the place of its canary (which is also where it begins). */
struct bu_co {
	void *sp;
	uint64_t *canary;
};

/**
 * bu_co_arena_init() - An arena without stacks. @stack_bytes is rounded up to an odd number of pages; 0: 20 KiB (64 KiB
 * with AddressSanitizer, whose frames are larger).
 */
void bu_co_arena_init(struct bu_co_arena *a, size_t stack_bytes);

/**
 * bu_co_arena_fini() - Give all memory back. Nothing may run on its stacks any more.
 */
void bu_co_arena_fini(struct bu_co_arena *a);

/**
 * bu_co_arena_reset() - Forget all coroutines, keep the memory: stacks are given out from the first again.
 * All stacks must have been put back.
 */
void bu_co_arena_reset(struct bu_co_arena *a);

/**
 * bu_co_stack_get() - A stack, the one put back last if there is one.
 * @ret_stack: its number. Return: 0; -ENOMEM.
 */
int bu_co_stack_get(struct bu_co_arena *a, uint32_t *ret_stack);

/**
 * bu_co_stack_put() - Give a stack back; nothing runs on it any more.
 * Return: true when the stack was kept within its bounds as far as its neighbour can tell; false when it overflowed.
 */
bool bu_co_stack_put(struct bu_co_arena *a, uint32_t stack);

/**
 * bu_co_init() - Prepare a coroutine that calls @fn(@arg) on @stack when first resumed. @fn calls bu_co_entered()
 * first, ends by bu_co_leave(a, co, true), and never returns. It may use all of the stack but BU_CO_SPREAD_BYTES.
 */
void bu_co_init(struct bu_co_arena *a, struct bu_co *co, uint32_t stack, void (*fn)(void *), void *arg);

/**
 * bu_co_intact() - Whether nobody wrote across the upper end of the stack of @co. To be asked before resuming it.
 */
static inline bool bu_co_intact(const struct bu_co *co)
{
	return *co->canary == BU_CO_CANARY;
}

/**
 * bu_co_entered() - First thing that a new coroutine says.
 */
void bu_co_entered(struct bu_co_arena *a);

#if !defined(BU_CO_UCONTEXT)
/*
 * In co_switch_*.S. Saves the callee-saved registers on the stack and its pointer in *@save_sp, goes on at @load_sp,
 * where the switch that was left there returns @pass.
 */
int bu_co_switch(void **save_sp, void *load_sp, int pass);
/* In co_switch_*.S. Where a new coroutine begins: calls its function with its argument. Not to be called. */
void bu_co_begin(void);
#endif

/*
 * bu_co_resume() - Let @co run until it leaves. @co is only used before the switch.
 * @pass: what its bu_co_leave() returns.
 *
 * bu_co_leave() - Go back to the caller of bu_co_resume(); returns @pass when @co is resumed the next time.
 * @co: the one that runs; only used before the switch, so that its owner may move it meanwhile.
 * @for_ever: it will not be resumed.
 *
 * Inline and, where nobody has to be told of the switch, nothing but the switch: a function that ends in
 * bu_co_leave() then jumps to the switch instead of calling it, and resuming goes straight to that function's
 * caller. Each return that is executed after a switch instead would be mispredicted, because the processor's
 * stack of return addresses belongs to the other side; two or three of them cost more than all the rest.
 */
#if !defined(BU_CO_UCONTEXT) && !defined(BU_CO_ASAN)
static inline void bu_co_resume(struct bu_co_arena *a, struct bu_co *co, int pass)
{
	bu_co_switch(&a->main_sp, co->sp, pass);
}

static inline int bu_co_leave(struct bu_co_arena *a, struct bu_co *co, bool for_ever)
{
	(void)for_ever;
	return bu_co_switch(&co->sp, a->main_sp, 0);
}
#else
void bu_co_resume(struct bu_co_arena *a, struct bu_co *co, int pass);
int bu_co_leave(struct bu_co_arena *a, struct bu_co *co, bool for_ever);
#endif

#if !defined(BU_CO_UCONTEXT) && !defined(BU_CO_ASAN)
#define BU_CO_DIRECT 1
/*
 * bu_co_pass() - From the running coroutine @from straight to @to, without a stop at the caller of bu_co_resume().
 * Whoever leaves next goes there. As bu_co_leave() otherwise.
 */
static inline int bu_co_pass(struct bu_co *from, const struct bu_co *to, int pass)
{
	return bu_co_switch(&from->sp, to->sp, pass);
}
#endif

/**
 * bu_co_left_sp() - How far down the stack of @co, which just left, is in use.
 */
static inline uintptr_t bu_co_left_sp(const struct bu_co_arena *a, const struct bu_co *co)
{
#ifdef BU_CO_UCONTEXT
	(void)co;
	return a->left_sp;
#else
	(void)a;
	return (uintptr_t)co->sp;
#endif
}

/**
 * bu_co_used_low() - The lowest address that the stopped @co uses of @stack; a multiple of 8.
 */
uintptr_t bu_co_used_low(const struct bu_co_arena *a, const struct bu_co *co, uint32_t stack);

/**
 * bu_co_arena_keep() - @a is an older copy of @now: it keeps the stacks that there are now.
 * bu_co_stack_open() - All of @stack may be read and written, whatever AddressSanitizer knows of the frames on it.
 */
void bu_co_arena_keep(struct bu_co_arena *a, const struct bu_co_arena *now);
void bu_co_stack_open(const struct bu_co_arena *a, uint32_t stack);

/**
 * bu_co_stack_clear() - Zero what of @stack lies below @used; NULL: all up to the canary.
 */
void bu_co_stack_clear(const struct bu_co_arena *a, uint32_t stack, const char *used);

/**
 * bu_co_overflowed() - Whether @co, which just left, had used more of its stack than it may.
 */
static inline bool bu_co_overflowed(const struct bu_co_arena *a, const struct bu_co *co)
{
	return (uintptr_t)co->canary - bu_co_left_sp(a, co) > a->stack_bytes - BU_CO_SPREAD_BYTES;
}

#endif
