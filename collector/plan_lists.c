// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_lists.c - what each profile traces: events, and functions for the phases that have no tracepoint.
 *
 * Flow: profile -> [plan_lists] -> plan.c. The patterns are the union over kernels from 5.10 to 7.3: the kernel skips
 * names that it lacks (kernel/trace/ftrace.c, set_ftrace_early_filter(), 6.1 and 6.12). The profile `all`, with page
 * faults of user space, is what datasets/lab traces, so that the measurements of plan_counts.c hold for it; a test
 * compares the two. The hotplug steps are in every profile: they are the frame, and cost two small records each.
 */
#include <string.h>

#include "collector/plan_int.h"

static const char *const profiles[] = { "hotplug", "clock", "pgd", "text", "all" };

const struct bu_plan_section bu_plan_sections[] = {
	/* Every profile. */
	{ "hotplug clock pgd text", "cpuhp:*", "smp_init,native_smp_prep*,native_smp_cpus_done" },
	/* Bring-up as a whole, and its passes; one CPU seen from the boot CPU. */
	{ "hotplug", NULL,
	  "bringup_*,cpuhp_*,arch_cpuhp_init*,cpu_up,_cpu_up,native_cpu_up,native_kick_ap,arch_cpuhp_kick*,"
	  "arch_cpuhp_cleanup*,common_cpu_up,init_espfix_ap" },
	/* One CPU seen from itself: before it is online no tracepoint fires there, only functions are seen
	 * (include/linux/tracepoint.h, the cpu_online() condition of DECLARE_TRACE, 6.1 and 6.12). */
	{ "hotplug", NULL,
	  "load_ucode_ap,fpu__init_cpu,rcu_cpu_starting,rcutree_report_cpu_starting,apic_ap_setup,smp_store_cpu_info,"
	  "set_cpu_sibling_map,*_ap_init,notify_cpu_starting,lapic_online,cpu_startup_entry" },
	{ "hotplug clock", NULL, "check_tsc_*,mark_tsc_unstable,tick_check_new_device,tick_setup_device*" },
	/* Down. */
	{ "hotplug", NULL,
	  "takedown_cpu,take_cpu_down,native_cpu_d*,play_dead_common,rcu_report_dead,rcutree_report_cpu_dead" },
	/* The rendezvous. */
	{ "hotplug clock text", NULL,
	  "stop_machine*,stop_core_cpuslocked,multi_cpu_stop,stop_cpus*,__stop_cpus*,queue_stop_cpus_work*,"
	  "cpu_stopper_thread,cpu_stop_queue_work" },
	{ "hotplug clock", NULL, "*_aps_init,*_rendezvous_handler" },
	/* Who sends what to whom. */
	{ "clock pgd text",
	  "irq_vectors:call_function_entry,irq_vectors:call_function_exit,irq_vectors:call_function_single_entry,"
	  "irq_vectors:call_function_single_exit",
	  NULL },
	/* The frame of the rest of the boot, in which the clocksource changes. */
	{ "clock", "initcall:*", NULL },
	{ "clock", NULL,
	  "timekeeping_init,timekeeping_notify,timekeeping_update*,tk_setup_internals*,change_clocksource,clocksource_*,"
	  "__clocksource_*,tick_clock_notify,tick_switch_to_oneshot,hpet_enable,tsc_refine*" },
	/* Kernel page tables. Faults of user space are asked for separately. */
	{ "pgd", "exceptions:page_fault_kernel",
	  "sync_global_pgds*,arch_sync_kernel_mappings,vmap_pages_range*,__vmap_pages_range*,__vmalloc_node_range*,"
	  "alloc_vmap_area,pcpu_populate_chunk,pcpu_create_chunk*,pcpu_balance_workfn" },
	/* Who lives in which page table: of the whole system, not of bring-up, so not in `all`. Areas have a tracepoint from 6.3 on. */
	{ "!all pgd",
	  "sched:sched_switch,sched:sched_process_fork,sched:sched_process_exec,sched:sched_process_exit,percpu:percpu_create_chunk,"
	  "vmalloc:alloc_vmap_area",
	  "pgd_alloc,pgd_free,vmalloc_fault,module_alloc,execmem_alloc" },
	{ "pgd text", NULL, "flush_tlb_kernel_range,smp_call_function_many_cond" },
	/* Text patching. Not text_poke*: see the floods. */
	{ "text", NULL,
	  "alternative_instructions,text_poke,__text_poke,text_poke_bp*,text_poke_queue,text_poke_sync,smp_text_poke*" },
};

const size_t bu_plan_n_sections = ARRAY_SIZE(bu_plan_sections);

const struct bu_plan_flood bu_plan_floods[] = {
	{ "text_poke_early", "60,000 to 1,000,000 calls in one boot of 6.1 and 6.12" },
	{ "arch_cpuhp_sync_state_poll", "14,530 calls in a serial boot of 6.12 with 8 CPUs" },
	{ "native_apic_icr_write", "every interrupt that is sent" },
	{ "schedule", "every time that a task waits" },
};

const size_t bu_plan_n_floods = ARRAY_SIZE(bu_plan_floods);

bool bu_plan_profile_known(const char *profile)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		if (!strcmp(profile, profiles[i]))
			return true;
	return false;
}

bool bu_plan_section_in(const struct bu_plan_section *section, const char *profile)
{
	const char *pos = section->profiles;
	char word[16];

	if (!strcmp(profile, "all"))
		return pos[0] != '!';
	while (bu_list_next(&pos, " ", word, sizeof(word)))
		if (!strcmp(word, profile))
			return true;
	return false;
}
