// `npm run manual`: writes what is installed beside the program and says what its options are, the manual page and the
// completions of bash, zsh and fish, to docs/. All from texts/options.ts, so that none can say what the program does not
// know.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SIGNALS } from "../texts/linux.ts";
import { NAMES, VERSION } from "../texts/messages.ts";
import { OPTIONS, type OptionEntry } from "../texts/options.ts";
import { ROOT } from "./build.ts";
import { eventSchema, eventTables } from "./events.ts";
import { reportErrors } from "./run.ts";

/** What can be named; "RT" and a number are written in other ways. */
const SIGNAL_NAMES = SIGNALS.map(([name]) => name).filter((name) => /^[A-Z]+\d?$/.test(name));

/** Of a value: what may be written there, where that can be listed. */
function wordsOf({ value = "" }: OptionEntry): readonly string[] {
  if (value === "SIGNAL") return SIGNAL_NAMES;
  if (value === "NAME") return Object.values(NAMES).flat();
  // What is in capitals stands for something else.
  return value.includes("|") ? value.split("|").filter((word) => !/[A-Z]/.test(word)) : [];
}

const variableOf = ({ long }: OptionEntry): string => `STEADY_${long.toUpperCase().replaceAll("-", "_")}`;

/** Text as roff reads it: a hyphen is a minus, which can be searched for and copied; no line begins a request. */
function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/gm, "\\&$&");
}

function optionEntry(option: OptionEntry): string {
  const value = option.value === undefined ? "" : ` \\fI${roff(option.value)}\\fR`;
  const letter = option.letter === undefined ? "" : `\\fB\\-${option.letter}\\fR${value}, `;
  const variable = option.environment ? ` (\\fB${variableOf(option)}\\fR)` : "";
  const more = option.manual === undefined ? "" : `\n${roff(option.manual)}`;
  return `.TP
${letter}\\fB\\-\\-${roff(option.long)}\\fR${value}${variable}
${roff(option.help)}${more}
`;
}

/** "a", "a or b", "a, b or c", in bold. */
function anyOf(names: readonly string[]): string {
  const bold = names.map((name) => `\\fB${roff(name)}\\fR`);
  return bold.length < 2 ? bold.join("") : `${bold.slice(0, -1).join(", ")} or ${bold.at(-1)}`;
}

/** What it is called where it is not itself. */
function nameEntries(): string {
  return Object.entries(NAMES)
    .filter(([init]) => init !== "steady")
    .map(([init, names]) => `.TP\n${anyOf(names)}\n${roff(init)}\n`)
    .join("");
}

/** steady(8), in the macros of man(7). */
function manualPage(): string {
  return `.\\" Generated from texts/ by npm run manual; edit those.
.TH STEADY 8 "" "steady ${VERSION}"
.SH NAME
steady \\- init for containers: starts a program, forwards signals, reaps what dies
.SH SYNOPSIS
.B steady
.RI [ OPTIONS ]
.RB [ \\-\\- ]
.I PROGRAM
.RI [ ARGS ...]
.br
.B tini
.RI [ OPTIONS ]
.I PROGRAM
.RB [ \\-\\- ]
.RI [ ARGS ...]
.br
.B dumb\\-init
.RI [ OPTIONS ]
.I PROGRAM
.RI [ ARGS ...]
.br
.B catatonit
.RB [ \\-ghLPV ]
.RB [ \\-\\- ]
.I PROGRAM
.RI [ ARGS ...]
.SH DESCRIPTION
.B steady
is the first process of a container. It starts
.I PROGRAM
in a process group of its own, sends every signal that it is sent on to it, reaps what dies, and ends with its status.
Options end at the first operand.
.PP
As PID 1 nothing but the end of the program ends it: the kernel would kill every other process of the container then.
The name of its file decides which init it is: with one of these it has the command line, the messages and the statuses of
another, and the options below besides, in their long form.
${nameEntries()}.SH OPTIONS
${OPTIONS.map(optionEntry).join("")}.PP
A
.I SIGNAL
is a name with or without SIG, or a number from 1 to 64, or RTMIN+n and RTMAX\\-n with RTMIN as 34.
.SH SIGNALS
Every signal from 1 to 64 is forwarded but KILL and STOP, which no process can take, and CHLD. A queued signal keeps its
value. Where the program runs as another user and CAP_KILL is missing, CAP_SETUID is used; without either the kernel
refuses, and a warning says so once for each signal.
.PP
An init that is root and a program that is not is what protects the init best: then the kernel refuses every signal from
the program.
.SH ENVIRONMENT
.TP
.BI STEADY_ OPTION
sets that option, as named above; 0, false and nothing turn a flag off. The command line wins. Other names that begin so
are nobody's business.
.TP
.BR TINI_SUBREAPER ", " TINI_VERBOSITY ", " TINI_KILL_PROCESS_GROUP
as tini has them, under the names of steady and tini.
.TP
.BR DUMB_INIT_DEBUG ", " DUMB_INIT_SETSID
as dumb\\-init has them, under its name.
.TP
.BR CATATONIT_DEBUG ", " CATATONIT_LOG
as catatonit has them, under its names: with any value the first says more, and the second is refused.
.TP
.B LISTEN_PID
becomes the pid of the program where it was that of the init, under the names of steady and catatonit.
.SH EXIT STATUS
.TP
.I n
that of the program; 128+n where signal n ended it
.TP
.B 1
wrong usage, or something that was asked for could not be had
.TP
.B 120
the core failed before the program was started
.TP
.B 122
the program was not ready, fell silent or did not answer
.TP
.B 123
the guard ended the container
.TP
.B 125
the program could not be started
.TP
.B 126
it could not be executed
.TP
.B 127
it was not found
.PP
Under another init's name a start that failed has the status that it has there: of tini 127, 126 or 1, of dumb\\-init 2, or 1
where there is no process to be had, of catatonit 1.
.SH EXAMPLES
.EX
ENTRYPOINT ["/usr/bin/steady", "\\-\\-"]
CMD ["nginx", "\\-g", "daemon off;"]
.EE
.PP
.EX
steady \\-\\-map TERM=QUIT \\-\\- nginx \\-g "daemon off;"
steady \\-e 143 java \\-jar application.jar
.EE
.SH SEE ALSO
.BR signal (7),
.BR pid_namespaces (7),
.BR prctl (2)
`;
}

const dashed = (option: OptionEntry): readonly string[] => [
  ...(option.letter === undefined ? [] : [`-${option.letter}`]),
  `--${option.long}`,
];

/** Completes options and their values; behind the program it is that program's turn. */
function bashCompletion(): string {
  const values = OPTIONS.filter((option) => option.value !== undefined);
  const cases = values.map((option) => {
    const offered = option.value === "PATH" ? "-f" : `-W "${wordsOf(option).join(" ")}"`;
    return `    ${dashed(option).join("|")}) COMPREPLY=($(compgen ${offered} -- "$word")); return ;;\n`;
  });
  return `# Completion of steady for bash. Generated by npm run manual.
_steady() {
  local i=1 word=\${COMP_WORDS[COMP_CWORD]} last=\${COMP_WORDS[COMP_CWORD-1]}
  while ((i < COMP_CWORD)); do
    case \${COMP_WORDS[i]} in
    ${values.flatMap(dashed).join("|")}) ((i++)) ;;
    --) ((i++)); break ;;
    -*) ;;
    *) break ;;
    esac
    ((i++))
  done
  if ((i < COMP_CWORD)) || [[ i -eq COMP_CWORD && \${COMP_WORDS[i-1]} == -- ]]; then
    if ((i == COMP_CWORD)); then COMPREPLY=($(compgen -c -- "$word")); return; fi
    if declare -F _command_offset >/dev/null; then _command_offset "$i"; else COMPREPLY=($(compgen -f -- "$word")); fi
    return
  fi
  case $last in
${cases.join("")}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "${OPTIONS.flatMap(dashed).join(" ")}" -- "$word"))
  else
    COMPREPLY=($(compgen -c -- "$word"))
  fi
}
complete -F _steady steady
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zshCompletion(): string {
  const lines = OPTIONS.map((option) => {
    const words = wordsOf(option);
    const value =
      option.value === undefined ? "" : `:${option.value.replaceAll(":", "\\:")}:${zshOffers(option, words)}`;
    const help = `[${option.help.replace(/[[\]:]/g, "\\$&")}]${value}`;
    const forms = dashed(option);
    const many = /Repeat/.test(option.help) ? "*" : `(${forms.join(" ")})`;
    return forms.map((form) => `  ${quoted(`${many}${form}${help}`)} \\\n`).join("");
  });
  return `#compdef steady
# Completion of steady for zsh. Generated by npm run manual.
_arguments -s -S -A '-*' \\
${lines.join("")}  '1:program:_command_names -e' \\
  '*::arguments:_normal'
`;
}

function zshOffers({ value }: OptionEntry, words: readonly string[]): string {
  if (value === "PATH") return "_files";
  return words.length === 0 ? " " : `(${words.join(" ")})`;
}

function fishCompletion(): string {
  const lines = OPTIONS.map((option) => {
    const letter = option.letter === undefined ? "" : ` -s ${option.letter}`;
    const words = wordsOf(option);
    const must = option.value === "PATH" ? "-r" : "-x";
    const value =
      option.value === undefined
        ? ""
        : ` ${must}${words.length === 0 ? "" : ` -a ${quoted(words.join(" "))}`}`;
    return `complete -c steady${letter} -l ${option.long}${value} -d ${quoted(option.help)}\n`;
  });
  return `# Completion of steady for fish. Generated by npm run manual.
${lines.join("")}complete -c steady -x -a '(__fish_complete_subcommand)'
`;
}

/** What each is, by its path in the repository. */
export const MANUALS: Readonly<Record<string, () => string>> = {
  "docs/steady.8": manualPage,
  "docs/completions/steady.bash": bashCompletion,
  "docs/completions/_steady": zshCompletion,
  "docs/completions/steady.fish": fishCompletion,
  "docs/events.schema.json": eventSchema,
  "docs/events.md": () => withTables("docs/events.md", "## All of them\n\n", eventTables()),
};

/** What stands behind `heading` in a document is made. */
function withTables(path: string, heading: string, tables: string): string {
  const [before = ""] = readFileSync(join(ROOT, path), "utf8").split(heading);
  return before + heading + tables;
}

if (import.meta.main) {
  reportErrors();
  for (const [path, text] of Object.entries(MANUALS)) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text());
  }
}
