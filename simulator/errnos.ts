// Error numbers, and the one answer that is none. What a call may fail with besides is in simulator/faults.ts.

export const E = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, ENOEXEC: 8, EBADF: 9, ECHILD: 10, EAGAIN: 11,
  ENOMEM: 12, EACCES: 13, EFAULT: 14, EBUSY: 16, EEXIST: 17, ENODEV: 19, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23,
  EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EPIPE: 32, ENAMETOOLONG: 36, ENOSYS: 38,
  ELOOP: 40, ENOTSOCK: 88, EOPNOTSUPP: 95, EADDRINUSE: 98, ENOBUFS: 105, ENOTCONN: 107,
  ETIMEDOUT: 110, ECONNREFUSED: 111, ESTALE: 116,
} as const; // biome-ignore format: a table

export type ErrnoName = keyof typeof E;

/**
 * The caller has to sleep: no program ever sees it (ERESTARTSYS of linux/errno.h). Whoever plays the caller lets the
 * world move on and makes the same call again.
 */
export const BLOCKED = -512;
