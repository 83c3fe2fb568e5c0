// Which of the three settings of SIGCHLD is used. Pure.

/** What `--reap` asked for. */
export const enum ReapOption {
  Auto,
  Kernel,
  Wait,
}

/** Each is the setting of SIGCHLD (`Action` in kernel.ts) that brings it about. */
export const enum Reaping {
  /** SIGCHLD wakes the init, which reaps in batches. */
  Wait,
  /** The kernel reaps; no wake-up, no call. */
  Kernel,
  /** The kernel reaps, and SIGCHLD still tells of stops. */
  KernelWithStops,
}

/**
 * Chooses. `seesEach`: every orphan is to be reported (-w, -vvv), which only waiting can. `canKernel`: exit
 * records and signals work through the pidfd. `watchesStops`: a terminal outside PID 1.
 */
export function chooseReaping(
  option: ReapOption,
  seesEach: bool,
  canKernel: bool,
  watchesStops: bool,
): Reaping {
  if (!canKernel || option === ReapOption.Wait) return Reaping.Wait;
  if (seesEach && option === ReapOption.Auto) return Reaping.Wait;
  return watchesStops ? Reaping.KernelWithStops : Reaping.Kernel;
}
