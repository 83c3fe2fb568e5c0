@ Where a process begins, with sp at argc, and how a system call is made: its number in r7, a failure as a negative errno.
@ The fifth argument of a function and those after it are on the stack.

	.syntax	unified
	.thumb
	.section .text._start, "ax", %progbits
	.globl	_start
	.thumb_func
_start:
	mov	r0, sp
	bic	r1, r0, #7
	mov	sp, r1
	mov	lr, #0
	bl	begin

	.thumb_func
syscall6:
	push	{r4, r5, r7}
	mov	r7, r0
	mov	r0, r1
	mov	r1, r2
	mov	r2, r3
	ldr	r3, [sp, #12]
	ldr	r4, [sp, #16]
	ldr	r5, [sp, #20]
	svc	#0
	pop	{r4, r5, r7}
	bx	lr

@ What libgcc's divisions would do about a zero, which wasm traps on before: never reached.
	.globl	__aeabi_idiv0
	.thumb_func
__aeabi_idiv0:
	udf	#0

@ gcc clears small structs with it, and there is no libc that has it. Dropped where nobody asks.
	.section .text.memset, "ax", %progbits
	.globl	memset
	.thumb_func
memset:
	add	r2, r0
	mov	r3, r0
1:	cmp	r3, r2
	beq	2f
	strb	r1, [r3], #1
	b	1b
2:	bx	lr
