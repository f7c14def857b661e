/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * co_switch_x86_64.S - from one stack to another, x86-64 System V.
 *
 * Under co.c. Saves rbp, rbx, r12 to r15, which is what the psABI (AMD64 Architecture Processor Supplement, "Function
 * Calling Sequence") leaves to the callee, apart from the control bits of MXCSR and the x87 control word: cores use
 * no floating point.
 *
 * How it leaves. A ret is predicted to go back to where the switch was called from. Where the other side was left from the
 * same place, as most tasks are that take turns, that is right, and the processor's stack of return addresses stays as deep
 * as ours: the callers of both find theirs on it. Anywhere else it is wrong, and an indirect jump, which is predicted by its
 * history, costs less (measured with `make bench BENCH=engine`: the switch between two places, contended hand-off).
 *
 * Carries no .note.gnu.property on purpose: the linker then does not mark the program as made for a shadow stack,
 * which this switch does not move.
 *
 * A suspended stack, from its stack pointer up: r15 r14 r13 r12 rbx rbp, return address.
 */
#if defined(__x86_64__) && !defined(BU_CO_UCONTEXT)
	.text

	.globl	bu_co_switch
	.hidden	bu_co_switch
	.type	bu_co_switch, @function
	.p2align 5
bu_co_switch:				/* rdi: void **save_sp, rsi: void *load_sp, edx: int pass */
	.cfi_startproc
	movq	(%rsp), %r8
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.cfi_def_cfa_offset 56
	.cfi_offset %rbp, -16
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	movl	%edx, %eax		/* what the other side's switch returns */
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	.cfi_def_cfa_offset 8
	cmpq	%r8, (%rsp)
	jne	1f
	ret
1:
	popq	%rcx
	.cfi_def_cfa_offset 0
	.cfi_register %rip, %rcx
	jmp	*%rcx
	.cfi_endproc
	.size	bu_co_switch, . - bu_co_switch

	.globl	bu_co_begin
	.hidden	bu_co_begin
	.type	bu_co_begin, @function
	.p2align 4
bu_co_begin:				/* r12: function, r13: its argument, as bu_co_init() laid them down */
	.cfi_startproc
	.cfi_undefined %rip		/* the outermost frame: backtraces end here */
	xorl	%ebp, %ebp
	movq	%r13, %rdi
	callq	*%r12
	ud2				/* the function never returns */
	.cfi_endproc
	.size	bu_co_begin, . - bu_co_begin
#endif

	.section .note.GNU-stack, "", %progbits
