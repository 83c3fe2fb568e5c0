// catatonit as a table: its options, and its words for what steady says. The core has no other knowledge of its texts.

/** catatonit's release whose command line, messages and statuses steady reproduces. */
const CATATONIT = "0.2.1";

/** Options of catatonit that steady does not have, in the form of texts/options.ts as far as the parser needs it. */
export const CATATONIT_ONLY = [{ name: "Pause", long: "pause" }] as const;

/** Its letters, and the options they stand for. */
export const CATATONIT_LETTERS = [
  ["g", "Group"],
  ["h", "Help"],
  ["L", "License"],
  ["P", "Pause"],
  ["V", "Version"],
] as const;

/** Its long options, in the order in which getopt_long(3) lists them. */
export const CATATONIT_LONG = ["Version"] as const;

const USAGE = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

/** What only catatonit says: where others compare or read it, word for word. The letters are explained in messages.ts. */
export const catatonitMessages = (version: string) =>
  ({
    CatatonitLevelFatal: "ERROR",
    CatatonitLevelWarn: "WARN",
    CatatonitLevelInfo: "INFO",
    CatatonitLevelDebug: "DEBUG",
    CatatonitLevelTrace: "DEBUG",
    CatatonitPrefix: "%t (catatonit:",
    CatatonitPrefixEnd: "): ",
    // Docker and podman read what follows "tini version ".
    CatatonitVersion: `tini version ${CATATONIT}_catatonit_steady-${version}\n`,
    CatatonitHelp: `\
${USAGE}
Options:
  -g              Send signals to the process group of the program.
  -h              Show this help and exit.
  -L              Show the licence and exit.
  -P              Start no program: reap, and end with SIGTERM or SIGINT.
  -V, --version   Show the version and exit.

This is steady. Its long options are understood too: steady --help shows them.
`,
    CatatonitUsage: USAGE,
    CatatonitNoProgram: "missing program name",
    CatatonitExecFailed: "failed to exec pid1: %_%e",
    CatatonitReserved: "CATATONIT_LOG is reserved for future use",
    VariableCatatonitDebug: "CATATONIT_DEBUG=",
    VariableCatatonitLog: "CATATONIT_LOG=",
    VariableListenPid: "LISTEN_PID=",
  }) as const;

/** Its words for the texts of steady; everything else is said in steady's. */
export const CATATONIT_WORDS: Readonly<Record<string, string>> = {
  UsageSteady: "CatatonitHelp",
  VersionSteady: "CatatonitVersion",
  UnknownLongOption: "GetoptUnrecognized",
  LongOptionNeedsArgument: "GetoptRequires",
  LongOptionTakesNone: "GetoptTakesNone",
  ExecFailed: "CatatonitExecFailed",
};
