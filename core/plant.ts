// Places where a test build may make the core fail. In the shipped build they are nothing: test/planted.test.ts
// replaces this file with test/planted/plant.ts.

export const enum Place {
  /** In the child, before exec. */
  Child,
  /** In the init, after the program exists and before the first wait. */
  Start,
  /** Between taking a signal and forwarding it. */
  Signal,
  /** When the main program has ended. */
  End,
  /** Before the program exists. */
  Before,
}

export function plant(_place: Place): void {}
