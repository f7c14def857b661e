-- SPDX-License-Identifier: GPL-2.0-only
-- capture.sql - one recorded boot (or hotplug session), self-contained: the evidence. Format version 1.
--
-- Written once by the collector as NAME.partial, indexes and derived tables last, then renamed; read by replay
-- and analyze, never changed afterwards.
--
-- Conventions
--   ts_ns     nanoseconds since the first event of the capture (capture.clock_unit = 'ns'), or clock ticks since
--             then where the rate of the clock is not known (clock_unit = 'tick').
--   ts_raw    the stamp as the ring buffer had it; NULL where that was already nanoseconds.
--   id        number of the event in total order (time, CPU, position in that CPU's buffer), unique over all
--             ev_* tables: ORDER BY id is the order in which things happened as far as the clock can tell.
--   cpu       the CPU on which the event was recorded; target_cpu the CPU that a hotplug step is for.
--   NULL      not known. Never zero, never invented.
-- Tables ev_* and loss are what was recorded; step, hotplug_op and bringup_cpu are derived from them at import
-- (collector/hotplug_ops.c, then derive_bringup.sql) and can be derived again.

PRAGMA application_id = 1114981217;	-- 0x42755361 "BuSa"
PRAGMA user_version = 1;

---------------------------------------------------------------------------------------------- provenance

-- source_kind is also 'live recording': what a recorder had written of one that has not ended. clock_hz_source is also 'USER_HZ'
-- or the dmesg's 'Refined TSC clocksource calibration'.
CREATE TABLE capture (			-- exactly one row
	id INTEGER PRIMARY KEY CHECK (id = 1),
	source_kind TEXT NOT NULL,	-- 'trace.dat v6', 'trace.dat v7', 'trace text', 'console log'
	source_name TEXT NOT NULL,	-- file name without folder
	source_sha256 TEXT NOT NULL,	-- of the source file, hex
	source_bytes INTEGER NOT NULL,
	bringup_version TEXT NOT NULL,	-- the program that imported
	kernel_release TEXT,		-- uname -r
	kernel_version TEXT,		-- uname -v
	arch TEXT,			-- uname -m
	cmdline TEXT,			-- kernel command line
	trace_clock TEXT,		-- 'x86-tsc', 'local', ...
	clock_unit TEXT NOT NULL CHECK (clock_unit IN ('ns', 'tick')),	-- unit of every ts_ns in this file
	clock_hz INTEGER,		-- ticks per second where ts_raw counts ticks
	clock_hz_source TEXT,		-- where that rate came from: 'dmesg tsc: Detected', 'trace.dat',
					-- 'hrtimer_expire_entry anchors': the events' own, see import_note
	ts_raw_origin INTEGER NOT NULL,	-- ts_raw of ts_ns = 0
	events_total INTEGER NOT NULL,	-- rows in all ev_* tables
	lost_total INTEGER NOT NULL,	-- events that the kernel produced and this file lacks, as far as counted
	lost_unknown INTEGER NOT NULL,	-- losses whose number is not known (rows in loss with count NULL)
	complete INTEGER NOT NULL CHECK (complete IN (0, 1))	-- 1: nothing lost, nothing unread, accounts balance
) STRICT;

CREATE TABLE machine (			-- exactly one row
	id INTEGER PRIMARY KEY CHECK (id = 1),
	known TEXT NOT NULL CHECK (known IN ('saved', 'inferred')),	-- machine files were given, or only events
	cpus_possible INTEGER,		-- counts of CPUs
	cpus_present INTEGER,
	cpus_online INTEGER,		-- when the capture was taken
	boot_cpu INTEGER,
	hypervisor TEXT,		-- as dmesg names it
	cpu_model TEXT,
	smt_control TEXT,		-- /sys/devices/system/cpu/smt/control
	clocksource_current TEXT,
	clocksource_available TEXT,	-- space-separated
	tsc_khz INTEGER,
	memory_kib INTEGER
) STRICT;

CREATE TABLE cpu (			-- one row per possible CPU, or per CPU seen where that is not known
	cpu INTEGER PRIMARY KEY,
	package INTEGER, die INTEGER, core INTEGER,	-- topology ids as sysfs has them
	thread INTEGER,			-- rank among the threads of its core; 0 is the primary
	node INTEGER,
	apic_id INTEGER,
	online INTEGER CHECK (online IN (0, 1))	-- when the capture was taken
) STRICT;

CREATE TABLE hotplug_state (		-- the kernel's own table of steps, /sys/devices/system/cpu/hotplug/states
	nr INTEGER PRIMARY KEY,		-- differs between kernels: identify a step by its callback symbol first
	name TEXT NOT NULL
) STRICT;

CREATE TABLE trace_config (		-- how tracing was set up: tracer, filters, events, buffer sizes, ...
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

CREATE TABLE machine_file (		-- small machine files kept whole: dmesg, interrupts, meminfo, modules, ...
	name TEXT PRIMARY KEY,
	content TEXT NOT NULL
) STRICT;

-- Further topics: 'text', 'record', 'decode', 'redaction'; count is of what the sentence in detail speaks of.
CREATE TABLE import_note (		-- what the importer saw and the reader should know
	id INTEGER PRIMARY KEY,
	severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
	topic TEXT NOT NULL,		-- 'clock', 'machine', 'account', 'step', ...
	detail TEXT NOT NULL,
	count INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE redaction (		-- what `bringup redact` did; empty: the file was never redacted
	id INTEGER PRIMARY KEY,
	what TEXT NOT NULL,		-- 'file', or table.column
	how TEXT NOT NULL,
	count INTEGER NOT NULL		-- rows written, or values that are not as they were
) STRICT;

CREATE TABLE clock_bound (		-- what causality says of the CPUs' clocks; docs/methods.md, 'Clocks that agree'
	cpu INTEGER PRIMARY KEY,
	ref_cpu INTEGER NOT NULL,	-- against whose clock
	lo_ns INTEGER, hi_ns INTEGER,	-- its clock is ahead of that by at least, at most; before any correction
	corrected_ns INTEGER NOT NULL,	-- was subtracted from its stamps (bringup import --fix-clocks)
	lower INTEGER NOT NULL, upper INTEGER NOT NULL,	-- pairs of events that bound it from below, from above
	verdict TEXT NOT NULL CHECK (verdict IN ('consistent', 'unsynchronised', 'contradictory', 'unbounded'))
		-- unsynchronised: 0 is not within; contradictory: no offset satisfies them all; unbounded: a side is missing
) STRICT;

CREATE TABLE source_text (		-- exactly one row where the source was text: what became of all of it
	id INTEGER PRIMARY KEY CHECK (id = 1),
	lines INTEGER NOT NULL,		-- of the file
	pieces INTEGER NOT NULL,	-- a line, or a part of one where messages interleave within it
	events INTEGER NOT NULL,	-- pieces that became an event
	marks INTEGER NOT NULL,		-- heads, rules, blank lines, marks of loss, frames of a recorded stack
	messages INTEGER NOT NULL,	-- of the kernel or of whoever else wrote to the console
	unparsed INTEGER NOT NULL,	-- meant to be an event and cut, or not to be understood: see raw_line
	passed_over INTEGER NOT NULL,	-- belong to another boot in the same log
	CHECK (pieces = events + marks + messages + unparsed + passed_over)
) STRICT;

CREATE TABLE source_line (		-- where an event stood in a source that was text; no rows for other sources
	event_id INTEGER PRIMARY KEY,	-- id in its ev_* table
	line INTEGER NOT NULL		-- number of the line, from 1
) STRICT;

CREATE TABLE raw_line (			-- what could not be understood, the first 100000 of it
	id INTEGER PRIMARY KEY,
	line INTEGER NOT NULL,
	text TEXT NOT NULL		-- made printable; at most 4096 bytes of it
) STRICT;

CREATE TABLE log_event (		-- what the console says of the machine's troubles and of its bring-up
	id INTEGER PRIMARY KEY,		-- in the order of the log
	line INTEGER NOT NULL,
	printk_ns INTEGER,		-- printk's own time stamp, a clock apart from ts_ns; NULL: it has none
	kind TEXT NOT NULL,		-- 'panic', 'oops', 'soft lockup', 'hard lockup', 'rcu stall', 'hung task', 'nmi',
					-- 'nmi backtrace', 'context', 'stopper', 'warning', 'cpu failed', 'csd lock',
					-- 'bringup', 'clocksource', 'dump', 'sysrq', 'end'
	cpu INTEGER,			-- the CPU that it is about
	text TEXT NOT NULL
) STRICT;

CREATE TABLE backtrace (		-- call traces of the console, a row per frame
	id INTEGER PRIMARY KEY,
	trace INTEGER NOT NULL,		-- numbers the call traces of the log
	line INTEGER NOT NULL,
	cpu INTEGER,			-- NULL: the log does not say whose it is
	seq INTEGER NOT NULL,		-- 0 is the innermost
	context TEXT NOT NULL,		-- 'NMI', 'IRQ', 'TASK', ... as the log marks it; ''
	kind TEXT NOT NULL CHECK (kind IN ('rip', 'frame')),	-- rip: where the CPU was
	symbol TEXT NOT NULL,
	offset INTEGER,			-- into it, bytes
	reliable INTEGER NOT NULL CHECK (reliable IN (0, 1))	-- 0: marked '?', found on the stack only
) STRICT;

-------------------------------------------------------------------------------------------- dictionaries

CREATE TABLE buffer (			-- ring buffers in the capture
	id INTEGER PRIMARY KEY,		-- 0 is the top-level buffer
	name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE symbol (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,	-- as kallsyms has it; '0x...' where no symbol covers the address
	base TEXT NOT NULL		-- without compiler suffixes: 'tk_setup_internals' of '....constprop.0'
) STRICT;

CREATE TABLE task (
	id INTEGER PRIMARY KEY,
	pid INTEGER NOT NULL,
	comm TEXT NOT NULL,		-- '' where the capture does not say
	UNIQUE (pid, comm)
) STRICT;

CREATE TABLE event_kind (
	id INTEGER PRIMARY KEY,
	system TEXT NOT NULL,		-- 'cpuhp'
	name TEXT NOT NULL,		-- 'cpuhp_enter'
	stored_in TEXT NOT NULL,	-- the table that has its rows
	events INTEGER NOT NULL,	-- how many
	UNIQUE (system, name)
) STRICT;

-------------------------------------------------------------------------------------------------- events
-- ctx: bits 0..7 the record's common_flags (irqs off, need resched, hard irq, soft irq, ...), bits 8..15 its
-- preempt count, as struct trace_entry has them (include/linux/trace_events.h, 6.12).

CREATE TABLE ev_cpuhp (			-- cpuhp_enter, cpuhp_multi_enter, cpuhp_exit
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('enter', 'multi', 'exit')),
	target_cpu INTEGER NOT NULL,
	step INTEGER NOT NULL,		-- idx: the state whose callback runs
	target INTEGER,			-- enter: the state to be reached
	func INTEGER REFERENCES symbol (id),	-- enter: the callback
	state INTEGER,			-- exit: the CPU's state after it
	ret INTEGER			-- exit: return code, 0 or negative errno
) STRICT;

CREATE TABLE ev_func (			-- the function tracer
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	func INTEGER NOT NULL REFERENCES symbol (id),
	caller INTEGER REFERENCES symbol (id)
) STRICT;

CREATE TABLE ev_fault (			-- exceptions:page_fault_user, page_fault_kernel
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	mode TEXT NOT NULL CHECK (mode IN ('user', 'kernel')),
	address INTEGER NOT NULL,	-- virtual address, two's complement
	ip INTEGER,			-- instruction, two's complement; NULL where a text only names its function:
	ip_symbol INTEGER REFERENCES symbol (id),	-- that function
	error_code INTEGER NOT NULL	-- x86 page-fault error code
) STRICT;

CREATE TABLE ev_irq_vector (		-- irq_vectors:*_entry and *_exit
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	kind INTEGER NOT NULL REFERENCES event_kind (id),
	vector INTEGER NOT NULL
) STRICT;

-- As the event has them: prio is the kernel's own (120 + nice; below 100: real time), prev_state has bits of TASK_*.
CREATE TABLE ev_sched_switch (
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	prev INTEGER NOT NULL REFERENCES task (id), prev_prio INTEGER NOT NULL, prev_state INTEGER NOT NULL,
	next INTEGER NOT NULL REFERENCES task (id), next_prio INTEGER NOT NULL
) STRICT;

CREATE TABLE ev_timer (			-- timer:timer_* and timer:hrtimer_*
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	kind INTEGER NOT NULL REFERENCES event_kind (id),
	timer INTEGER NOT NULL,		-- identity of the timer: its address, two's complement
	func INTEGER REFERENCES symbol (id),
	expires INTEGER,		-- jiffies (timer) or ns (hrtimer)
	now INTEGER			-- likewise, where the event has it
) STRICT;

CREATE TABLE ev_other (			-- everything else, whole
	id INTEGER PRIMARY KEY,
	ts_ns INTEGER NOT NULL, ts_raw INTEGER, cpu INTEGER NOT NULL,
	task INTEGER NOT NULL REFERENCES task (id), ctx INTEGER NOT NULL, buf INTEGER NOT NULL,
	kind INTEGER NOT NULL REFERENCES event_kind (id),
	fields TEXT NOT NULL	-- {"field": value, ...}; code addresses as symbols
) STRICT;

------------------------------------------------------------------------------------------ account of loss

-- bytes: of events in the buffer then; oldest_raw, now_raw: stamps of the oldest of them and of then, in the unit of ts_raw.
CREATE TABLE cpu_account (		-- per buffer and CPU: what the kernel says, what we have
	buf INTEGER NOT NULL REFERENCES buffer (id),
	cpu INTEGER NOT NULL,
	imported INTEGER NOT NULL,	-- events of it in this file
	entries INTEGER,		-- per_cpu/cpuN/stats when the recording ended, before it was read out
	overrun INTEGER, commit_overrun INTEGER, dropped INTEGER,	-- events that the kernel lost
	read_before INTEGER,		-- events consumed by somebody before us
	bytes INTEGER, oldest_raw INTEGER, now_raw INTEGER,
	PRIMARY KEY (buf, cpu)
) STRICT, WITHOUT ROWID;

-- missed: as the ring buffer marks it; overrun, commit overrun, dropped: as the kernel counted; unread: left in it.
CREATE TABLE loss (			-- each hole, at its place
	id INTEGER PRIMARY KEY,
	buf INTEGER NOT NULL REFERENCES buffer (id),
	cpu INTEGER NOT NULL,		-- -1: the source does not say of which CPU
	kind TEXT NOT NULL CHECK (kind IN ('missed', 'overrun', 'commit overrun', 'dropped', 'unread')),
	count INTEGER,			-- events; NULL: the ring buffer only says that there were some
	after_id INTEGER,		-- last event of that CPU before the hole, NULL: before all
	before_id INTEGER,		-- first event of that CPU after it, NULL: after all
	after_ns INTEGER, before_ns INTEGER
) STRICT;

------------------------------------------------------------------------------------------ derived at import

-- target: the step number to be reached, below nr on the way down; ret: 0 or negative errno.
CREATE TABLE step (			-- one run of one hotplug callback: an enter with its exit
	id INTEGER PRIMARY KEY,		-- ev_cpuhp.id of the enter
	exit_id INTEGER,		-- ev_cpuhp.id of the exit; NULL: there is none
	op INTEGER,			-- hotplug_op.id; NULL: a callback being installed on a running CPU
	cpu INTEGER NOT NULL, target_cpu INTEGER NOT NULL, task INTEGER NOT NULL,
	nr INTEGER NOT NULL,		-- step number in this kernel
	name TEXT NOT NULL,		-- callback symbol without suffix: the key that is stable over kernels
	state_name TEXT,		-- sysfs name of the number, where the table was saved
	multi INTEGER NOT NULL CHECK (multi IN (0, 1)),	-- one instance of a multi-instance state
	target INTEGER NOT NULL,
	start_ns INTEGER NOT NULL,
	end_ns INTEGER,			-- NULL: no exit seen
	ret INTEGER,
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'open', 'lost'))
		-- failed: ret < 0; open: the trace ends inside it; lost: its exit is missing though the trace goes on
) STRICT;

CREATE TABLE hotplug_op (		-- one CPU being brought up or taken down, from its first step to its last
	id INTEGER PRIMARY KEY,
	cpu INTEGER NOT NULL,
	direction TEXT NOT NULL CHECK (direction IN ('up', 'down', 'rollback')),
	nth INTEGER NOT NULL,		-- 1 for the first operation of that direction on that CPU
	control_cpu INTEGER NOT NULL,	-- where its first step ran
	start_ns INTEGER NOT NULL,
	end_ns INTEGER,			-- NULL: not finished in this capture
	ret INTEGER,			-- of the step that ended it
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'open'))
) STRICT;

-- op is hotplug_op.id; control_cpu, verdict and ret are that one's.
CREATE TABLE bringup_cpu (		-- milestones of each CPU's first bring-up; docs/methods.md defines each
	cpu INTEGER PRIMARY KEY,
	op INTEGER NOT NULL,
	control_cpu INTEGER NOT NULL,
	prepare_ns INTEGER NOT NULL,	-- first step begins on the control CPU
	kick_ns INTEGER,		-- the step that sends INIT/SIPI begins (bringup_cpu or cpuhp_kick_ap_alive)
	kick_last_ns INTEGER,		-- last function seen on the control CPU in that step before the CPU's first sign
	kick_end_ns INTEGER,		-- that step ends (for bringup_cpu: after everything else)
	first_sign_ns INTEGER,		-- first function seen on the CPU itself
	alive_ns INTEGER,		-- cpuhp_ap_sync_alive on the CPU: it waits for its release
	bringup_ns INTEGER,		-- the step that waits for the CPU begins (bringup_cpu or cpuhp_bringup_ap)
	release_ns INTEGER,		-- the control CPU let it go (arch_cpuhp_cleanup_kick_cpu)
	starting_ns INTEGER,		-- rcu_cpu_starting or rcutree_report_cpu_starting on the CPU
	tsc_target_ns INTEGER,		-- check_tsc_sync_target on the CPU
	tsc_source_ns INTEGER,		-- check_tsc_sync_source on the partner
	tsc_end_ns INTEGER,		-- first other function on the CPU after the TSC check
	idle_ns INTEGER,		-- cpuhp_online_idle on the CPU: it is online, before its threads' steps
	kick_thread_ns INTEGER,		-- cpuhp_kick_ap on the control CPU: it woke up and starts the online steps
	thread_ns INTEGER,		-- first sign of the CPU's hotplug thread
	online_ns INTEGER,		-- last step on the CPU ends: state CPUHP_ONLINE
	done_ns INTEGER,		-- the control CPU's bring-up step ends
	verdict TEXT NOT NULL CHECK (verdict IN ('ok', 'failed', 'open')),
	ret INTEGER
) STRICT;

CREATE TABLE bringup (			-- exactly one row when any CPU was brought up in this capture, else none
	id INTEGER PRIMARY KEY CHECK (id = 1),
	start_ns INTEGER NOT NULL,	-- entry of smp_init, or the first step where that was not traced
	start_what TEXT NOT NULL CHECK (start_what IN ('smp_init', 'first step')),
	end_ns INTEGER,			-- last CPU online
	bringup_ns INTEGER,		-- end_ns - start_ns
	algorithm TEXT NOT NULL CHECK (algorithm IN ('serial', 'split', 'parallel', 'runtime', 'unknown')),
		-- serial: bringup_cpu does it all (before 6.5); split: kick and bring-up are two steps, one CPU after
		-- the other; parallel: a pass of its own, with the kick as its target, kicks CPUs ahead of the online pass;
		-- runtime: single CPUs brought up after boot
	cpus INTEGER NOT NULL,		-- CPUs that were to come up
	cpus_ok INTEGER NOT NULL
) STRICT;

--------------------------------------------------------------------------------------------------- views

-- Where everything happened, in the words that reports and plots use. lane is the CPU that spent the time.
CREATE VIEW timeline AS
SELECT s.cpu AS lane, s.target_cpu AS cpu, 'prepare' AS phase, s.name AS name, s.start_ns, s.end_ns
  FROM step s JOIN bringup_cpu b ON b.op = s.op
 WHERE s.cpu <> s.target_cpu AND (b.kick_ns IS NULL OR s.start_ns < b.kick_ns)
UNION ALL
SELECT b.control_cpu, b.cpu, 'kick', 'kick', b.kick_ns,
       CASE WHEN b.kick_ns = b.bringup_ns THEN coalesce(b.kick_last_ns, b.kick_ns) ELSE b.kick_end_ns END
  FROM bringup_cpu b WHERE b.kick_ns IS NOT NULL
UNION ALL
SELECT b.cpu, b.cpu, 'dark', 'dark', coalesce(b.kick_last_ns, b.kick_ns), b.first_sign_ns
  FROM bringup_cpu b WHERE b.kick_ns IS NOT NULL AND b.first_sign_ns IS NOT NULL
UNION ALL
SELECT b.cpu, b.cpu, 'parked', 'parked', b.alive_ns, coalesce(b.release_ns, b.bringup_ns)
  FROM bringup_cpu b WHERE b.alive_ns IS NOT NULL AND coalesce(b.release_ns, b.bringup_ns) > b.alive_ns
UNION ALL
SELECT b.cpu, b.cpu, 'starting', 'starting', coalesce(b.release_ns, b.starting_ns),
       coalesce(b.tsc_target_ns, b.idle_ns)
  FROM bringup_cpu b WHERE coalesce(b.release_ns, b.starting_ns) IS NOT NULL
UNION ALL
SELECT b.cpu, b.cpu, 'starting', 'set_cpu_online to idle', b.tsc_end_ns, b.idle_ns
  FROM bringup_cpu b WHERE b.tsc_end_ns IS NOT NULL AND b.idle_ns IS NOT NULL
UNION ALL
SELECT b.cpu, b.cpu, 'tsc', 'check_tsc_sync', b.tsc_target_ns, coalesce(b.tsc_end_ns, b.idle_ns)
  FROM bringup_cpu b WHERE b.tsc_target_ns IS NOT NULL
UNION ALL
SELECT b.control_cpu, b.cpu, 'wait', 'wait for the CPU',
       CASE WHEN b.kick_ns = b.bringup_ns THEN coalesce(b.kick_last_ns, b.kick_ns) ELSE b.bringup_ns END, b.done_ns
  FROM bringup_cpu b WHERE b.bringup_ns IS NOT NULL AND b.done_ns IS NOT NULL
UNION ALL
SELECT s.cpu, s.target_cpu, 'online', s.name, s.start_ns, s.end_ns
  FROM step s JOIN bringup_cpu b ON b.op = s.op
 WHERE s.cpu = s.target_cpu;

-- Function tracer events by name.
CREATE VIEW functions AS
SELECT e.id, e.ts_ns, e.cpu, t.comm, t.pid, f.name AS func, c.name AS caller
  FROM ev_func e JOIN symbol f ON f.id = e.func LEFT JOIN symbol c ON c.id = e.caller
  JOIN task t ON t.id = e.task;

-- Hotplug steps with their duration.
CREATE VIEW steps AS
SELECT s.id, s.cpu, s.target_cpu, s.nr, s.name, s.state_name, s.start_ns, s.end_ns - s.start_ns AS duration_ns,
       s.ret, s.verdict, o.direction, o.nth
  FROM step s LEFT JOIN hotplug_op o ON o.id = s.op;

CREATE VIEW page_faults AS
SELECT e.id, e.ts_ns, e.cpu, t.comm, t.pid, e.mode, e.address, e.ip, y.name AS ip_symbol, e.error_code
  FROM ev_fault e JOIN task t ON t.id = e.task LEFT JOIN symbol y ON y.id = e.ip_symbol;

-- Losses in words; an empty view is a complete capture.
CREATE VIEW losses AS
SELECT b.name AS buffer, l.cpu, l.kind, l.count, l.after_ns, l.before_ns
  FROM loss l JOIN buffer b ON b.id = l.buf;
