// SPDX-License-Identifier: GPL-2.0-only
/*
 * redact_rules.c - which column holds what, and what becomes of it (redact_int.h).
 *
 * A value stays where it has, as a whole, the shape that its rule knows, and bu_scan() finds nothing in it. All else
 * becomes a pseudonym, the same for the same value, or goes. The order of the table is that of schemas/capture.sql.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/redact_int.h"

static const struct {
	const char *table, *column;
	enum bu_rule rule;
} columns[] = {
	{ "capture", "source_kind", BU_RULE_WORDS },
	{ "capture", "source_name", BU_RULE_SOURCE },
	{ "capture", "source_sha256", BU_RULE_SHA },
	{ "capture", "bringup_version", BU_RULE_RELEASE },
	{ "capture", "kernel_release", BU_RULE_RELEASE },
	{ "capture", "kernel_version", BU_RULE_PLAIN },
	{ "capture", "arch", BU_RULE_IDENT },
	{ "capture", "cmdline", BU_RULE_CMDLINE },
	{ "capture", "trace_clock", BU_RULE_WORDS },
	{ "capture", "clock_unit", BU_RULE_WORDS },
	{ "capture", "clock_hz_source", BU_RULE_WORDS },
	{ "machine", "known", BU_RULE_WORDS },
	{ "machine", "hypervisor", BU_RULE_PLAIN },
	{ "machine", "cpu_model", BU_RULE_PLAIN },
	{ "machine", "smt_control", BU_RULE_WORDS },
	{ "machine", "clocksource_current", BU_RULE_WORDS },
	{ "machine", "clocksource_available", BU_RULE_WORDS },
	{ "hotplug_state", "name", BU_RULE_STATE },
	{ "trace_config", "key", BU_RULE_KEY },
	{ "trace_config", "value", BU_RULE_CONFIG },
	{ "machine_file", "name", BU_RULE_KEY },
	{ "machine_file", "content", BU_RULE_FILE },
	{ "import_note", "severity", BU_RULE_WORDS },
	{ "import_note", "topic", BU_RULE_WORDS },
	{ "import_note", "detail", BU_RULE_NOTE },
	{ "raw_line", "text", BU_RULE_RAW },
	{ "log_event", "kind", BU_RULE_WORDS },
	{ "log_event", "text", BU_RULE_LOG },
	{ "backtrace", "context", BU_RULE_CONTEXT },
	{ "backtrace", "kind", BU_RULE_WORDS },
	{ "backtrace", "symbol", BU_RULE_SYMBOL },
	{ "redaction", "what", BU_RULE_OWN },
	{ "redaction", "how", BU_RULE_OWN },
	{ "clock_bound", "verdict", BU_RULE_WORDS },
	{ "buffer", "name", BU_RULE_BUFFER },
	{ "symbol", "name", BU_RULE_SYMBOL },
	{ "symbol", "base", BU_RULE_SYMBOL },
	{ "task", "comm", BU_RULE_COMM },
	{ "event_kind", "system", BU_RULE_IDENT },
	{ "event_kind", "name", BU_RULE_IDENT },
	{ "event_kind", "stored_in", BU_RULE_IDENT },
	{ "ev_cpuhp", "kind", BU_RULE_WORDS },
	{ "ev_fault", "mode", BU_RULE_WORDS },
	{ "ev_fault", "address", BU_RULE_ADDRESS },
	{ "ev_fault", "ip", BU_RULE_ADDRESS },
	{ "ev_timer", "timer", BU_RULE_ADDRESS },
	{ "ev_other", "fields", BU_RULE_FIELDS },
	{ "loss", "kind", BU_RULE_WORDS },
	{ "step", "name", BU_RULE_SYMBOL },
	{ "step", "state_name", BU_RULE_STATE },
	{ "step", "verdict", BU_RULE_WORDS },
	{ "hotplug_op", "direction", BU_RULE_WORDS },
	{ "hotplug_op", "verdict", BU_RULE_WORDS },
	{ "bringup_cpu", "verdict", BU_RULE_WORDS },
	{ "bringup", "start_what", BU_RULE_WORDS },
	{ "bringup", "algorithm", BU_RULE_WORDS },
};

/* POSIX extended regular expressions, matched against the whole text. */
static const char *const shapes[BU_SHAPES] = {
	[BU_SHAPE_WORDS] = "[A-Za-z0-9_]([A-Za-z0-9_: -]|[.](dat|text))*",
	/* A C identifier, what compilers append, the module; '0x...' comes from bu_address_map(). */
	[BU_SHAPE_SYMBOL] = "[A-Za-z_.][A-Za-z0-9_$]*([.](constprop|isra|part|cold|llvm|lto_priv|clone|num)?[.]?[0-9]*)*"
			    "( \\[[a-z0-9_]+\\])?",
	[BU_SHAPE_STATE] = "offline|online|dead|[A-Za-z0-9_-]+([/: ][A-Za-z0-9_ -]+)+",
	[BU_SHAPE_IDENT] = "[A-Za-z0-9_]*",
	[BU_SHAPE_SHA] = "[0-9a-f]{64}",
	[BU_SHAPE_RELEASE] = "[0-9]+[.][0-9A-Za-z.+~_-]*",
	[BU_SHAPE_PLAIN] = "[A-Za-z0-9#()@:,.+~ _-]*",
	[BU_SHAPE_CONTEXT] = "[A-Za-z0-9_ #]*",
	[BU_SHAPE_KTHREAD] = "|<idle>|<[.][.][.]>|swapper(/[0-9]+)?|kthreadd|rcu_[a-z_]+|irq/[0-9]+"
		"|(cpuhp|migration|ksoftirqd|idle_inject|watchdog|rcuc|rcub|rcuo[bpsg]|ktimers|ktimersoftd|irq_work"
		"|posixcputmr|backlog_napi|stopper)/[0-9]+|(kcompactd|kswapd|pgdatinit)[0-9]+"
		"|kworker/(R|u?[0-9]+:[0-9]+H?[I]?)|kdevtmpfs|watchdogd|khugepaged|ksmd|kauditd|khungtaskd|oom_reaper|writeback"
		"|kblockd|kintegrityd|inet_frag_wq|mm_percpu_wq|slub_flushwq|netns|pool_workqueue_[a-z]*|cryptomgr_(test|probe)"
		"|khvcd|kstrp|mld|ipv6_addrconf|acpi_thermal_pm|zswap-shrink|blkcg_punt_bio|quota_events_un|edac-poller|devfreq_wq"
		"|kthrotld|ata_sff|md|kdamond[.][0-9]+|tpm_dev_wq",
	[BU_SHAPE_KTHREAD_WORK] = "(kworker/(R|u?[0-9]+:[0-9]+H?I?)|irq/[0-9]+)([-+](acpi|pciehp|events(_[a-z]*)?|rcu_gp|rcu_par_gp|"
		"mm_percpu_wq|pm|async|work[0-9]+))?",
	[BU_SHAPE_PARAM_NAME] = "(trace|ftrace|cpuhp|initcall|nohz|rcutree|rcupdate|rcu_nocb|clocksource|processor|intel_idle|"
		"intel_pstate|printk|softlockup|hardlockup|hung_task|nmi)[a-z_.]*|maxcpus|nr_cpus|possible_cpus|isolcpus|tsc|hpet|nohpet|"
		"notsc|lpj|skew_tick|nosmp|nosmt|smt|mitigations|nowatchdog|log_buf_len|panic|quiet|loglevel|ignore_loglevel|"
		"no?x2apic|x2apic_phys|noapic|nolapic|apic|idle|nokaslr|kaslr|preempt|threadirqs|irqaffinity|numa|numa_balancing|"
		"transparent_hugepage|no5lvl|hugepages|hugepagesz|default_hugepagesz|tp_printk|console|ro|rw|debug|nopti|pti|"
		"kpti|cgroup_disable|audit|selinux|highres|tsc_tuned|no_timer_check|workqueue[.][a-z_]+|sched_[a-z_]+|"
		"psi|noresume|splash|nomodeset|cpu_init_udelay",
	[BU_SHAPE_PARAM_VALUE] = "[A-Za-z0-9_:*?,.+!^-]*",
	[BU_SHAPE_CONSOLE] = "(tty|ttyS|ttyAMA|hvc)[0-9]+(,[0-9]+[noe]?[0-9]*r?)?",
	/* What the kernel says of CPUs, clocks and consoles: kernel/smp.c, arch/x86/kernel/{smpboot,tsc}.c,
	 * kernel/time/clocksource.c, kernel/printk/printk.c of 6.1 and 6.12. */
	[BU_SHAPE_MESSAGE] = "smp: Bringing up secondary CPUs [.]*|smp: Brought up [0-9]+ nodes?, [0-9]+ CPUs?|"
		"(smpboot: )?x86: Booting SMP configuration:|[.]* node +#[0-9]+, CPUs: +[#0-9 ]*|( *#[0-9]+)+ *|"
		"smpboot: (Total of|Max logical packages|CPU [0-9]+ is now offline|Booting Node [0-9]+ Processor)[A-Za-z0-9 ().:]*|"
		"(tsc|TSC)[ :][A-Za-z0-9 .,:_-]*|clocksource: [A-Za-z0-9 .,:_'-]*|clockevents: [A-Za-z0-9 .,:_'-]*|"
		"sched_clock: [A-Za-z0-9 .,:>()_-]*|printk: (legacy )?(console|bootconsole) \\[[a-zA-Z0-9]+\\] (enabled|disabled)[a-z, ]*|"
		"(Stopper: )?[a-z_]+\\+0x[0-9a-f]+/0x[0-9a-f]+( <- [a-z_.0-9]+\\+0x[0-9a-f]+/0x[0-9a-f]+)?|"
		"Stopper: [a-z_]+\\+0x[0-9a-f]+/0x[0-9a-f]+( <- [a-z_.0-9]+\\+0x[0-9a-f]+/0x[0-9a-f]+)?|"
		"Dumping ftrace buffer:|\\(ftrace buffer empty\\)|Uhhuh[.] NMI received for unknown reason [0-9a-f]+ on CPU [0-9]+[.]|"
		"Kernel panic - not syncing: (NMI: Not continuing|sysrq triggered crash|hung_task: blocked tasks|softlockup: hung tasks|"
		"Hard LOCKUP|RCU Stall|Attempted to kill init!.*)|sysrq: [A-Za-z ]*|NMI backtrace for cpu [0-9]+( skipped: idling at [a-z_+0-9x/]*)?|"
		"Sending NMI from CPU [0-9]+ to CPUs [0-9,-]+:|smpboot: do_boot_cpu failed\\([-0-9]+\\) to wakeup CPU#[0-9]+|"
		"CPU[0-9]+ failed to report alive state|Calibrating delay loop( \\(skipped\\))?[A-Za-z0-9 .,()=]*|"
		"watchdog: BUG: soft lockup - CPU#[0-9]+ stuck for [0-9]+s! \\[[a-zA-Z0-9_/:<>.-]+:[0-9]+\\]",
	[BU_SHAPE_SITES] = "[a-z_]+ [0-9]+ [0-9]+ [0-9]+ [A-Za-z_][A-Za-z0-9_.$]*\\+0x[0-9a-f]{1,5}",	/* of kernel text, by symbol */
	[BU_SHAPE_MASKED] = "[x ]*",
	[BU_SHAPE_MASKS] = "(online|present|possible|offline|isolated|nohz_full|kernel_max) ?[0-9,-]*",
	[BU_SHAPE_STATS] = "(cpu[0-9]+/stats:)?[a-z ]+: *[0-9.]+|CPU: *[0-9]+|cpu[0-9]+( [a-z ]+: [0-9.]+)+",
	[BU_SHAPE_MEMINFO] = "[A-Za-z0-9_()]+: +[0-9]+( kB)?",
	[BU_SHAPE_NUMBERS] = "[0-9 .,X-]*",
	[BU_SHAPE_CPUINFO] = "(processor|cpu family|model|stepping|microcode|cpu MHz|cache size|physical id|siblings|core id|"
		"cpu cores|apicid|initial apicid|bogomips|clflush size|cache_alignment|vendor_id|model name)[ \t]*: [A-Za-z0-9 ().@x-]*|"
		"flags[ \t]*: [a-z0-9_ ]*",
	[BU_SHAPE_TOPOLOGY] = "([a-z/]*/)?cpu[0-9]+/topology/[a-z_]+:[0-9,-]+|cpu[0-9]+( (pkg|die|core|thr|node) [0-9,-]+)+|"
		"([a-z/]*/)?node[0-9]+(/cpu[0-9]+)?|on|off|forceoff|notsupported|notimplemented",
	[BU_SHAPE_INTERRUPT_HEAD] = "( +CPU[0-9]+)+ *",
	[BU_SHAPE_INTERRUPT] = " *[A-Z0-9]{1,4}:( +[0-9]+)*",
	[BU_SHAPE_EVENT] = "[a-z0-9_]+:[A-Za-z0-9_*]+|[A-Za-z0-9_ ]*|[a-z-]+|####[a-z ]+####|[0-9]+( \\(expanded: [0-9]+\\))?|"
		"[a-z0-9 _-]*\\[[a-z0-9_-]+\\][a-z0-9 _-]*",
	[BU_SHAPE_NUMBERED] = "(user|work|text|symbol|state|ident|instance)[0-9]+",
	[BU_SHAPE_LOG_CONTEXT] = "CPU: [0-9]+ (UID: [0-9]+ )?PID: [0-9]+ Comm: [A-Za-z0-9_/:<>.-]+",
	[BU_SHAPE_CLOCKS] = "[a-z0-9_-]+( [a-z0-9_-]+)*",
};

enum bu_rule bu_rule_of(const char *table, const char *column)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(columns); i++)
		if (!strcmp(columns[i].table, table) && !strcmp(columns[i].column, column))
			return columns[i].rule;
	return BU_RULE_NONE;
}

const char *bu_rule_how(enum bu_rule rule)
{
	switch (rule) {
	case BU_RULE_ADDRESS:
	case BU_RULE_NONE:
		return "address renumbered by rank of page; slot, order and offset kept";
	case BU_RULE_COMM:
		return "user tasks named user1, user2; kernel threads kept";
	case BU_RULE_CMDLINE:
		return "known safe parameters with their values kept, others gone";
	case BU_RULE_FIELDS:
		return "addresses renumbered, unknown strings numbered, arrays emptied";
	case BU_RULE_FILE:
	case BU_RULE_CONFIG:
	case BU_RULE_KEY:
		return "known lines kept, others masked or left out";
	case BU_RULE_RAW:
	case BU_RULE_LOG:
		return "known kernel messages kept, others masked by x";
	case BU_RULE_NOTE:
		return "quoted words left out; removed where it held what looks like a name or an address";
	case BU_RULE_SOURCE:
		return "removed";
	default:
		return "numbered, as it has not the shape of what belongs there";
	}
}

int bu_rules_init(struct bu_rules *r)
{
	_cleanup_free_ char *whole = NULL;
	size_t i;

	*r = (struct bu_rules){ 0 };
	r->shapes = calloc(BU_SHAPES, sizeof(*r->shapes));
	if (!r->shapes)
		return -ENOMEM;
	for (i = 0; i < BU_SHAPES; i++) {
		free(whole);
		if (asprintf(&whole, "^(%s)$", shapes[i]) < 0) {
			whole = NULL;
			break;
		}
		if (regcomp(&r->shapes[i], whole, REG_EXTENDED | REG_NOSUB))
			break;
	}
	if (i == BU_SHAPES)
		return 0;
	while (i--)
		regfree(&r->shapes[i]);
	free(take_ptr(r->shapes));
	return -ENOMEM;
}

void bu_rules_fini(struct bu_rules *r)
{
	size_t i;

	for (i = 0; r->shapes && i < BU_SHAPES; i++)
		regfree(&r->shapes[i]);
	free(r->shapes);
	bu_address_fini(&r->addresses);
	bu_dict_fini(&r->users);
	bu_dict_fini(&r->works);
	bu_dict_fini(&r->texts);
	bu_dict_fini(&r->symbols);
	bu_dict_fini(&r->states);
	bu_dict_fini(&r->idents);
	bu_dict_fini(&r->buffers);
	*r = (struct bu_rules){ 0 };
}

bool bu_shape_is(struct bu_rules *r, enum bu_shape shape, const char *text)
{
	return !strchr(text, '\n') && !regexec(&r->shapes[shape], text, 0, NULL, 0);
}

static bool clean(const char *text)
{
	struct bu_scan_hit hit;

	return !bu_scan(text, strlen(text), 0, true, &hit);
}

static bool fits(struct bu_rules *r, enum bu_shape shape, const char *text)
{
	return bu_shape_is(r, shape, text) && clean(text);
}

/* The shape that a text must have to stay under rules that know nothing but a shape; BU_SHAPES: another rule. */
static enum bu_shape shape_of(enum bu_rule rule)
{
	switch (rule) {
	case BU_RULE_WORDS:
	case BU_RULE_KEY:
		return BU_SHAPE_WORDS;
	case BU_RULE_SYMBOL: return BU_SHAPE_SYMBOL;
	case BU_RULE_STATE: return BU_SHAPE_STATE;
	case BU_RULE_IDENT: return BU_SHAPE_IDENT;
	case BU_RULE_SHA: return BU_SHAPE_SHA;
	case BU_RULE_RELEASE: return BU_SHAPE_RELEASE;
	case BU_RULE_PLAIN: return BU_SHAPE_PLAIN;
	case BU_RULE_CONTEXT: return BU_SHAPE_CONTEXT;
	default: return BU_SHAPES;
	}
}

static int numbered(struct bu_dict *dict, const char *prefix, const char *text, char **ret)
{
	uint32_t id = bu_dict_id(dict, text, 0);

	if (!id || asprintf(ret, "%s%" PRIu32, prefix, id) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int copy(const char *text, char **ret)
{
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* A symbol that is none: '0x' and an address, perhaps behind an offset. */
static bool address_symbol(const char *text, uint64_t *ret)
{
	char *end;

	if (strncmp(text, "0x", 2))
		return false;
	errno = 0;
	*ret = strtoull(text + 2, &end, 16);
	return !errno && end > text + 2 && !*end;
}

static int symbol(struct bu_rules *r, const char *text, char **ret)
{
	uint64_t address;

	if (fits(r, BU_SHAPE_SYMBOL, text))
		return copy(text, ret);
	if (!address_symbol(text, &address))
		return numbered(&r->symbols, "symbol", text, ret);
	if (asprintf(ret, "0x%" PRIx64, bu_address_map(&r->addresses, address)) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* 'kworker/0:1-NAME' keeps what is known of it; the name of a queue or device is numbered. */
static int comm(struct bu_rules *r, const char *text, char **ret)
{
	_cleanup_free_ char *head = NULL, *tail = NULL;
	size_t n;

	if (bu_comm_is_kernel(r, text))
		return copy(text, ret);
	n = strcspn(text, "-+");
	if (text[n]) {
		head = strndup(text, n);
		if (!head)
			return -ENOMEM;
		if (bu_shape_is(r, BU_SHAPE_KTHREAD_WORK, head)) {
			if (numbered(&r->works, "work", text + n, &tail) || asprintf(ret, "%s-%s", head, tail) < 0) {
				*ret = NULL;
				return -ENOMEM;
			}
			return 0;
		}
	}
	return numbered(&r->users, "user", text, ret);
}

int bu_rules_apply(struct bu_rules *r, enum bu_rule rule, const char *key, const char *text, char **ret)
{
	enum bu_shape shape = shape_of(rule);
	size_t i, n;

	*ret = NULL;
	switch (rule) {
	case BU_RULE_SYMBOL: return symbol(r, text, ret);
	case BU_RULE_COMM: return comm(r, text, ret);
	case BU_RULE_SOURCE: return copy("redacted", ret);
	case BU_RULE_CMDLINE: return bu_redact_cmdline(r, text, ret);
	case BU_RULE_BUFFER: return *text ? numbered(&r->buffers, "instance", text, ret) : copy(text, ret);
	case BU_RULE_NOTE: return bu_redact_note(text, ret);
	case BU_RULE_KEY: return bu_config_is_known(text) || bu_file_is_known(text) ? copy(text, ret) : 0;
	case BU_RULE_CONFIG: return bu_redact_config(r, key, text, ret);
	case BU_RULE_FILE: return bu_redact_file(r, key, text, ret);
	case BU_RULE_FIELDS: return bu_redact_fields(r, text, ret);
	case BU_RULE_LOG: return bu_redact_log(r, text, ret);
	case BU_RULE_RAW:
		n = strlen(text);
		*ret = malloc(n + 1);
		for (i = 0; *ret && i <= n; i++)
			(*ret)[i] = i < n ? 'x' : 0;
		return *ret ? 0 : -ENOMEM;
	case BU_RULE_OWN: return copy(text, ret);
	case BU_RULE_STATE:
		return fits(r, shape, text) ? copy(text, ret) : numbered(&r->states, "state", text, ret);
	default:
		return fits(r, shape, text) ? copy(text, ret) : numbered(&r->idents, "ident", text, ret);
	}
}

/* Whether doing it again would leave it as it is: for rules whose result depends on the text alone. */
static bool is_fixed(struct bu_rules *r, enum bu_rule rule, const char *key, const char *text)
{
	_cleanup_free_ char *again = NULL;

	return !bu_rules_apply(r, rule, key, text, &again) && again && !strcmp(again, text);
}

bool bu_rules_allow(struct bu_rules *r, enum bu_rule rule, const char *key, const char *text)
{
	uint64_t address;

	switch (rule) {
	case BU_RULE_FIELDS:
		return bu_redact_fields_allow(r, text);
	case BU_RULE_SYMBOL:
		/* bu_address_map() leaves seven bits free at the top. */
		if (address_symbol(text, &address))
			return address < UINT64_C(1) << 57;
		break;
	case BU_RULE_COMM:
		return bu_comm_is_kernel(r, text) || bu_shape_is(r, BU_SHAPE_NUMBERED, text);
	case BU_RULE_BUFFER:
		return !*text || bu_shape_is(r, BU_SHAPE_NUMBERED, text);
	case BU_RULE_RAW:
		return bu_shape_is(r, BU_SHAPE_MASKED, text);
	case BU_RULE_OWN:
		return clean(text);
	case BU_RULE_SOURCE:
	case BU_RULE_CMDLINE:
	case BU_RULE_NOTE:
	case BU_RULE_KEY:
	case BU_RULE_CONFIG:
	case BU_RULE_FILE:
	case BU_RULE_LOG:
		return is_fixed(r, rule, key, text);
	default:
		break;
	}
	return fits(r, shape_of(rule), text) || bu_shape_is(r, BU_SHAPE_NUMBERED, text);
}

int bu_rules_collect(struct bu_rules *r, enum bu_rule rule, const char *text)
{
	uint64_t address;

	if (rule == BU_RULE_FIELDS)
		return bu_redact_fields_collect(r, text);
	if (rule == BU_RULE_SYMBOL && address_symbol(text, &address))
		return bu_address_add(&r->addresses, address);
	return 0;
}
