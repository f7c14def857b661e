// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer_fcontext.cc - the switch of engine_bench.c with Boost.Context's fcontext, for comparison: a main loop resumes n
 * contexts in turn, each counts a turn and goes straight back.
 *
 * Usage: peer_fcontext CONTEXTS. Prints ns per switch (two per turn), as engine_bench does.
 */
#include <cfenv>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

#include <boost/context/detail/fcontext.hpp>

#include "replay/engine/bench/workload.h"

namespace ctx = boost::context::detail;

#define STACK_BYTES 20480u
#define SWITCHES 40000000ul

struct switcher {
	ctx::fcontext_t co;
	uint64_t turns;
};

static void member(ctx::transfer_t t)
{
	auto *s = static_cast<switcher *>(t.data);

	for (;;) {
		s->turns++;
		t = ctx::jump_fcontext(t.fctx, nullptr);
	}
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], nullptr, 10) : 0, rounds, r, i;
	double t0;

	if (!n)
		return 2;
	std::vector<switcher> members(n);
	void *stacks = mmap(nullptr, n * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED)
		return 1;

	std::feclearexcept(FE_ALL_EXCEPT);
	for (i = 0; i < n; i++) {
		/* Stacks as the engine's are: from one to the next, and where in its page each begins. */
		char *top = static_cast<char *>(stacks) + (i + 1) * STACK_BYTES - (i % 16) * 64;

		members[i].co = ctx::make_fcontext(top, STACK_BYTES - 1024, member);
	}
	for (i = 0; i < n; i++)
		members[i].co = ctx::jump_fcontext(members[i].co, &members[i]).fctx;
	rounds = SWITCHES / 2 / n;
	t0 = bench_user_s();
	/*
	 * An fcontext keeps MXCSR, and loading one that differs takes 70 ns. The arithmetic on the line above may leave its
	 * "inexact" flag set; the contexts began without it.
	 */
	std::feclearexcept(FE_ALL_EXCEPT);
	for (r = 0; r < rounds; r++)
		for (i = 0; i < n; i++)
			members[i].co = ctx::jump_fcontext(members[i].co, nullptr).fctx;
	bench_report("switch", n, (bench_user_s() - t0) * 1e9 / (double)(rounds * n * 2), "ns");
	return 0;
}
