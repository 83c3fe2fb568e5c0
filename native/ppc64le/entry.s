# Where a process begins, with r1 at argc, and how a system call is made: its number in r0, a failure as a positive errno
# with the summary overflow bit. The TOC pointer of ELFv2 is ours to set, the file lies where it says.

	.section .text._start, "ax"
	.globl	_start
_start:
	lis	2, .TOC.@ha
	addi	2, 2, .TOC.@l
	mr	3, 1
	clrrdi	1, 1, 4
	li	0, 0
	mtlr	0
	stdu	0, -32(1)
	bl	begin

syscall6:
	mr	0, 3
	mr	3, 4
	mr	4, 5
	mr	5, 6
	mr	6, 7
	mr	7, 8
	mr	8, 9
	sc
	bnslr
	neg	3, 3
	blr
