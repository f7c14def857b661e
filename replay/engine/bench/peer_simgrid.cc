// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer_simgrid.cc - the models of engine_bench.c with SimGrid's actors (s4u), for comparison.
 *
 * Usage: peer_simgrid hold|handoff ACTORS TURNS [--cfg=...]. Prints ns per turn, as engine_bench does.
 * hold: each actor sleeps again and again. handoff: actors in pairs pass a token through two semaphores.
 */
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <vector>

#include <simgrid/s4u.hpp>

#include "replay/engine/bench/workload.h"

namespace sg4 = simgrid::s4u;

static uint64_t last_turn;
static unsigned long actors;
static const char *model;

/* Leaves without taking tens of thousands of actors down, which takes longer than the run. */
static void turn(void)
{
	bench_turn();
	if (bench_turns < last_turn)
		return;
	bench_report(model, actors, bench_ns_per_turn(), "ns");
	_exit(0);
}

static void hold_actor(void)
{
	for (;;) {
		turn();
		sg4::this_actor::sleep_for((double)bench_increment() * 1e-9);
	}
}

static void handoff_actor(const sg4::SemaphorePtr &mine, const sg4::SemaphorePtr &others)
{
	for (;;) {
		mine->acquire();
		turn();
		others->release();
	}
}

int main(int argc, char **argv)
{
	sg4::Engine engine(&argc, argv);
	unsigned long i;

	if (argc < 4)
		return 2;
	model = argv[1];
	actors = strtoul(argv[2], nullptr, 10);
	bench_warm_turns = 2 * actors;
	last_turn = bench_warm_turns + strtoul(argv[3], nullptr, 10);
	bench_init(BENCH_EXPONENTIAL);
	auto *zone = sg4::create_full_zone("zone");
	auto *host = zone->create_host("host", 1e9);
	zone->seal();
	if (!strcmp(model, "hold")) {
		for (i = 0; i < actors; i++)
			sg4::Actor::create("a", host, hold_actor);
	} else {
		for (i = 0; i < actors / 2; i++) {
			auto a = sg4::Semaphore::create(1), b = sg4::Semaphore::create(0);

			sg4::Actor::create("a", host, [a, b] { handoff_actor(a, b); });
			sg4::Actor::create("b", host, [a, b] { handoff_actor(b, a); });
		}
	}
	engine.run();
	return 1;
}
