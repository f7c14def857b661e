#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# quick
# check_layers.t - scripts/check-layers passes a clean tree and finds each kind of planted violation.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

tree=$TMP/tree
mkdir -p "$tree"/{docs,schemas/base/tests,schemas/store,collector,replay/engine,replay/cores/hotplug,analyze,odd}
cp "$SRC/docs/layers.txt" "$tree/docs/"
cd "$tree" || exit
touch schemas/base/err.h schemas/base/err_int.h schemas/store/db.h collector/source.h replay/core.h

# check FILE LINE... - the verdict on a tree with this one file more
check() {
	local file=$1
	shift
	printf '%s\n' "$@" >"$file"
	run "$SRC/scripts/check-layers"
	rm "$file"
}

run "$SRC/scripts/check-layers"
is "a clean tree passes" "$status$out" "0"
check collector/a.c '#include "collector/source.h"' '#include "schemas/store/db.h"' '#include <tracefs.h>'
is "an allowed include passes" "$status$out" "0"
check schemas/base/tests/err_test.c '#include <cmocka.h>' '#include "schemas/base/err_int.h"'
is "a test may look inside its own folder" "$status$out" "0"

check analyze/a.c '' '#include "collector/source.h"'
is "a program that includes another is found" "$status $out" \
	"1 analyze/a.c:2: analyze may not include collector/source.h (docs/layers.txt)"
check schemas/base/a.h '#include "schemas/store/db.h"'
like "so is an include upwards" "$status $out" "^1 schemas/base/a.h:1: schemas/base may not"
check replay/engine/a.c '	#  include "schemas/store/db.h"'
like "so is the store in the engine, however it is spaced" "$status $out" "^1 replay/engine/a.c:1: "
check replay/cores/hotplug/a.c '#include "schemas/base/err.h"'
like "so is a core that sees more than core.h" "$status $out" "^1 replay/cores/hotplug/a.c:1: "
check analyze/a.c '#include <sqlite3.h>'
like "so is a foreign header outside its place" "$status $out" "^1 analyze/a.c:1: <sqlite3.h> belongs to schemas/store"
check replay/session.c '#include <dlfcn.h>'
like "so is one that belongs to a single file" "$status $out" "^1 replay/session.c:1: <dlfcn.h> belongs to replay/registry.c"
check analyze/a.c '#include <traceevent/event-parse.h>'
like "so is one of a family of headers" "$status $out" "^1 analyze/a.c:1: <traceevent/event-parse.h> belongs to collector"
check collector/a.c '#include "source.h"'
like "so is an include that does not start at the root" "$status $out" "start at the root"
check schemas/store/a.c '#include "schemas/base/err_int.h"'
like "so is the private header of another folder" "$status $out" "err_int.h is for its own folder"
check odd/a.c '#include <stdio.h>'
like "so is a file that lies in no listed place" "$status $out" "^1 odd/a.c:1: lies in no place"
check collector/a.c '#include <cmocka.h>'
like "so is a test header in the program" "$status $out" "^1 collector/a.c:1: <cmocka.h> is for tests"
finish
