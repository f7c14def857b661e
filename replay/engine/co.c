// SPDX-License-Identifier: GPL-2.0-only
/*
 * co.c - stacks and switches; see co.h.
 *
 * A chunk in memory, from its low end:
 *      red page | slot 0 | slot 1 | ...          slot: [guard page, with BU_DEBUG] stack
 * and in a stack, from its high end:
 *      0 to 960 bytes left free | canary | (ucontext_t) | first frame ...
 * A stack that overflows runs into the slot below it: over the free bytes, then over the canary, then over frames.
 * The red page is what the lowest stack of a chunk runs into.
 */
#include "replay/engine/co.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef BU_CO_UCONTEXT
#include <ucontext.h>
#endif

#ifdef BU_CO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define BU_CO_VALGRIND 1
#endif
#endif

#define FIRST_CHUNK 16u		/* stacks */

#ifdef BU_CO_ASAN
#define DEFAULT_STACK_BYTES (64u << 10)
#else
#define DEFAULT_STACK_BYTES (20u << 10)
#endif

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t guard_bytes(const struct bu_co_arena *a)
{
	return a->slot_bytes - a->stack_bytes;
}

void bu_co_arena_init(struct bu_co_arena *a, size_t stack_bytes)
{
	size_t page = page_bytes();

	memset(a, 0, sizeof(*a));
	if (stack_bytes == 0)
		stack_bytes = DEFAULT_STACK_BYTES;
	/*
	 * The sets of a TLB are chosen by the low bits of the number of the page, and of each stack the task mostly uses
	 * one page. With an odd number of pages from one to the next, these fall into all sets; with four, into a fourth.
	 */
	a->stack_bytes = ((stack_bytes + page - 1) / page | 1) * page;
	a->slot_bytes = a->stack_bytes;
#ifdef BU_DEBUG
	a->slot_bytes += page;
#endif
}

static uint32_t chunk_slots(uint32_t chunk)
{
	return FIRST_CHUNK << chunk;
}

void bu_co_arena_fini(struct bu_co_arena *a)
{
	uint32_t i;

	for (i = 0; i < a->n_chunks; i++) {
		size_t bytes = page_bytes() + chunk_slots(i) * a->slot_bytes;

#ifdef BU_CO_ASAN
		/* Whoever gets these addresses next must not find them poisoned. */
		ASAN_UNPOISON_MEMORY_REGION(a->chunk[i], bytes);
#endif
		munmap(a->chunk[i], bytes);
	}
	free(a->free_list);
	free(a->valgrind_id);
	memset(a, 0, sizeof(*a));
}

void bu_co_arena_reset(struct bu_co_arena *a)
{
	a->fresh = 0;
	a->n_free = 0;
}

/* The low end of a stack. */
static char *stack_low(const struct bu_co_arena *a, uint32_t stack)
{
	/* Chunk k holds the stacks from 16 * (2^k - 1) on. */
	uint32_t chunk = 31 - (uint32_t)__builtin_clz(stack / FIRST_CHUNK + 1);
	uint32_t first = FIRST_CHUNK * ((1u << chunk) - 1);

	return a->chunk[chunk] + page_bytes() + (stack - first) * a->slot_bytes + guard_bytes(a);
}

/*
 * Stacks of a power of two in size, all used to the same depth, would put the frames of all tasks in the same few
 * sets of the cache: tops are spread over 16 places a cache line apart (Fibonacci hashing).
 */
static uint64_t *canary_of(const struct bu_co_arena *a, uint32_t stack)
{
	size_t spread = ((stack * UINT32_C(2654435761)) >> 28) * 64;

	return (uint64_t *)(stack_low(a, stack) + a->stack_bytes - spread) - 1;
}

static bool is_lowest_of_chunk(uint32_t stack)
{
	uint32_t q = stack / FIRST_CHUNK + 1;

	return stack % FIRST_CHUNK == 0 && (q & (q - 1)) == 0;
}

/* The canary that an overflow of @stack destroys. */
static uint64_t *canary_below(const struct bu_co_arena *a, uint32_t stack)
{
	if (is_lowest_of_chunk(stack))
		return (uint64_t *)(stack_low(a, stack) - guard_bytes(a)) - 1;
	return canary_of(a, stack - 1);
}

static int add_chunk(struct bu_co_arena *a)
{
	uint32_t slots = chunk_slots(a->n_chunks), cap = a->cap + slots;
	size_t bytes;
	uint32_t *list;
	char *p;

	if (a->n_chunks == BU_CO_MAX_CHUNKS || __builtin_mul_overflow(slots, a->slot_bytes, &bytes) ||
	    __builtin_add_overflow(bytes, page_bytes(), &bytes))
		return -ENOMEM;
	list = realloc(a->free_list, cap * sizeof(*list));
	if (!list)
		return -ENOMEM;
	a->free_list = list;
#ifdef BU_CO_VALGRIND
	if (RUNNING_ON_VALGRIND) {
		unsigned int *ids = realloc(a->valgrind_id, cap * sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		a->valgrind_id = ids;
	}
#endif
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
#ifdef MADV_NOHUGEPAGE
	/* A task rarely uses more than a page of its stack; a huge page would hold all of it in memory. */
	madvise(p, bytes, MADV_NOHUGEPAGE);
#endif
	*((uint64_t *)(p + page_bytes()) - 1) = BU_CO_CANARY;
	a->chunk[a->n_chunks++] = p;
	a->cap = cap;
	return 0;
}

int bu_co_stack_get(struct bu_co_arena *a, uint32_t *ret_stack)
{
	uint32_t stack;

	if (a->n_free) {
		stack = a->free_list[--a->n_free];
	} else {
		if (a->fresh == a->cap) {
			int rc = add_chunk(a);

			if (rc)
				return rc;
		}
		stack = a->fresh;
#ifdef BU_DEBUG
		/* Fails beyond vm.max_map_count. */
		if (mprotect(stack_low(a, stack) - guard_bytes(a), guard_bytes(a), PROT_NONE))
			return -ENOMEM;
#endif
		a->fresh++;
	}
#ifdef BU_CO_ASAN
	ASAN_UNPOISON_MEMORY_REGION(stack_low(a, stack), a->stack_bytes);
#endif
#ifdef BU_CO_VALGRIND
	if (a->valgrind_id)
		a->valgrind_id[stack] =
			VALGRIND_STACK_REGISTER(stack_low(a, stack), stack_low(a, stack) + a->stack_bytes);
#endif
	*canary_of(a, stack) = BU_CO_CANARY;
	*ret_stack = stack;
	return 0;
}

bool bu_co_stack_put(struct bu_co_arena *a, uint32_t stack)
{
	a->free_list[a->n_free++] = stack;
#ifdef BU_CO_VALGRIND
	if (a->valgrind_id)
		VALGRIND_STACK_DEREGISTER(a->valgrind_id[stack]);
#endif
#ifdef BU_CO_ASAN
	/* Up to the canary, which the stack above is judged by. */
	ASAN_POISON_MEMORY_REGION(stack_low(a, stack),
				  (size_t)((char *)canary_of(a, stack) - stack_low(a, stack)));
#endif
	/* Stacks are first given out in ascending order, so the one below has had its canary since before this one. */
	return *canary_below(a, stack) == BU_CO_CANARY;
}

uintptr_t bu_co_used_low(const struct bu_co_arena *a, const struct bu_co *co, uint32_t stack)
{
#ifdef BU_CO_UCONTEXT
	(void)co;
	return (uintptr_t)stack_low(a, stack);	/* its stack pointer is for the C library to know */
#else
	(void)a;
	(void)stack;
	return (uintptr_t)co->sp & ~(uintptr_t)7;
#endif
}

void bu_co_arena_keep(struct bu_co_arena *a, const struct bu_co_arena *now)
{
	memcpy(a->chunk, now->chunk, sizeof(a->chunk));
	a->n_chunks = now->n_chunks;
	a->cap = now->cap;
	a->free_list = now->free_list;
	a->valgrind_id = now->valgrind_id;
}

void bu_co_stack_open(const struct bu_co_arena *a, uint32_t stack)
{
#ifdef BU_CO_ASAN
	ASAN_UNPOISON_MEMORY_REGION(stack_low(a, stack), a->stack_bytes);
#else
	(void)a;
	(void)stack;
#endif
}

void bu_co_stack_clear(const struct bu_co_arena *a, uint32_t stack, const char *used)
{
	char *low = stack_low(a, stack);

	memset(low, 0, (size_t)((used ? used : (const char *)canary_of(a, stack)) - low));
}

void bu_co_entered(struct bu_co_arena *a)
{
#ifdef BU_CO_ASAN
	__sanitizer_finish_switch_fiber(NULL, &a->main_low, &a->main_bytes);
#else
	(void)a;
#endif
}

#ifdef BU_CO_UCONTEXT

static void begin(unsigned int fn_hi, unsigned int fn_lo, unsigned int arg_hi, unsigned int arg_lo)
{
	uintptr_t fn = (uintptr_t)((uint64_t)fn_hi << 32 | fn_lo);
	uintptr_t arg = (uintptr_t)((uint64_t)arg_hi << 32 | arg_lo);

	((void (*)(void *))fn)((void *)arg);
	abort();
}

void bu_co_init(struct bu_co_arena *a, struct bu_co *co, uint32_t stack, void (*fn)(void *), void *arg)
{
	char *low = stack_low(a, stack);
	uint64_t f = (uintptr_t)fn, g = (uintptr_t)arg;
	ucontext_t *uc;

	co->canary = canary_of(a, stack);
	uc = (ucontext_t *)((uintptr_t)((char *)co->canary - sizeof(*uc)) & ~(uintptr_t)63);
	co->sp = uc;
	getcontext(uc);
	uc->uc_stack.ss_sp = low;
	uc->uc_stack.ss_size = (size_t)((char *)uc - low);
	uc->uc_link = NULL;
	makecontext(uc, (void (*)(void))begin, 4, (unsigned int)(f >> 32), (unsigned int)f, (unsigned int)(g >> 32),
		    (unsigned int)g);
}

static int swap(struct bu_co_arena *a, void **save_sp, void *load_sp, int pass)
{
	a->left_sp = (uintptr_t)__builtin_frame_address(0);
	a->pass = pass;
	/* Where a context lies never changes, only what is in it. */
	swapcontext(*save_sp, load_sp);
	return a->pass;
}

#else

void bu_co_init(struct bu_co_arena *a, struct bu_co *co, uint32_t stack, void (*fn)(void *), void *arg)
{
	uint64_t *sp;

	co->canary = canary_of(a, stack);
	/* Both calling conventions want the stack pointer on a multiple of 16 where bu_co_begin calls. */
	sp = (uint64_t *)((uintptr_t)co->canary & ~(uintptr_t)15);
#ifdef __x86_64__
	*--sp = 0;
	*--sp = 0;
	*--sp = (uintptr_t)bu_co_begin;
	*--sp = 0;			/* rbp */
	*--sp = 0;			/* rbx */
	*--sp = (uintptr_t)fn;		/* r12 */
	*--sp = (uintptr_t)arg;		/* r13 */
	*--sp = 0;			/* r14 */
	*--sp = 0;			/* r15 */
#else
	sp -= 20;
	memset(sp, 0, 160);
	sp[0] = (uintptr_t)fn;		/* x19 */
	sp[1] = (uintptr_t)arg;		/* x20 */
	sp[11] = (uintptr_t)bu_co_begin;	/* x30 */
#endif
	co->sp = sp;
}

#ifdef BU_CO_ASAN
static int swap(struct bu_co_arena *a, void **save_sp, void *load_sp, int pass)
{
	(void)a;
	return bu_co_switch(save_sp, load_sp, pass);
}
#endif

#endif

#if defined(BU_CO_ASAN)

static const void *asan_low(const struct bu_co_arena *a, const struct bu_co *co)
{
	/* The canary lies less than a page below the upper end, and stacks begin on a page. */
	uintptr_t top = ((uintptr_t)co->canary + page_bytes()) & ~(uintptr_t)(page_bytes() - 1);

	return (const void *)(top - a->stack_bytes);
}

void bu_co_resume(struct bu_co_arena *a, struct bu_co *co, int pass)
{
	void *fake;
#ifdef BU_CO_UCONTEXT
	ucontext_t main_uc;

	a->main_sp = &main_uc;
#endif
	__sanitizer_start_switch_fiber(&fake, asan_low(a, co), a->stack_bytes);
	swap(a, &a->main_sp, co->sp, pass);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

int bu_co_leave(struct bu_co_arena *a, struct bu_co *co, bool for_ever)
{
	void *fake = NULL;
	int pass;

	__sanitizer_start_switch_fiber(for_ever ? NULL : &fake, a->main_low, a->main_bytes);
	pass = swap(a, &co->sp, a->main_sp, 0);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
	return pass;
}

#elif defined(BU_CO_UCONTEXT)

void bu_co_resume(struct bu_co_arena *a, struct bu_co *co, int pass)
{
	ucontext_t main_uc;

	a->main_sp = &main_uc;
	swap(a, &a->main_sp, co->sp, pass);
}

int bu_co_leave(struct bu_co_arena *a, struct bu_co *co, bool for_ever)
{
	(void)for_ever;
	return swap(a, &co->sp, a->main_sp, 0);
}

#endif
