// Every option of steady, once: the core's parser, `--help` and the tests are made from this table.

/** One option. `value` names its argument as the help shows it; an option without one is a flag. */
export interface OptionEntry {
  readonly name: string;
  readonly letter?: string;
  readonly long: string;
  readonly value?: string;
  /** Whether `STEADY_<LONG>` in the environment sets it too. */
  readonly environment: boolean;
  readonly help: string;
}

export const OPTIONS: readonly OptionEntry[] = [
  { name: "Help", letter: "h", long: "help", environment: false, help: "Show this help and exit." },
  { name: "Version", long: "version", environment: false, help: "Show the version and exit." },
  { name: "License", letter: "l", long: "license", environment: false, help: "Show the licence and exit." },
  {
    name: "Subreaper",
    letter: "s",
    long: "subreaper",
    environment: true,
    help: "Adopt orphans also where not PID 1 (under the name steady: always).",
  },
  {
    name: "ParentDeath",
    letter: "p",
    long: "parent-death",
    value: "SIGNAL",
    environment: true,
    help: "Forward SIGNAL when the parent of the init dies.",
  },
  {
    name: "Verbose",
    letter: "v",
    long: "verbose",
    environment: true,
    help: "Say more. Repeat up to 3 times.",
  },
  {
    name: "WarnReaped",
    letter: "w",
    long: "warn-reaped",
    environment: true,
    help: "Warn for every orphan that is reaped (chooses --reap wait).",
  },
  {
    name: "Group",
    letter: "g",
    long: "group",
    environment: true,
    help: "Send signals to the process group of the program.",
  },
  {
    name: "RemapExit",
    letter: "e",
    long: "remap-exit",
    value: "STATUS",
    environment: true,
    help: "End with 0 where the program ends with STATUS (0 to 255). Repeatable.",
  },
  {
    name: "Reap",
    long: "reap",
    value: "auto|kernel|wait",
    environment: true,
    help: "Who collects orphans that died: the kernel (Linux 6.16), or wait4 in batches.",
  },
  {
    name: "As",
    long: "as",
    value: "NAME",
    environment: true,
    help: "Behave as steady or tini, whatever the file is called.",
  },
  {
    name: "Map",
    long: "map",
    value: "FROM=TO,...",
    environment: true,
    help: "Send signal TO for FROM, or nothing where TO is drop. Repeatable.",
  },
];
