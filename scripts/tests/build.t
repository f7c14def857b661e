#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# build.t - the Makefile's promises, kept on a tree of a dozen lines: what changes is rebuilt, what is deleted
# disappears, generated tables hold what the folders hold, installing leaves nothing behind once undone.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

tree="$TMP/a tree"	# a folder may be called anything
mkdir -p "$tree"/{schemas/base,schemas/store,schemas/model/tests,replay/cores/hotplug,analyze/plots} && cd "$tree" || exit
cp -r "$SRC"/{Makefile,VERSION,scripts} .
rm -r scripts/tests scripts/analyzer.h
cp "$SRC/schemas/base/version.h" schemas/base/
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES B WERROR SAN COV T V CC CFLAGS LDFLAGS PREFIX DESTDIR  # what the outer make exports

cat >replay/core.h <<'END'
struct bu_core_def { const char *name; };
#ifdef BU_PLUGIN
extern const struct bu_core_def bu_core_plugin;
#define BU_CORE_DEFINE(family, core) const struct bu_core_def bu_core_plugin
#else
#define BU_CORE_DEFINE(family, core) const struct bu_core_def bu_core_##family##_##core
#endif
END
core() { # NAME
	printf '%s\n' '#include "replay/core.h"' \
		"extern const struct bu_core_def bu_core_hotplug_$1;" \
		"BU_CORE_DEFINE(hotplug, $1) = { \"$1\" };" >"replay/cores/hotplug/$1.c"
}
core serial
core parallel
echo 'extern const char bu_sql_run[];' >schemas/store/ddl.h
printf 'a "quoted" word, a back\\slash,\ta tab, what??(\nand a second line\n' >schemas/run.sql
printf '%s\n' 'struct bu_gp_script { const char *name, *text; };' \
	'extern const struct bu_gp_script bu_gp_table[];' >analyze/plot_scripts.h
echo 'plot x' >analyze/plots/time-line.gp
echo '#define ANSWER 41' >schemas/model/answer.h
cat >bringup.c <<'END'
#include <stdio.h>
#include "analyze/plot_scripts.h"
#include "replay/core.h"
#include "schemas/base/version.h"
#include "schemas/model/answer.h"
#include "schemas/store/ddl.h"
extern const struct bu_core_def *const bu_core_table[];
int main(void)
{
	printf("%d\n", ANSWER);
	for (int i = 0; bu_core_table[i]; i++)
		printf("core %s\n", bu_core_table[i]->name);
	for (int i = 0; bu_gp_table[i].name; i++)
		printf("plot %s: %s", bu_gp_table[i].name, bu_gp_table[i].text);
	printf("version %s\n%s", bu_version, bu_sql_run);
	return 0;
}
END
wanted() { # ANSWER CORE...
	echo "$1"
	shift
	printf 'core %s\n' "$@"
	echo 'plot time-line: plot x'
	echo "version $(cat VERSION)"
	cat schemas/run.sql
}
built() { # what the program of a fresh build prints
	make "$@" >"$TMP/log" 2>&1 || cat "$TMP/log"
	./build/bringup
}

is "everything that lies there is in the program" "$(built)" "$(wanted 41 parallel serial)"
is "a second build compiles nothing" "$(make 2>&1)" ""
echo '#define ANSWER 42' >schemas/model/answer.h
is "a changed header rebuilds what includes it" "$(built)" "$(wanted 42 parallel serial)"
rm replay/cores/hotplug/serial.c
core recorded
is "a deleted core disappears and a new one appears" "$(built)" "$(wanted 42 parallel recorded)"
sed -i 's/ANSWER)/ANSWER + EXTRA)/' bringup.c
is "a changed flag rebuilds" "$(built CFLAGS=-DEXTRA=1)" "$(wanted 43 parallel recorded)"
is "and so does changing it again" "$(built CFLAGS=-DEXTRA=2)" "$(wanted 44 parallel recorded)"
core wrong
sed -i 's/(hotplug,/(clocksource,/' replay/cores/hotplug/wrong.c
run make CFLAGS=-DEXTRA=0
like "a core in the folder of another family is refused" "$err" "wrong.c: BU_CORE_DEFINE\(clocksource, wrong\) in the folder"
rm replay/cores/hotplug/wrong.c

ok "a core can be built as a plugin" make CFLAGS=-DEXTRA=0 build/plugins/replay/cores/hotplug/parallel.so
like "that exports its definition" "$(nm -D build/plugins/replay/cores/hotplug/parallel.so)" "[RD] bu_core_plugin"
echo 'void elsewhere(void); void f(void); void f(void) { elsewhere(); }' >>replay/cores/hotplug/parallel.c
run make CFLAGS=-DEXTRA=0 build/plugins/replay/cores/hotplug/parallel.so
like "and may not lean on anything of ours" "$status $err" "^2 .*undefined reference to .elsewhere"
core parallel

echo 'struct unknown_here { struct bu_core_def def; };' >schemas/model/lame.h
run make check-headers CFLAGS=-DEXTRA=0
is "a header that does not compile alone fails check-headers" "$status" 2
like "and is named" "$err" "schemas/model/lame.h"
rm schemas/model/lame.h
ok "without it check-headers passes" make check-headers CFLAGS=-DEXTRA=0

mkdir docs
printf '%s\n' 'bringup.c schemas/base schemas/model schemas/store analyze replay' 'schemas/base' 'schemas/model schemas/base' \
	'schemas/store' 'replay' 'analyze' >docs/layers.txt
cat >schemas/model/tests/answer_test.c <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "schemas/base/version.h"
#include "schemas/model/answer.h"
int helper(void);
static void is_42(void **state)
{
	(void)state;
	assert_int_equal(helper(), 42);
	assert_true(bu_version[0]);
}
int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(is_42) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
END
printf '%s\n' 'int helper(void);' '#include "schemas/model/answer.h"' 'int helper(void) { return ANSWER; }' \
	>schemas/model/tests/helper.c
# shellcheck disable=SC2016  # these are for the test to expand
printf '%s\n' '#!/bin/bash' 'echo 1..1' '"$BRINGUP" >"$B/said" && echo "ok 1 - said"' >schemas/model/tests/slow.t
chmod +x schemas/model/tests/slow.t
run make check CFLAGS=-DEXTRA=0
is "make check runs every test" "$status $(scripts/count-tap build/tap)" "0 2 0 0"
run make unit CFLAGS=-DEXTRA=0
is "make unit leaves the slow one out" "$status $(scripts/count-tap build/tap)" "0 1 0 0"
echo '# quick' >>schemas/model/tests/slow.t
run make unit CFLAGS=-DEXTRA=0
is "but takes a quick one" "$status $(scripts/count-tap build/tap)" "0 2 0 0"
run make check T=slow CFLAGS=-DEXTRA=0
is "T= chooses by path" "$status $(cd build/tap && echo *)" "0 schemas__model__tests__slow.t.tap"
run make unit SAN=address,undefined CFLAGS=-DEXTRA=0
is "sanitized tests run in a folder of their own" "$status $(scripts/count-tap build/san-address-undefined/tap)" "0 2 0 0"
sed -i 's/return ANSWER/int x[1] = { 0 }; int i = ANSWER; return x[i % 42 + 1] + 42/' schemas/model/tests/helper.c
run make unit SAN=address,undefined CFLAGS=-DEXTRA=0
is "and fail where memory is misused" "$status $(scripts/count-tap build/san-address-undefined/tap)" "2 1 1 0"
echo '#define ANSWER 43' >schemas/model/answer.h
run make check CFLAGS=-DEXTRA=0
is "a failing test fails make check" "$status $(scripts/count-tap build/tap)" "2 1 1 0"
echo '#include "replay/core.h"' >>schemas/model/answer.h
run make check CFLAGS=-DEXTRA=0
like "so does an include of the wrong layer" "$status $out$err" "^2 .*schemas/model/answer.h:2: schemas/model may not include"
echo '#define ANSWER 42' >schemas/model/answer.h

ok "install works" make install CFLAGS=-DEXTRA=0 DESTDIR="$TMP/root" PREFIX=/opt/b
is "and puts files where they belong" "$(cd "$TMP/root" && find . -type f | LC_ALL=C sort)" \
"./opt/b/bin/bringup
./opt/b/include/bringup/replay/core.h
./opt/b/share/bringup/plots/time-line.gp
./opt/b/share/bringup/schemas/run.sql"
echo mine >"$TMP/root/opt/b/share/bringup/mine"
ok "uninstall works" make uninstall DESTDIR="$TMP/root" PREFIX=/opt/b
is "and leaves what is not ours" "$(cd "$TMP/root" && find . -type f)" "./opt/b/share/bringup/mine"

mkdir "$TMP/bin"
printf '#!/bin/sh\necho "$*" | grep -q sqlite3 && exit 1; exec %s "$@"\n' "$(command -v pkg-config)" >"$TMP/bin/pkg-config"
chmod +x "$TMP/bin/pkg-config"
run env PATH="$TMP/bin:$PATH" make
is "a build without a library fails" "$status" 2
like "and names the package and what to do" "$err" "sqlite3 >= [0-9.]+ \(libsqlite3-dev\).*make deps"
finish
