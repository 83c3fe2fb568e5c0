/* What differs between architectures in C: how to make a system call, and its number. Where a
   process begins is in entry.s, in the folder of each. */
#pragma once
#include <asm/unistd.h>

#if defined(__x86_64__)
static inline long syscall6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#else
long syscall6(long number, long a, long b, long c, long d, long e, long f);
#endif

/* The number of a call. On 32 bits, what Linux called first has times of 32 bits and ids of 16. */
#if __SIZEOF_LONG__ == 4
#define NR(name, wide) __NR_##wide
#else
#define NR(name, wide) __NR_##name
#endif
