# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# synth.sh - for the tests of analyze, to be sourced: make_capture and make_run fill databases by synth*.sql.

# make_capture FILE CPUS ALGORITHM [HANGING CPU]
make_capture()
{
	rm -f "$1"
	{
		echo 'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;'
		cat "$SRC/schemas/capture.sql"
		echo "BEGIN; CREATE TEMP TABLE param AS SELECT $2 AS cpus, '$3' AS algorithm, ${4:-0} AS hang;"
		cat "$SRC/analyze/tests/synth.sql"
		echo 'CREATE INDEX step_by_op ON step (op, id); COMMIT;'
	} | sqlite3 -bail "$1" >/dev/null
}

# make_run RUNS CAPTURE CORE STRETCH-PERCENT: add a run, making the file when it is not there
make_run()
{
	{
		[[ -e $1 ]] || cat "$SRC/schemas/run.sql"
		echo "ATTACH '$2' AS cap; BEGIN; CREATE TEMP TABLE param AS SELECT '$3' AS core, $4 AS stretch;"
		cat "$SRC/analyze/tests/synth_run.sql"
		echo 'COMMIT;'
	} | sqlite3 -bail "$1" >/dev/null
}
