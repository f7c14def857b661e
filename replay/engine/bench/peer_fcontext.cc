// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer_fcontext.cc - the switch of engine_bench.c with Boost.Context's fcontext, for comparison: a main loop resumes n
 * contexts in turn, each goes straight back.
 *
 * Usage: peer_fcontext CONTEXTS. Prints ns per switch (two per turn), as engine_bench does.
 */
#include <cfenv>
#include <cstdlib>
#include <vector>

#include <boost/context/detail/fcontext.hpp>

#include "replay/engine/bench/workload.h"

namespace ctx = boost::context::detail;

#define STACK_BYTES 16384u
#define SWITCHES 40000000ul

static void member(ctx::transfer_t t)
{
	for (;;)
		t = ctx::jump_fcontext(t.fctx, nullptr);
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], nullptr, 10) : 0, rounds, r, i;
	double t0;

	if (!n)
		return 2;
	std::vector<ctx::fcontext_t> co(n);
	std::vector<char> stacks(n * STACK_BYTES);

	std::feclearexcept(FE_ALL_EXCEPT);
	for (i = 0; i < n; i++) {
		/* Ends of stacks a cache line or more apart modulo a page, as the engine's are. */
		char *top = &stacks[0] + (i + 1) * STACK_BYTES - (i % 16) * 64;

		co[i] = ctx::make_fcontext(top, STACK_BYTES - 1024, member);
	}
	for (i = 0; i < n; i++)
		co[i] = ctx::jump_fcontext(co[i], nullptr).fctx;
	rounds = SWITCHES / 2 / n;
	t0 = bench_user_s();
	/*
	 * An fcontext keeps MXCSR, and loading one that differs takes 70 ns. The arithmetic on the line above may leave its
	 * "inexact" flag set; the contexts began without it.
	 */
	std::feclearexcept(FE_ALL_EXCEPT);
	for (r = 0; r < rounds; r++)
		for (i = 0; i < n; i++)
			co[i] = ctx::jump_fcontext(co[i], nullptr).fctx;
	bench_report("switch", n, (bench_user_s() - t0) * 1e9 / (double)(rounds * n * 2), "ns");
	return 0;
}
