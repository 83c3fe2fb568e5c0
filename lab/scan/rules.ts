// The rules of a scan: what an image has that keeps its init from doing its work. The rule: each finding says what was seen
// and what to change, and what only a run can tell is left to `check`.

import type { Known } from "../verify/known.ts";
import type { Identity } from "../verify/verification.ts";
import { baseOf, type Entry, INIT_NAMES, type Step } from "./entry.ts";
import type { ImageConfig } from "./image.ts";
import { type Download, wrongPins } from "./pins.ts";
import type { FoundInit, ScanFinding, Severity } from "./report.ts";
import type { Tree } from "./tree.ts";
import { type WeaknessData, weaknessesOf } from "./weaknesses.ts";

/** What the rules look at. */
export interface Subject {
  /** undefined of an unpacked root without a Dockerfile. */
  readonly config?: ImageConfig;
  readonly entry?: Entry;
  readonly tree: Tree;
  readonly inits: readonly FoundInit[];
  readonly downloads: readonly Download[];
  readonly setuid: readonly string[];
  readonly known: Known;
  readonly weaknesses: WeaknessData;
}

/** What a rule says: the rest of a finding is the rule's own. */
export type Said = Omit<ScanFinding, "rule" | "title" | "severity"> & { readonly severity?: Severity };

export interface ScanRule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  find(subject: Subject): readonly Said[];
}

export const SCAN_RULES: readonly ScanRule[] = [
  { id: "SI001", title: "the init is one whose maker is known", severity: "note", find: unknownInits },
  {
    id: "SI002",
    title: "the init is what was released or installed",
    severity: "error",
    find: tamperedInits,
  },
  { id: "SI003", title: "the init is the last version", severity: "warning", find: outdatedInits },
  { id: "SI004", title: "the init that is used has no known weaknesses", severity: "note", find: weakInits },
  { id: "SI005", title: "ENTRYPOINT and CMD are lists", severity: "warning", find: shellForm },
  { id: "SI006", title: "an init is PID 1", severity: "warning", find: missingInit },
  {
    id: "SI007",
    title: "the stop signal reaches somebody who hears it",
    severity: "error",
    find: ignoredStop,
  },
  { id: "SI008", title: "the init may signal what it starts", severity: "warning", find: otherUsers },
  {
    id: "SI009",
    title: "the init is a program of the image's architecture",
    severity: "error",
    find: wrongPrograms,
  },
  { id: "SI010", title: "there is one init, not two in a row", severity: "warning", find: doubleInit },
  {
    id: "SI011",
    title: "what pins an init is its digest, and is checked",
    severity: "error",
    find: wrongDownloads,
  },
  { id: "SI012", title: "what the init needs is in the image", severity: "error", find: brokenInits },
];

export function findingsOf(subject: Subject): ScanFinding[] {
  return SCAN_RULES.flatMap(({ id, title, severity, find }) =>
    find(subject).map((said) => ({ rule: id, title, severity, ...said })),
  );
}

function nameOf({ init, version }: Identity): string {
  return version === undefined ? init : `${init} ${version}`;
}

function unknownInits({ inits }: Subject): Said[] {
  return inits
    .filter(({ verdict }) => verdict === "unknown")
    .map(({ path, identity, sha256, isEntry }) => ({
      what: `${path} is ${nameOf(identity)} by what is in it, and nobody is known to have released it.`,
      why: "Somebody built it; whether it is what its name says, nobody here can tell.",
      change: "Take it from a release or a distribution's package, and pin its digest.",
      evidence: [`sha256:${sha256}`],
      path,
      ...(isEntry ? { severity: "warning" as const } : {}),
    }));
}

function tamperedInits({ inits }: Subject): Said[] {
  return inits
    .filter(({ verdict }) => verdict === "tampered")
    .map(({ path, identity, sha256, reasons }) => ({
      what: `${path}, which is ${nameOf(identity)} by what is in it, is not what was promised.`,
      why: "It was changed after it was made, or put in the place of another.",
      change:
        "Do not run it. Build the image again from a source that can be verified, and find out who changed it.",
      evidence: [`sha256:${sha256}`, ...reasons.map(({ text }) => text)],
      path,
    }));
}

function outdatedInits({ inits, weaknesses }: Subject): Said[] {
  return inits.flatMap(({ path, identity, latest }) =>
    latest === undefined
      ? []
      : [
          {
            what: `${path} is ${nameOf(identity)}; the last version is ${latest}.`,
            why: "What was put right since then is not in it.",
            change: `Take ${identity.init} ${latest}.`,
            evidence: [`As of ${weaknesses.asOf}.`],
            path,
          },
        ],
  );
}

function weakInits({ inits, weaknesses }: Subject): Said[] {
  return inits
    .filter(({ isEntry }) => isEntry)
    .flatMap(({ path, identity }) => {
      const all = weaknessesOf(weaknesses, identity.init, identity.version);
      if (all.length === 0) return [];
      return [
        {
          what: `${path}, ${nameOf(identity)}, has ${all.length} known weaknesses.`,
          why: "Most show in rare moments: under load, at the start, with little rights.",
          change: "Read which of them can happen here; an init without them is steady.",
          evidence: [
            ...all.map(({ id, title, source }) => `${id}: ${title} (${source})`),
            `As of ${weaknesses.asOf}.`,
          ],
          path,
        },
      ];
    });
}

function shellForm({ entry }: Subject): Said[] {
  if (entry === undefined || !entry.shellForm) return [];
  return [
    {
      what: `The command is a shell's text: ${entry.words.join(" ")}`,
      why: "The shell is PID 1 and gets the stop signal; most shells pass it on to nobody.",
      change: 'Write a list: ENTRYPOINT ["/sbin/steady", "--", "PROGRAM", "ARGUMENT"].',
      evidence: [],
    },
  ];
}

function missingInit({ entry, config }: Subject): Said[] {
  if (entry === undefined || config === undefined) return [];
  const [first] = entry.steps;
  if (first === undefined)
    return [
      {
        what: "The image has neither ENTRYPOINT nor CMD.",
        why: "What is PID 1 is up to whoever starts it.",
        change: "Nothing, for an image that others are built on.",
        evidence: [],
        severity: "note",
      },
    ];
  const startsInit = entry.steps.some(({ role }) => role === "init" || role === "manager");
  if (startsInit && (first.role === "init" || first.role === "manager")) return [];
  const names = first.file?.facts.names ?? [];
  const late = startsInit || names.length > 0;
  return [
    {
      what: late
        ? `PID 1 is ${first.word}, which starts an init later on.`
        : `PID 1 is ${first.word}, and no init.`,
      why: late
        ? "Until then the stop signal meets a PID 1 without a handler, and is lost: engines send it once."
        : "A PID 1 without a handler does not hear the stop signal, and orphans that die stay as zombies.",
      change: 'Put an init first: ENTRYPOINT ["/sbin/steady", "--", ...], or run it with --init.',
      evidence: names.length > 0 ? [`${first.path ?? first.word} names ${names.join(", ")}.`] : [],
      ...(first.path === undefined ? {} : { path: first.path }),
    },
  ];
}

/** Signals that tini keeps to itself, whoever sends them: W11. */
const NOT_BY_TINI = [
  "SIGABRT",
  "SIGSEGV",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGTRAP",
  "SIGSYS",
  "SIGTTIN",
  "SIGTTOU",
];
/** What nobody can handle. */
const BY_NOBODY = ["SIGKILL", "SIGSTOP"];
/** Programs that do not end at these, whoever is PID 1. */
const DEAF: Readonly<Record<string, { readonly signals: readonly string[]; readonly instead: string }>> = {
  nginx: { signals: ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"], instead: "SIGQUIT" },
  "php-fpm": { signals: ["SIGHUP", "SIGUSR1", "SIGUSR2"], instead: "SIGQUIT" },
  apache2: { signals: ["SIGHUP", "SIGUSR1"], instead: "SIGWINCH" },
  httpd: { signals: ["SIGHUP", "SIGUSR1"], instead: "SIGWINCH" },
  haproxy: { signals: ["SIGHUP", "SIGQUIT", "SIGUSR2"], instead: "SIGUSR1" },
  postgres: { signals: ["SIGHUP", "SIGUSR1", "SIGUSR2"], instead: "SIGINT" },
  systemd: { signals: ["SIGTERM", "SIGHUP"], instead: "SIGRTMIN+3" },
};

function ignoredStop({ config, entry }: Subject): Said[] {
  if (config === undefined || entry === undefined || entry.steps.length === 0) return [];
  const signal = signalName(config.stopSignal ?? "SIGTERM");
  const change = (instead: string): string => `Write STOPSIGNAL ${instead}.`;
  if (signal === undefined)
    return [
      said(
        `STOPSIGNAL ${config.stopSignal} is no signal.`,
        "The engine cannot stop the container.",
        change("SIGTERM"),
      ),
    ];
  if (BY_NOBODY.includes(signal))
    return [
      said(
        `STOPSIGNAL ${signal} cannot be handled by anybody.`,
        "Every stop is a kill: nothing is saved, nothing is closed.",
        change("SIGTERM"),
      ),
    ];
  const [first] = entry.steps;
  const program = entry.steps.at(-1);
  if (first?.identity?.init === "tini" && NOT_BY_TINI.includes(signal))
    return [
      said(
        `STOPSIGNAL ${signal} is not forwarded by tini (W11).`,
        "The program never hears of the stop.",
        change("SIGTERM"),
      ),
    ];
  const deaf = DEAF[baseOf(program?.word ?? "")];
  if (deaf?.signals.includes(signal))
    return [
      said(
        `STOPSIGNAL ${signal} does not stop ${program?.word}.`,
        "The engine waits for its grace period and kills.",
        change(deaf.instead),
      ),
    ];
  return shellIgnores(first, entry, signal);
}

/** A shell without -c that runs a script is PID 1 for all of it, and has no handler unless a script sets a trap. */
function shellIgnores(first: Step | undefined, entry: Entry, signal: string): Said[] {
  if (first?.role !== "shell" || entry.steps.length > 1 || entry.words.some((word) => /\btrap\b/.test(word)))
    return [];
  const isInteractive = entry.words.length === 1;
  if (isInteractive || entry.shellForm) return [];
  return [
    {
      ...said(
        `PID 1 is ${first.word}, which does not hear ${signal} unless its script sets a trap.`,
        "The kernel gives PID 1 no signal that it has no handler for.",
        "Put an init first, and exec in the script before the program.",
      ),
      severity: "warning",
    },
  ];
}

function said(what: string, why: string, change: string): Said {
  return { what, why, change, evidence: [] };
}

const SIGNALS =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );

function signalName(text: string): string | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (/^\d+$/.test(name)) {
    const number = Number(name);
    if (number > SIGNALS.length && number <= 64) return `SIGRTMIN+${number - 34}`;
    return SIGNALS[number - 1] === undefined ? undefined : `SIG${SIGNALS[number - 1]}`;
  }
  return SIGNALS.includes(name) || /^RTM(IN|AX)([+-]\d{1,2})?$/.test(name) ? `SIG${name}` : undefined;
}

/** Programs that give what they start to another user. */
const SWITCHERS = ["gosu", "su-exec", "setpriv", "su", "sudo", "runuser", "s6-setuidgid", "chroot", "doas"];

/** W1: tini ends the container where it may not forward a signal. */
function otherUsers({ inits, entry, setuid, config }: Subject): Said[] {
  const used = inits.find(({ isEntry, weaknesses }) => isEntry && weaknesses.includes("W1"));
  if (used === undefined || entry === undefined) return [];
  const words = entry.words.filter((word) => SWITCHERS.includes(baseOf(word)));
  const isRoot = config === undefined || ["", "0", "root", "0:0", "root:root"].includes(config.user);
  if (words.length === 0 && (isRoot || setuid.length === 0)) return [];
  const how =
    words.length > 0
      ? `${words.join(", ")} changes the user`
      : `setuid programs can: ${setuid.slice(0, 5).join(", ")}`;
  return [
    {
      what: `${used.path} is ${nameOf(used.identity)}, and ${how} of what it starts.`,
      why: "Without CAP_KILL the first signal that it may not forward ends it, and with it the container (W1).",
      change:
        "Keep CAP_KILL, or take an init that survives a refused signal; remove setuid programs that nobody needs.",
      evidence: setuid,
      path: used.path,
      ...(words.length > 0 ? {} : { severity: "note" as const }),
    },
  ];
}

function wrongPrograms({ entry, config, tree, inits }: Subject): Said[] {
  const found: Said[] = [];
  for (const { path, node } of tree.walk()) {
    if (node.kind !== "file" || node.facts.init !== undefined || !INIT_NAMES.includes(baseOf(path))) continue;
    if (!/^\/([\w.-]+\/)*s?bin\/|^\/[^/]+$/.test(path) || node.facts.format === "script") continue;
    const isEntry = entry?.steps.some((step) => step.path === path) ?? false;
    if (!node.facts.format.startsWith("elf") || isEntry)
      found.push({
        what: `${path} has the name of an init, and is ${article(node.facts.format)}.`,
        why: "No container starts with it.",
        change: "Look at what was downloaded: a page, a package, or a file for something else.",
        evidence: [],
        path,
      });
  }
  const wanted = config?.architecture;
  const wrong = inits.filter(({ identity }) => wanted !== undefined && !isFor(wanted, identity.architecture));
  return [
    ...found,
    ...wrong.map(({ path, identity }) => ({
      what: `${path} is ${nameOf(identity)} for ${identity.architecture}, and the image is for ${wanted}.`,
      why: "No container starts with it, or only where the machine emulates the other processor.",
      change: `Take the file for ${wanted}: for each architecture its own.`,
      evidence: [],
      path,
    })),
  ];
}

function article(format: string): string {
  if (format === "empty") return "empty";
  if (format === "other") return "no program";
  return format.startsWith("elf") ? "a program that is no init" : `a ${format}`;
}

/** Whether a processor of the image's kind runs it: an x86-64 one runs i386 too, but nobody means that. */
function isFor(wanted: string, architecture: string | undefined): boolean {
  return architecture === undefined || architecture === wanted;
}

function doubleInit({ entry }: Subject): Said[] {
  const inits = (entry?.steps ?? []).filter(({ role }) => role === "init");
  const [first, second] = inits;
  const script = entry?.steps.find(
    ({ role, file }) => role === "program" && (file?.facts.names ?? []).length > 0,
  );
  if (first !== undefined && second !== undefined)
    return [
      {
        what: `${first.word} starts ${second.word}: two inits in a row.`,
        why: "The second is not PID 1: tini warns, dumb-init makes a session of its own, and each adds a delay to a stop.",
        change: `Leave ${second.word} out.`,
        evidence: [],
      },
    ];
  if (first === undefined || script === undefined) return [];
  return [
    {
      what: `${first.word} starts ${script.word}, which names ${(script.file?.facts.names ?? []).join(", ")}: perhaps two inits in a row.`,
      why: "The second is not PID 1: tini warns, dumb-init makes a session of its own.",
      change: `Look at ${script.path ?? script.word}, and leave the second out.`,
      evidence: [],
      severity: "note",
      ...(script.path === undefined ? {} : { path: script.path }),
    },
  ];
}

function wrongDownloads({ downloads, known }: Subject): Said[] {
  return downloads.flatMap((download) => [
    ...wrongPins(download, known).map(({ pin, owner }) => ({
      what: `The digest that is pinned for ${download.url} is that of ${owner}.`,
      why: "Checked, it would refuse the file; it stands there because nothing checks it, or because another file is wanted.",
      change: "Pin the digest of the file that is fetched, and check it.",
      evidence: [`sha256:${pin}`],
      ...at(download),
    })),
    ...unchecked(download),
  ]);
}

function unchecked(download: Download): Said[] {
  const { url, pins, check, sameOrigin } = download;
  if (check === undefined)
    return [
      {
        what:
          pins.length > 0
            ? `The digest that is pinned for ${url} is never checked.`
            : `${url} is fetched, and nothing checks it.`,
        why: "Whoever can change the file there, or on the way, is PID 1 in the container.",
        change: "ADD --checksum=sha256:... URL, or sha256sum -c with a digest that stands in the Dockerfile.",
        evidence: pins.map((pin) => `sha256:${pin}`),
        severity: "warning",
        ...at(download),
      },
    ];
  if (!sameOrigin) return [];
  return [
    {
      what: `${url} is checked against a list that comes from the same place.`,
      why: "Whoever replaces the file there replaces the list, too.",
      change: "Write the digest into the Dockerfile.",
      evidence: [],
      severity: "note",
      ...at(download),
    },
  ];
}

function at({ line }: Download): { readonly line?: number } {
  return line === undefined ? {} : { line };
}

function brokenInits({ inits, tree, entry }: Subject): Said[] {
  const found: Said[] = [];
  for (const { path, executable, identity, isEntry } of inits) {
    const node = tree.find(path)?.node;
    const interpreter = node?.kind === "file" ? node.facts.init?.interpreter : undefined;
    const severity: Severity = isEntry ? "error" : "note";
    if (interpreter !== undefined && tree.find(interpreter)?.node.kind !== "file")
      found.push({
        what: `${path}, ${nameOf(identity)}, needs ${interpreter}, which is not in the image.`,
        why: 'It cannot start: "no such file or directory", although it is there.',
        change: "Take a static build.",
        evidence: [],
        path,
        severity,
      });
    if (!executable)
      found.push({
        what: `${path}, ${nameOf(identity)}, may not be executed by anybody.`,
        why: "The container does not start with it: permission denied.",
        change: "COPY --chmod=755, or chmod +x.",
        evidence: [],
        path,
        severity,
      });
  }
  const missing = entry?.steps.find(({ path, word }) => path === undefined && word.includes("/"));
  if (missing !== undefined)
    found.push({
      what: `${missing.word}, which ENTRYPOINT and CMD start, is not in the image.`,
      why: "The container does not start, unless the file is mounted.",
      change: "Write the path where it is, or put it there.",
      evidence: [],
      severity: INIT_NAMES.includes(baseOf(missing.word)) ? "error" : "warning",
    });
  return found;
}
