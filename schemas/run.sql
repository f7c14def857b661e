-- SPDX-License-Identifier: GPL-2.0-only
-- run.sql - replays of captures: one row set per run. Format version 3.
--
-- Written by replay, read by analyze. A runs.db may hold many runs, of several captures. Times are virtual int64
-- nanoseconds since the start of the bring-up (the entry of smp_init or the first step, see docs/methods.md).

PRAGMA application_id = 1114985042;	-- 0x42756252 "BubR"
PRAGMA user_version = 3;

CREATE TABLE run (
	id INTEGER PRIMARY KEY,
	family TEXT NOT NULL,		-- 'hotplug', 'clocksource', ...: what is particular to one stands in metric,
					-- the bring-up columns are hotplug's
	core TEXT NOT NULL,		-- 'serial', 'parallel', 'recorded', ...
	core_source TEXT NOT NULL,	-- kernel version or mail that the core follows
	bringup_version TEXT NOT NULL,
	command TEXT NOT NULL,		-- the command line that made this run, as it was given
	capture_name TEXT NOT NULL,	-- file name of the capture, without its folder
	capture_sha256 TEXT NOT NULL,	-- of the trace that the capture was imported from
	kernel_release TEXT,
	recorded_algorithm TEXT NOT NULL,	-- bringup.algorithm of the capture
	recorded_cpus INTEGER NOT NULL,	-- CPUs in the recording, the boot CPU among them
	cpus INTEGER NOT NULL,		-- CPUs in the run
	sampled INTEGER NOT NULL CHECK (sampled IN (0, 1, 2)),	-- durations drawn from the recorded distributions: 1: of CPUs that
					-- the recording has not; 2: all (one of many runs)
	machine TEXT NOT NULL,		-- its parameters, a JSON object ('bringup machine' says what they mean)
	recorded_machine TEXT NOT NULL,	-- likewise of the machine that was recorded
	seed INTEGER NOT NULL,
	params TEXT NOT NULL,	-- the core's parameters
	bringup_ns INTEGER,		-- NULL: did not finish
	recorded_bringup_ns INTEGER,	-- of the capture itself
	bp_busy_ns INTEGER NOT NULL,	-- the control CPU's task: working
	bp_wait_ns INTEGER NOT NULL,	-- the control CPU's task: waiting for other CPUs
	ap_latency_p50_ns INTEGER,	-- per CPU: from its kick to online
	ap_latency_p99_ns INTEGER,
	ap_latency_max_ns INTEGER,
	events INTEGER NOT NULL,	-- engine events executed
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'deadlock', 'lost wakeup', 'livelock', 'lockup', 'saturation',
						 'misuse', 'crash', 'assertion', 'limit', 'error')),
		-- failed: a CPU did not come up; deadlock: a cycle of waits; lost wakeup: waits that nobody left can end;
		-- livelock: events without progress; lockup: it ended well, but a watchdog of the kernel spoke (table watchdog);
		-- saturation: a device cannot answer what it is asked; misuse: a rule of the kernel is broken; crash: the simulated
		-- kernel died; assertion: what the core takes for granted does not hold; limit: more events than allowed;
		-- error: the core gave up or broke a rule of its interface
	verdict_detail TEXT NOT NULL,
	witness TEXT,			-- the whole report of a run that did not end well
	hash TEXT NOT NULL		-- of all decisions of the run, 16 hex digits
) STRICT;

CREATE TABLE run_cpu (			-- each CPU that was to come up
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	cpu INTEGER NOT NULL,
	prepare_ns INTEGER,		-- first step begins
	kick_ns INTEGER,		-- INIT/SIPI step begins
	alive_ns INTEGER,		-- the CPU has set itself alive
	release_ns INTEGER,		-- the control CPU lets it go on
	idle_ns INTEGER,		-- it reached its idle loop
	online_ns INTEGER,		-- it reached CPUHP_ONLINE
	recorded_online_ns INTEGER,	-- the same instant in the capture, NULL for CPUs the capture has not
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'open')),
	PRIMARY KEY (run, cpu)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_op (			-- each operation of a run of runtime hotplug
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,		-- in their order
	cpu INTEGER NOT NULL,
	direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
	start_ns INTEGER,		-- its first step begins; NULL: the run ended before
	end_ns INTEGER,			-- it is over; NULL: the run ended inside it
	recorded_start_ns INTEGER,	-- the same instants in the capture
	recorded_end_ns INTEGER,
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'open')),
	ret INTEGER NOT NULL,		-- 0 or negative errno
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE name (			-- dictionary of interval and wait names
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE interval (			-- time spent
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	lane INTEGER NOT NULL,		-- CPU that spent it
	cpu INTEGER NOT NULL,		-- CPU that it was for
	phase TEXT NOT NULL CHECK (phase IN ('prepare', 'kick', 'dark', 'parked', 'starting', 'tsc', 'online',
					     'wait', 'overhead', 'down', 'stop', 'dying', 'dead')),
		-- on the way down: down: steps on the CPU's own thread; stop: until all CPUs have met; dying: take_cpu_down()
		-- and to the idle loop; dead: steps on the control CPU
	name INTEGER NOT NULL REFERENCES name (id),
	task INTEGER REFERENCES name (id),	-- the thread that spent it, 'cpuhp/5'; NULL: the recording does not say
	start_ns INTEGER NOT NULL,
	end_ns INTEGER,			-- NULL: the run ended inside it
	recorded_start_ns INTEGER,	-- where the interval stands for one of the capture
	recorded_end_ns INTEGER,
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE wait (			-- waiting, by wait point (docs/methods.md)
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	task TEXT NOT NULL,		-- 'control', 'cpu 5', 'cpuhp/5'
	lane INTEGER NOT NULL,
	cpu INTEGER NOT NULL,
	point INTEGER NOT NULL REFERENCES name (id),	-- 'W1 cpu_initialized_mask', ...
	start_ns INTEGER NOT NULL,
	end_ns INTEGER,			-- NULL: never satisfied
	outcome TEXT NOT NULL CHECK (outcome IN ('satisfied', 'timeout', 'never')),
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE lock (			-- locks that were taken
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,		-- in the order in which they were made
	name INTEGER NOT NULL REFERENCES name (id),
	kind TEXT NOT NULL,		-- 'mutex', 'raw_spinlock', 'percpu_rwsem', ...
	acquired INTEGER NOT NULL,	-- times, for reading or writing
	contended INTEGER NOT NULL,	-- of these, after a wait that took time
	wait_ns INTEGER NOT NULL,
	wait_max_ns INTEGER NOT NULL,
	hold_ns INTEGER NOT NULL,	-- of holds that ended
	hold_max_ns INTEGER NOT NULL,
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE watchdog (			-- what the kernel's watchdogs would have said meanwhile, whatever the verdict
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,		-- in order of time
	name TEXT NOT NULL,		-- 'soft lockup', 'hard lockup', 'RCU stall', 'hung task', 'csd lock', 'AP timeout'
	since_ns INTEGER NOT NULL,	-- when the condition began for the first of them
	at_ns INTEGER NOT NULL,		-- when the watchdog speaks
	cpus TEXT NOT NULL,		-- as the machine counts them: '3-17,19'; ends in '...' where there are more
	n INTEGER NOT NULL,		-- CPUs or tasks
	task TEXT,			-- what runs on the first of them, or who waits
	place TEXT NOT NULL,		-- its innermost function then
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (			-- what each CPU did with its time
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	cpu INTEGER NOT NULL,
	busy_ns INTEGER NOT NULL,	-- running threads other than idle, spinning and interrupts included
	spin_ns INTEGER NOT NULL,	-- of this, spinning
	steal_ns INTEGER NOT NULL,	-- wanted to run without a physical CPU
	interrupts INTEGER NOT NULL,
	nmis INTEGER NOT NULL,
	switches INTEGER NOT NULL,	-- of context
	PRIMARY KEY (run, cpu)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric (			-- what a family measures; docs/methods.md says what each name means
	run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
	seq INTEGER NOT NULL,
	name INTEGER NOT NULL REFERENCES name (id),
	unit TEXT NOT NULL,		-- 'ns', 'reads', 'share', ...
	cpu INTEGER,			-- NULL: of the whole run
	value REAL NOT NULL,
	PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- As in capture.sql: one shape for recorded and replayed timelines.
CREATE VIEW timeline AS
SELECT i.run, i.lane, i.cpu, i.phase, n.text AS name, i.start_ns, i.end_ns
  FROM interval i JOIN name n ON n.id = i.name;

CREATE VIEW phase_totals AS
SELECT run, phase, count(*) AS intervals, sum(end_ns - start_ns) AS total_ns
  FROM interval WHERE end_ns IS NOT NULL GROUP BY run, phase;
