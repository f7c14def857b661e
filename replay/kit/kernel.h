/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - the operations of the machine under the kernel's own names, for cores: mutex_lock(m, lock), schedule(m).
 *
 * One inline function for each operation of BU_MACHINE_OPS in replay/core.h, and what cores need besides. Not for code
 * that includes replay/machine, which has the same operations with the prefix bu_.
 */
#ifndef BU_REPLAY_KIT_KERNEL_H
#define BU_REPLAY_KIT_KERNEL_H

#include "replay/core.h"

#define BU_OP_INLINE(type, name, params, args) \
	static inline __attribute__((unused)) type name params \
	{ \
		return bu_ops(m)->name args; \
	}
BU_MACHINE_OPS(BU_OP_INLINE)
#undef BU_OP_INLINE

struct kernel_fn_scope { struct bu_machine *m; };

static inline void kernel_fn_end(struct kernel_fn_scope *s)
{
	bu_ops(s->m)->ret(s->m);
}

/* First statement of a function: it is on the call path, which verdicts and waits show, until it returns. */
#define KERNEL_FN(m_) \
	struct kernel_fn_scope kernel_fn_scope_ __attribute__((cleanup(kernel_fn_end))) = { (m_) }; \
	bu_ops(kernel_fn_scope_.m)->call(kernel_fn_scope_.m, __func__)

#endif
