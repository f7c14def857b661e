#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# plugin.t - cores as shared objects: our own, and ones that misbehave in every way that can be survived.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

CC=${CC:-cc}
case $CC in *sanitize*) skip_all 'a sanitizer takes the signals that the guard needs' ;; esac
if nm "$BRINGUP" 2>/dev/null | grep -q __asan_init; then
	skip_all 'AddressSanitizer takes the signals that the guard needs'
fi

# plugin NAME [CFLAGS...] <source - builds $TMP/NAME.so
plugin() {
	local name=$1
	shift
	cat >"$TMP/$name.c"
	# shellcheck disable=SC2086
	$CC -std=gnu11 -O1 -I"$SRC" -DBU_PLUGIN -fPIC -shared -Wl,-z,defs "$@" -o "$TMP/$name.so" "$TMP/$name.c"
}

# def CONTROL [FIELDS] - the rest of a definition
def() {
	printf 'BU_CORE_DEFINE(hotplug, t) = { .size = sizeof(struct bu_core_def), .abi = BU_CORE_ABI, .family = "hotplug",
		.name = "t", .summary = "s", .source = "x", .control = %s, %s };\n' "$1" "${2:-}"
}

for core in serial parallel; do
	# shellcheck disable=SC2086  # CC may have words
	ok "$core builds as a plugin" $CC -std=gnu11 -I"$SRC" -DBU_PLUGIN -fPIC -shared -Wl,-z,defs \
		-o "$TMP/$core.so" "$SRC/replay/cores/hotplug/$core.c"
	ok "$core keeps the contract as a plugin" "$BRINGUP" core-check "$TMP/$core.so"
done
like 'a plugin imports nothing but libc' "$(nm -D --undefined-only "$TMP/serial.so" | grep -c ' bu_')" '^0$'

tar -xJf "$SRC/datasets/boots/6.1-smp8/capture.tar.xz" -C "$TMP"
"$BRINGUP" import "$TMP/trace.dat" --machine "$TMP/machine" -o "$TMP/boot.db" >/dev/null
is 'built in or plugin, the run is the same' \
	"$("$BRINGUP" replay "$TMP/boot.db" --hotplug serial --json | jq -r '.runs[0].hash')" \
	"$("$BRINGUP" replay "$TMP/boot.db" --hotplug "$TMP/serial.so" --json | jq -r '.runs[0].hash')"

# misbehaves WHAT NAME STATUS MESSAGE - core-check ends with STATUS and says MESSAGE
misbehaves() {
	run timeout 60 "$BRINGUP" core-check "$TMP/$2.so"
	is "$1: ends" "$status" "$3"
	like "$1: says so" "$out$err" "$4"
}

plugin loop < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; for (;;) __asm__ volatile(""); }'; def c)
misbehaves 'an endless loop' loop 1 'core t: task control ran for .* without coming back'

plugin loads < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { uint32_t w = bu_ops(h)->word(h, "w", 0); while (!bu_ops(h)->load(h, w)) ; }'; def c)
misbehaves 'polling a word without waiting' loads 1 'without coming back'

plugin spins < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { for (;;) bu_ops(h)->delay(h, 1); }'; def c)
misbehaves 'a loop of delays' spins 1 'verdict limit'

plugin overflow < <(echo '#include "replay/core.h"
static int deep(struct bu_host *h, volatile char *up) { volatile char room[4096]; room[0] = *up; room[4095] = 1;
	return bu_ops(h)->now_ns(h) < 0 ? 0 : deep(h, room) + room[4095]; }
static void c(struct bu_host *h) { volatile char x = 1; deep(h, &x); }'; def c)
misbehaves 'a stack overflow' overflow 1 'accessed memory|overflow'

plugin wild < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; *(volatile int *)8 = 1; }'; def c)
misbehaves 'a wild pointer' wild 1 'accessed memory at 0x8'

plugin greedy < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { for (;;) bu_ops(h)->alloc(h, 1 << 20); }'; def c)
misbehaves 'allocating for ever' greedy 1 'asks for more than .* MiB'

plugin word0 < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { bu_ops(h)->store(h, 0, 1); }'; def c)
misbehaves 'a word that is none' word0 1 'verdict error'

plugin cpu < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { bu_hp(h)->work(h, 99999, BU_HP_DARK); }'; def c)
misbehaves 'a CPU that is none' cpu 1 'CPU 99999 is no secondary CPU'

plugin nohook < <(echo '#include "replay/core.h"'; def '(void *)0')
misbehaves 'no hook' nohook 1 'no control hook, which is required'

plugin newabi < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; }
#undef BU_CORE_ABI
#define BU_CORE_ABI 99'; def c)
misbehaves 'a newer ABI' newabi 1 'ABI 99 .* use a newer bringup'

plugin longer < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; }
const struct { struct bu_core_def def; void (*later)(void); } bu_core_plugin = { { .size = sizeof(bu_core_plugin),
	.abi = BU_CORE_ABI, .family = "hotplug", .name = "future", .summary = "s", .source = "x", .control = c },
	(void (*)(void))c };')
misbehaves 'a hook that this host does not know' longer 1 "core 'future' needs a newer bringup"

plugin unused < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; }
const struct { struct bu_core_def def; void (*later)(void); } bu_core_plugin = { { .size = sizeof(bu_core_plugin),
	.abi = BU_CORE_ABI, .family = "hotplug", .name = "future", .summary = "s", .source = "x", .control = c }, 0 };')
misbehaves 'a longer definition whose new hook is not set is taken' unused 1 'core future: the contract is broken'

plugin family < <(echo '#include "replay/core.h"
static void c(struct bu_host *h) { (void)h; }
const struct bu_core_def bu_core_plugin = { .size = sizeof(bu_core_plugin), .abi = BU_CORE_ABI, .family = "text",
	.name = "t", .summary = "s", .source = "x", .control = c };')
misbehaves 'another family' family 1 "of family 'text', not 'hotplug'"

echo 'int x;' | plugin nosymbol
misbehaves 'no core at all' nosymbol 1 'exports no bu_core_plugin'
echo 'no object' >"$TMP/text.so"
misbehaves 'no shared object' text 1 'text.so'
run "$BRINGUP" core-check "$TMP/missing.so"
is 'a missing plugin fails' "$status" 1
like 'and is named' "$err" 'missing.so: No such file'

# The program survives: a good core after a bad one, in one call.
run "$BRINGUP" replay "$TMP/boot.db" --hotplug "$TMP/wild.so,serial,$TMP/loop.so" --json
is 'good and bad cores in one call' "$(jq -r '[.runs[].verdict] | join(" ")' <<<"$out")" 'error ok error'

if command -v "${CXX:-c++}" >/dev/null; then
	cat >"$TMP/cxx.cc" <<-'END'
	#include "replay/core.h"
	// Every CPU after the other, without any of the kernel's waiting: the shortest core that keeps the contract.
	namespace {
	struct cpu { int n; uint32_t up; };
	void ap(bu_host *h, void *arg)
	{
		auto *c = static_cast<cpu *>(arg);
		if (bu_hp(h)->never_comes(h, c->n))
			return;
		bu_hp(h)->work(h, c->n, BU_HP_DARK);
		bu_hp(h)->mark(h, c->n, BU_HP_AT_ALIVE);
		bu_hp(h)->mark(h, c->n, BU_HP_AT_RELEASE);
		bu_hp(h)->work(h, c->n, BU_HP_STARTING);
		bu_hp(h)->mark(h, c->n, BU_HP_AT_IDLE);
		bu_hp(h)->step(h, c->n, BU_HP_ONLINE_STEPS, 0);
		bu_hp(h)->mark(h, c->n, BU_HP_AT_ONLINE);
		bu_ops(h)->store(h, c->up, 1);
	}
	void control(bu_host *h)
	{
		for (int n = 1; n < bu_hp(h)->nr_cpus(h); n++) {
			auto *c = static_cast<cpu *>(bu_ops(h)->alloc(h, sizeof(cpu)));
			c->n = n;
			c->up = bu_ops(h)->word(h, "up", 0);
			bu_hp(h)->mark(h, n, BU_HP_AT_PREPARE);
			if (bu_hp(h)->step(h, n, BU_HP_PREPARE, 0)) {
				bu_hp(h)->failed(h, n, -1);
				continue;
			}
			bu_hp(h)->mark(h, n, BU_HP_AT_KICK);
			bu_hp(h)->work(h, n, BU_HP_KICK);
			bu_ops(h)->spawn(h, "cpu", n, ap, c);
			bu_await wait{};
			wait.size = sizeof(wait);
			wait.word = c->up;
			wait.when = BU_WHEN_EQ;
			wait.value = 1;
			wait.timeout_ns = 1000000;
			wait.point = "up";
			wait.cpu = n;
			if (bu_ops(h)->await(h, &wait) < 0)
				bu_hp(h)->failed(h, n, -1);
		}
	}
	}
	extern "C" const bu_core_def bu_core_plugin = { sizeof(bu_core_def), BU_CORE_ABI, "hotplug", "cxx",
		"a core in C++", "this test", nullptr, control };
	END
	ok 'a core in C++ builds' "${CXX:-c++}" -std=c++17 -I"$SRC" -fPIC -shared -o "$TMP/cxx.so" "$TMP/cxx.cc"
	ok 'and keeps the contract' "$BRINGUP" core-check "$TMP/cxx.so"
fi
finish
