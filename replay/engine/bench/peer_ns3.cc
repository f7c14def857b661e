// SPDX-License-Identifier: GPL-2.0-only
/*
 * peer_ns3.cc - the hold model of engine_bench.c with ns-3's events, for comparison: no coroutines, each event is a call.
 *
 * Usage: peer_ns3 SCHEDULER EVENTS TURNS [MODEL], where SCHEDULER is a class of ns3:: as PriorityQueueScheduler and MODEL is
 * hold, ties or bimodal. Prints ns per turn, as engine_bench does.
 */
#include <cstdlib>
#include <string>

#include <ns3/core-module.h>

#include "replay/engine/bench/workload.h"

static uint64_t last_turn;

static void fire(uint32_t member)
{
	bench_turn();
	if (bench_turns >= last_turn)
		ns3::Simulator::Stop();
	ns3::Simulator::Schedule(ns3::NanoSeconds(bench_increment()), &fire, member);
}

int main(int argc, char **argv)
{
	ns3::ObjectFactory factory;
	std::string model = argc > 4 ? argv[4] : "hold";
	unsigned long n, i;

	if (argc < 4)
		return 2;
	n = strtoul(argv[2], nullptr, 10);
	bench_warm_turns = 2 * n;
	last_turn = bench_warm_turns + strtoul(argv[3], nullptr, 10);
	bench_init(model == "ties" ? BENCH_EQUAL : model == "bimodal" ? BENCH_BIMODAL : BENCH_EXPONENTIAL);
	factory.SetTypeId(std::string("ns3::") + argv[1]);
	ns3::Simulator::SetScheduler(factory);
	for (i = 0; i < n; i++)
		ns3::Simulator::Schedule(ns3::NanoSeconds(bench_increment()), &fire, (uint32_t)i);
	ns3::Simulator::Run();
	bench_report(model.c_str(), n, bench_ns_per_turn(), "ns");
	ns3::Simulator::Destroy();
	return 0;
}
