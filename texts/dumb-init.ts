// dumb-init as a table: its options, and its words for what steady says. The core has no other knowledge of its texts.

/** dumb-init's release whose command line, messages and statuses steady reproduces. */
const DUMB_INIT = "1.2.5";

/** Options of dumb-init that steady does not have, in the form of texts/options.ts as far as the parser needs it. */
export const DUMB_INIT_ONLY = [
  { name: "SingleChild", long: "single-child" },
  { name: "Rewrite", long: "rewrite", value: "s:r" },
] as const;

/** Its letters, and the options they stand for, in the order in which getopt_long(3) lists their long names. */
export const DUMB_INIT_OPTIONS = [
  ["h", "Help"],
  ["c", "SingleChild"],
  ["r", "Rewrite"],
  ["v", "Verbose"],
  ["V", "Version"],
] as const;

/** What only dumb-init says, word for word. The letters behind % are explained in texts/messages.ts. */
export const dumbInitMessages = (version: string) =>
  ({
    DumbInitPrefix: "[dumb-init] ",
    DumbInitVersion: `dumb-init v${DUMB_INIT}_steady-${version}\n`,
    DumbInitHelp: `\
dumb-init v${DUMB_INIT}_steady-${version}
Usage: %a [option] command [[arg] ...]

dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init
`,
    DumbInitUsage: "Usage: %a [option] program [args]\nTry %a --help for full usage.\n",
    DumbInitRewriteHelp:
      "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n" +
      "This option can be specified multiple times.\n" +
      "Use --help for full usage.\n",
    DumbInitDebugging: "Running in debug mode.",
    DumbInitNoSession: "Not running in setsid mode.",
    DumbInitNotDetached: "Unable to detach from controlling tty (errno=%d %e).",
    DumbInitDetached: "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.",
    DumbInitDetachedMember: "Detached from controlling tty, but was not session leader.",
    DumbInitSetsidFailed: "Unable to setsid (errno=%d %e). Exiting.",
    DumbInitNotAttached: "Unable to attach to controlling tty (errno=%d %e).",
    DumbInitSessionMade: "setsid complete.",
    DumbInitSpawned: "Child spawned with PID %_%d.",
    DumbInitExecFailed: "%p: %e",
    DumbInitReceived: "Received signal %d.",
    DumbInitHandOff: "Ignoring tty hand-off signal %d.",
    DumbInitTranslating: "Translating signal %d to %d.",
    DumbInitDropped:
      "Translating signal %d to 0.\n[dumb-init] Not forwarding signal 0 to children (ignored).",
    DumbInitForwarded: "Forwarded signal %d to children.",
    DumbInitSuspending: "Suspending self due to TTY signal.",
    DumbInitExited: "A child with PID %d exited with exit status %d.",
    DumbInitKilled: "A child with PID %d was terminated by signal %d.",
    DumbInitGoodbye: "Child exited with status %d. Goodbye.",
  }) as const;

/** Its words for the texts of steady. What has none is said in steady's if it is urgent, and else not at all. */
export const DUMB_INIT_WORDS: Readonly<Record<string, string>> = {
  UsageSteady: "DumbInitHelp",
  VersionSteady: "DumbInitVersion",
  UnknownLongOption: "GetoptUnrecognized",
  LongOptionNeedsArgument: "GetoptRequires",
  LongOptionTakesNone: "GetoptTakesNone",
  Personality: "Personality",
  Spawned: "DumbInitSpawned",
  ExecFailed: "DumbInitExecFailed",
  SignalReceived: "DumbInitReceived",
  SignalOwn: "DumbInitHandOff",
  SignalMapped: "DumbInitTranslating",
  SignalDropped: "DumbInitDropped",
  SignalForwarded: "DumbInitForwarded",
  ReapedChild: "DumbInitExited",
  ReapedKilled: "DumbInitKilled",
  Exiting: "DumbInitGoodbye",
};
