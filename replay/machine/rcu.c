// SPDX-License-Identifier: GPL-2.0-only
#include "replay/machine/machine_int.h"
void rcu_note_context_switch(struct bu_machine *m, struct cpu *c, struct thread *prev, bool preempt)
{ (void)m; (void)c; (void)prev; (void)preempt; }
void rcu_tick(struct bu_machine *m, struct cpu *c) { (void)m; (void)c; }
void rcu_momentary_eqs(struct bu_machine *m, struct cpu *c) { (void)m; (void)c; }
