# Where a process begins: %rsp points at argc. The outermost frame has none before it.

	.section .text._start, "ax"
	.globl	_start
_start:
	xor	%ebp, %ebp
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	begin
