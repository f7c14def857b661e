#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
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

for core in serial parallel-full; do
	# shellcheck disable=SC2086  # CC may have words
	ok "$core builds as a plugin" $CC -std=gnu11 -I"$SRC" -DBU_PLUGIN -fPIC -shared -Wl,-z,defs \
		-o "$TMP/$core.so" "$SRC/replay/cores/hotplug/${core/-/_}.c"
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

plugin loop < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; for (;;) __asm__ volatile(""); }'; def c)
misbehaves 'an endless loop' loop 1 'core t: thread kernel_init ran for .* without coming back'

plugin loads < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { uint32_t w = bu_ops(m)->atomic(m, "w", 0); while (!bu_ops(m)->atomic_read(m, w)) ; }'; def c)
misbehaves 'polling a word without waiting' loads 1 'core t: thread kernel_init ran for .* without coming back'

plugin spins < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { for (;;) bu_ops(m)->work(m, 1); }'; def c)
misbehaves 'a loop of delays' spins 1 'verdict livelock'

plugin overflow < <(echo '#include "replay/core_hotplug.h"
static int deep(struct bu_machine *m, volatile char *up) { volatile char room[4096]; room[0] = *up; room[4095] = 1;
	return bu_ops(m)->now(m) < 0 ? 0 : deep(m, room) + room[4095]; }
static void c(struct bu_machine *m) { volatile char x = 1; deep(m, &x); }'; def c)
misbehaves 'a stack overflow' overflow 1 'core t: .*(accessed memory|overflow)'

plugin wild < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; *(volatile int *)8 = 1; }'; def c)
misbehaves 'a wild pointer' wild 1 'core t: thread kernel_init accessed memory at 0x8'

plugin greedy < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { for (;;) bu_ops(m)->alloc(m, 1 << 20); }'; def c)
misbehaves 'allocating for ever' greedy 1 'core t: asks for more than .* MiB'

plugin word0 < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { bu_ops(m)->atomic_set(m, 0, 1); }'; def c)
misbehaves 'a word that is none' word0 1 'verdict error.*core t: kernel_init: store of word 0, which does not exist'

plugin cpu < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { bu_hp(m)->work(m, 99999, BU_HP_DARK); }'; def c)
misbehaves 'a CPU that is none' cpu 1 'core t: CPU 99999 is no secondary CPU'

plugin shares < <(echo '#include "replay/core_hotplug.h"
static void other(struct bu_machine *m, void *arg) { bu_ops(m)->work(m, 10); ++*(int *)arg; }
static void c(struct bu_machine *m) { bu_ops(m)->thread_run(m, "other", 0, other, bu_ops(m)->alloc(m, sizeof(int))); }'; def c)
misbehaves 'memory that two threads write' shares 1 'core t: other changed memory of kernel_init: threads share nothing but words'

plugin percpu < <(echo '#include "replay/core_hotplug.h"
static void other(struct bu_machine *m, void *arg) { bu_ops(m)->work(m, 10); ((int *)arg)[0]++; ((int *)arg)[1]++; }
static void c(struct bu_machine *m) { bu_ops(m)->thread_run(m, "other", 0, other, bu_ops(m)->alloc_percpu(m, sizeof(int))); }'; def c)
misbehaves 'per-CPU memory of another CPU' percpu 1 'core t: other changed memory of CPU 1 from outside'

plugin atomic < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { bu_ops(m)->preempt_disable(m); bu_ops(m)->sleep_ns(m, 10); }'; def c)
misbehaves 'sleeping while atomic' atomic 1 'verdict misuse.*core t: BUG: sleeping function called from invalid context'

plugin asserts < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { BU_ASSERT_CORE(m, bu_ops(m)->nr_cpus(m) == 77); }'; def c)
misbehaves 'an assertion' asserts 1 "verdict assertion.*core t: assertion 'bu_ops.m.->nr_cpus.m. == 77' does not hold at .*asserts.c:2"

plugin nothread < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { bu_ops(m)->thread_run(m, "t", 0, (bu_thread_fn)0, (void *)0); bu_ops(m)->sleep_ns(m, 10); }'; def c)
misbehaves 'a thread without a function' nothread 1 'core t: '

plugin nohandler < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { bu_ops(m)->irq_send(m, 0, "none", 0, (bu_thread_fn)0, (void *)0); bu_ops(m)->work(m, 10); }'; def c)
misbehaves 'an interrupt without a handler' nohandler 1 'core t: interrupt none without a handler'

plugin nohook < <(echo '#include "replay/core.h"'; def '(void *)0')
misbehaves 'no hook' nohook 1 "core 't' has no control hook, which is required"

plugin newabi < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; }
#undef BU_CORE_ABI
#define BU_CORE_ABI 99'; def c)
misbehaves 'a newer ABI' newabi 1 'newabi.so is built for core ABI 99 .* use a newer bringup'

plugin longer < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; }
const struct { struct bu_core_def def; void (*later)(void); } bu_core_plugin = { { .size = sizeof(bu_core_plugin),
	.abi = BU_CORE_ABI, .family = "hotplug", .name = "future", .summary = "s", .source = "x", .control = c },
	(void (*)(void))c };')
misbehaves 'a hook that this host does not know' longer 1 "core 'future' needs a newer bringup"

plugin unused < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; }
const struct { struct bu_core_def def; void (*later)(void); } bu_core_plugin = { { .size = sizeof(bu_core_plugin),
	.abi = BU_CORE_ABI, .family = "hotplug", .name = "future", .summary = "s", .source = "x", .control = c }, 0 };')
misbehaves 'a longer definition whose new hook is not set is taken' unused 1 'core future: the contract is broken'

plugin family < <(echo '#include "replay/core_hotplug.h"
static void c(struct bu_machine *m) { (void)m; }
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

# A core that hangs: the whole report is kept, and read back.
plugin hangs < <(echo '#include "replay/kit/kernel.h"
#include "replay/core_hotplug.h"
static void second(struct bu_machine *m, void *locks) { const bu_obj *l = locks; KERNEL_FN(m);
	mutex_lock(m, l[1]); sleep_ns(m, 10); mutex_lock(m, l[0]); }
static void c(struct bu_machine *m) { bu_obj *l = alloc(m, 2 * sizeof(*l)); KERNEL_FN(m);
	l[0] = mutex(m, "first"); l[1] = mutex(m, "second"); thread_run(m, "other", 0, second, l);
	mutex_lock(m, l[0]); sleep_ns(m, 10); mutex_lock(m, l[1]); }'; def c)
run "$BRINGUP" replay "$TMP/boot.db" --hotplug "$TMP/hangs.so" -o "$TMP/runs.db"
like 'and is stored with its witness' "$(sqlite3 "$TMP/runs.db" "SELECT verdict, witness FROM run")" \
	'^deadlock.*kernel_init waits for lock second since 10 ns.    in c.    holds mutex first, taken in c at 0 ns.*The cycle:.  [a-z_]+ -> lock'
run "$BRINGUP" replay --verify 1 --hotplug "$TMP/hangs.so" -o "$TMP/runs.db"
is 'and comes out again' "$status" 0

# The program survives: a good core after a bad one, in one call.
run "$BRINGUP" replay "$TMP/boot.db" --hotplug "$TMP/wild.so,serial,$TMP/loop.so" --json
is 'good and bad cores in one call' "$(jq -r '[.runs[].verdict] | join(" ")' <<<"$out")" 'error ok error'

# The core that docs/add-a-core.md shows.
awk '/^```/ { on = !on && /c$/ && !n++; next } on' "$SRC/docs/add-a-core.md" | plugin example -Wall -Wextra -Werror
ok 'the documented example keeps the contract' "$BRINGUP" core-check "$TMP/example.so"

if command -v "${CXX:-c++}" >/dev/null; then
	cat >"$TMP/cxx.cc" <<-'END'
	#include "replay/kit/kernel.h"
	#include "replay/core_hotplug.h"
	// Every CPU after the other, without any of the kernel's waiting: the shortest core that keeps the contract.
	namespace {
	void start_secondary(bu_machine *m, void *up)
	{
		const int n = this_cpu(m);
		bu_hp(m)->work(m, n, BU_HP_DARK);
		bu_hp(m)->mark(m, n, BU_HP_AT_ALIVE);
		bu_hp(m)->mark(m, n, BU_HP_AT_RELEASE);
		bu_hp(m)->work(m, n, BU_HP_STARTING);
		bu_hp(m)->mark(m, n, BU_HP_AT_IDLE);
		if (bu_hp(m)->step(m, n, BU_HP_ONLINE_STEPS, 0))
			return;
		bu_hp(m)->mark(m, n, BU_HP_AT_ONLINE);
		set_cpu_online(m, n, true);
		atomic_set(m, *static_cast<bu_word_id *>(up), 1);
		cpu_startup_entry(m);
	}
	void control(bu_machine *m)
	{
		for (int n = 1; n < static_cast<int>(nr_cpus(m)); n++) {
			auto *up = static_cast<bu_word_id *>(alloc(m, sizeof(bu_word_id)));
			*up = atomic(m, "up", 0);
			bu_hp(m)->mark(m, n, BU_HP_AT_PREPARE);
			if (bu_hp(m)->step(m, n, BU_HP_PREPARE, 0)) {
				bu_hp(m)->failed(m, n, -1);
				continue;
			}
			bu_hp(m)->mark(m, n, BU_HP_AT_KICK);
			bu_hp(m)->work(m, n, BU_HP_KICK);
			if (!bu_hp(m)->never_comes(m, n))
				cpu_start(m, n, start_secondary, up);
			if (spin_until(m, *up, BU_GUARD_EQ, 1, 1000000, "up", n)) {
				bu_hp(m)->undo(m, n, BU_HP_PREPARE, 0);
				bu_hp(m)->failed(m, n, -1);
			}
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
