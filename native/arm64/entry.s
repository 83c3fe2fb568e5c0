// Where a process begins, with sp at argc, and how a system call is made: its number in x8, a failure as a negative errno.

	.section .text._start, "ax"
	.globl	_start
_start:
	mov	x29, #0
	mov	x30, #0
	mov	x0, sp
	bl	begin

syscall6:
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, x6
	svc	#0
	ret

// gcc copies what is larger than a few words with it, and there is no libc that has it. Dropped where nobody asks.
	.section .text.memcpy, "ax"
	.globl	memcpy
memcpy:
	mov	x3, x0
1:	cbz	x2, 2f
	ldrb	w4, [x1], #1
	strb	w4, [x3], #1
	sub	x2, x2, #1
	b	1b
2:	ret
