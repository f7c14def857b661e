/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * co_switch_aarch64.S - from one stack to another, AArch64.
 *
 * Under co.c. Saves x19 to x30 and the low halves of v8 to v15, which AAPCS64 ("Machine registers") leaves to the
 * callee. Leaves by br, not ret, for the reason given in co_switch_x86_64.S; whether its exception for two sides that were
 * left from the same place pays here too has not been measured. Carries no BTI property note, so that the linker does
 * not guard the program's pages and the target of br needs no landing pad.
 *
 * A suspended stack, from its stack pointer up: x19 ... x30, d8 ... d15: 160 bytes.
 */
#if defined(__aarch64__) && !defined(BU_CO_UCONTEXT)
	.text

	.globl	bu_co_switch
	.hidden	bu_co_switch
	.type	bu_co_switch, %function
	.p2align 5
bu_co_switch:				/* x0: void **save_sp, x1: void *load_sp, w2: int pass */
	.cfi_startproc
	stp	x19, x20, [sp, #-160]!
	.cfi_def_cfa_offset 160
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	.cfi_offset x29, -80
	.cfi_offset x30, -72
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	mov	w0, w2			/* what the other side's switch returns */
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x19, x20, [sp], #160
	.cfi_def_cfa_offset 0
	br	x30
	.cfi_endproc
	.size	bu_co_switch, . - bu_co_switch

	.globl	bu_co_begin
	.hidden	bu_co_begin
	.type	bu_co_begin, %function
	.p2align 4
bu_co_begin:				/* x19: function, x20: its argument, as bu_co_init() laid them down */
	.cfi_startproc
	.cfi_undefined x30		/* the outermost frame: backtraces end here */
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	blr	x19
	brk	#0			/* the function never returns */
	.cfi_endproc
	.size	bu_co_begin, . - bu_co_begin
#endif

	.section .note.GNU-stack, "", %progbits
