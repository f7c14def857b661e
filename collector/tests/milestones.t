#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# milestones.t - in every recorded boot, every CPU that came up has milestones that go forward, as far as its kernel has
# the functions that mark them.
. "${SRC:?run by make check}/scripts/tap.sh" || exit

for archive in "$SRC"/datasets/boots/*/capture.tar.xz; do
	[[ -e $archive ]] || skip_all "no datasets"
	name=${archive%/*}
	name=${name##*/}
	# Other sets of functions than the lab's own leave those of bring-up out.
	[[ $name == *-clock || $name == *-text* || $name == *-pgd* ]] && continue
	rm -rf "$TMP/capture" && mkdir "$TMP/capture"
	tar -C "$TMP/capture" -xJf "$archive" || continue
	db=$TMP/x.db
	run "$BRINGUP" import "$TMP/capture/trace.dat" --machine "$TMP/capture/machine" -o "$db" --force
	is "$name: imports" "$status" 0
	is "$name: every event has its row" "$(sqlite3 "$db" "SELECT (SELECT events_total FROM capture) - (SELECT sum(n) FROM (
		SELECT count(*) AS n FROM ev_cpuhp UNION ALL SELECT count(*) FROM ev_func UNION ALL SELECT count(*) FROM ev_fault
		UNION ALL SELECT count(*) FROM ev_irq_vector UNION ALL SELECT count(*) FROM ev_sched_switch UNION ALL
		SELECT count(*) FROM ev_timer UNION ALL SELECT count(*) FROM ev_other))")" 0
	if command -v trace-cmd >/dev/null; then
		is "$name: trace-cmd counts the same" "$(trace-cmd report "$TMP/capture/trace.dat" 2>/dev/null |
			grep -vc '^cpus=')" "$(sqlite3 "$db" 'SELECT events_total FROM capture')"
	fi
	is "$name: every CPU but the boot CPU came up" "$(sqlite3 "$db" "SELECT count(*), sum(verdict = 'ok') FROM bringup_cpu")" \
		"$(sqlite3 "$db" 'SELECT cpus_online - 1, cpus_online - 1 FROM machine')"
	# alive and release exist since 6.5, the kick of the thread is a function of its own only before that
	is "$name: milestones are there" "$(sqlite3 "$db" "SELECT count(*) FROM bringup_cpu b, bringup r WHERE kick_ns IS NULL OR
		kick_last_ns IS NULL OR first_sign_ns IS NULL OR b.bringup_ns IS NULL OR starting_ns IS NULL OR tsc_target_ns IS NULL
		OR idle_ns IS NULL OR thread_ns IS NULL OR online_ns IS NULL OR done_ns IS NULL OR
		(r.algorithm IN ('split', 'parallel') AND alive_ns IS NULL)")" 0
	is "$name: milestones go forward" "$(sqlite3 "$db" "SELECT count(*) FROM bringup_cpu WHERE prepare_ns > kick_ns OR
		kick_ns > kick_last_ns OR kick_last_ns > first_sign_ns OR first_sign_ns > alive_ns OR alive_ns > release_ns OR
		bringup_ns > release_ns OR release_ns > starting_ns OR first_sign_ns > starting_ns OR starting_ns > tsc_target_ns OR
		tsc_target_ns > tsc_end_ns OR tsc_end_ns > idle_ns OR idle_ns > kick_thread_ns OR kick_thread_ns > thread_ns OR
		idle_ns > thread_ns OR thread_ns > online_ns OR online_ns > done_ns")" 0
	is "$name: no step lost its end" "$(sqlite3 "$db" "SELECT count(*) FROM step WHERE verdict IN ('lost', 'open')")" 0
done
finish
