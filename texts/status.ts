// What --status and --health say. A template has «letter Fact»: the letter says how, the name what; core/report.ts fills
// them in, and leaves a block out that begins with «? fact» and ends with «;» where that fact is not known.
//
//   d number   t millionths as decimals   s name in memory, which others chose   w another text   e the sentence for an effect
//   n name of a signal   k a line for each signal that was counted   l list of signals   o list of options   r a line for each parent that leaves zombies   m a family of metrics

/** What is looked at, in the order in which the core keeps it. Of each group of limits the three stand in one order. */
export const FACTS = [
  "init", "initBy", "initName", "initStart", "mainPid", "mainName", "mainCommand", "mainState", "mainRunning",
  "mainIgnored", "mainCaught", "mainBlocked", "mainIsNode", "stopInterrupt", "stopQuit", "stopTerminate", "processes", "threads", "zombies",
  "started", "pidsCurrent", "pidsMax", "pidsHits", "memoryCurrent", "memoryMax", "memoryKills", "cpuPeriods", "cpuMax",
  "cpuThrottled", "cpuThrottledTime", "unset", "parentPid", "parentName", "parentCommand",
  "parentZombies", "parentFollows", "maxZombies", "maxPids", "record", "taken", "forwarded", "refused", "failed", "reaped", "lost",
  "restarts", "signal", "itsTaken", "itsForwarded", "itsRefused", "itsFailed",
] as const; // biome-ignore format: a list

/** The character that stands for the first fact, and so on (core/report.ts). */
export const FIRST_FACT = 48;

function template(text: string): string {
  return text.replaceAll(/«(.)(?: (\w+))?»/g, (_, letter: string, name?: string) => {
    if (name === undefined) return `%${letter}`;
    const index = (FACTS as readonly string[]).indexOf(name);
    if (index < 0) throw new Error(`no fact is called ${name}`);
    return `%${letter}${String.fromCharCode(FIRST_FACT + index)}`;
  });
}

const asText = `\
init           «w init», by its «w initBy»: PID 1 is "«s initName»"
main program   «! mainPid»none
«;»«? mainPid»"«s mainName»" (pid «d mainPid»«? mainCommand», "«s mainCommand»"«;»), «w mainState»
               SIGTERM «e stopTerminate»
               SIGINT «e stopInterrupt»
               SIGQUIT «e stopQuit»
«? mainIsNode»               Node.js catches SIGINT and SIGTERM itself, with or without a handler of yours
«;»               ignores:«l mainIgnored»
               catches:«l mainCaught»
«;»processes      «d processes» with «d threads» threads, «? started»«d started» started in a second, «;»«d zombies» zombies
«r zombies»pids           «! pidsCurrent»not to be seen here
«;»«? pidsCurrent»«d pidsCurrent»«? pidsMax» of «d pidsMax»«;», refused «d pidsHits» times
«;»memory         «! memoryCurrent»not to be seen here
«;»«? memoryCurrent»«d memoryCurrent»«? memoryMax» of «d memoryMax»«;» bytes, «d memoryKills» processes killed
«;»cpu            «! cpuPeriods»not to be seen here
«;»«? cpuPeriods»«? cpuMax»«t cpuMax» processors at most, «;»throttled «d cpuThrottled» times, «t cpuThrottledTime» seconds
«;»«? unset»limits missing«o unset»
«;»«? record»counters       «w record»
«;»«? taken»signals        «d taken» taken, «d forwarded» forwarded, «d refused» refused, «d failed» failed
«k taken»init           «d reaped» orphans reaped, «d lost» lines lost, started again «d restarts» times
«;»`;

const asJson = `\
{"init":{"kind":"«w init»","by":"«w initBy»","name":"«s initName»","start_since_boot_seconds":«t initStart»},\
"main_program":«! mainPid»null«;»«? mainPid»{"pid":«d mainPid»,"name":"«s mainName»","command":"«s mainCommand»",\
"state":"«w mainState»","stop":{"SIGTERM":"«w stopTerminate»","SIGINT":"«w stopInterrupt»","SIGQUIT":"«w stopQuit»"},\
"ignored":[«l mainIgnored»],"caught":[«l mainCaught»]}«;»,\
"processes":{"count":«d processes»,"threads":«d threads»,"started_per_second":«d started»,"zombies":«d zombies»,\
"zombie_parents":[«r zombies»]},\
"pids":{"current":«d pidsCurrent»,"max":«d pidsMax»,"limit_hits":«d pidsHits»},\
"memory":{"current_bytes":«d memoryCurrent»,"max_bytes":«d memoryMax»,"oom_kills":«d memoryKills»},\
"cpu":{"max":«t cpuMax»,"periods":«d cpuPeriods»,"throttled_periods":«d cpuThrottled»,\
"throttled_seconds":«t cpuThrottledTime»},"not_set":[«? unset»«o unset»«;»],\
"counters":«! record»null«;»«? record»{"record":"«w record»","taken":«d taken»,"forwarded":«d forwarded»,\
"refused":«d refused»,"failed":«d failed»,"orphans_reaped":«d reaped»,"lines_lost":«d lost»,"core_restarts":«d restarts»,\
"signals":[«? taken»«k taken»«;»]}«;»}
`;

/**
 * A family of OpenMetrics, which is left out where its fact is not known. How it goes on: d and t: one sample, a gauge; D and
 * T: one of what counts, which has no type (docs/status.md tells why); s: samples follow.
 */
const family = (how: string, fact: string, name: string, help: string): string =>
  `«m ${fact}»${how}${name} ${help}\n`;

const limitSample = (name: string, use: string, limit: string): string =>
  `«? ${use}»steady_limit_set{limit="${name}"} «? ${limit}»1«;»«! ${limit}»0«;»\n«;»`;

const asMetrics = [
  family("s", "init", "init_info", "Which init PID 1 is."),
  'steady_init_info{kind="«w init»",by="«w initBy»"} 1\n',
  family("t", "initStart", "init_start_since_boot_seconds", "When PID 1 was started."),
  family("s", "mainPid", "main_program_info", "The main program."),
  '«? mainPid»steady_main_program_info{name="«s mainName»",command="«s mainCommand»"} 1\n«;»',
  family("s", "mainPid", "stop_signal_info", "What a signal does to it."),
  '«? mainPid»steady_stop_signal_info{signal="SIGTERM",effect="«w stopTerminate»"} 1\n',
  'steady_stop_signal_info{signal="SIGINT",effect="«w stopInterrupt»"} 1\n',
  'steady_stop_signal_info{signal="SIGQUIT",effect="«w stopQuit»"} 1\n«;»',
  family("d", "mainRunning", "main_program_running", "Whether it runs."),
  family("d", "processes", "processes", "Processes."),
  family("d", "threads", "threads", "Threads."),
  family("d", "zombies", "zombies", "Zombies."),
  family("s", "zombies", "unreaped_children", "Zombies by parent."),
  "«r zombies»",
  family("d", "started", "tasks_started_per_second", "Processes and threads started."),
  family("d", "pidsCurrent", "pids_current", "Pids in use."),
  family("d", "pidsMax", "pids_max", "Pids allowed."),
  family("D", "pidsHits", "pids_limit_hits_total", "Pids refused."),
  family("d", "memoryCurrent", "memory_current_bytes", "Memory in use."),
  family("d", "memoryMax", "memory_max_bytes", "Memory allowed."),
  family("D", "memoryKills", "memory_oom_kills_total", "Processes killed for want of it."),
  family("t", "cpuMax", "cpus_max", "Processors allowed."),
  family("D", "cpuPeriods", "cpu_periods_total", "Periods of the quota."),
  family("D", "cpuThrottled", "cpu_throttled_periods_total", "Periods with none left."),
  family("T", "cpuThrottledTime", "cpu_throttled_seconds_total", "Time with none left."),
  family("s", "processes", "limit_set", "Whether a limit is set."),
  limitSample("pids", "pidsCurrent", "pidsMax"),
  limitSample("memory", "memoryCurrent", "memoryMax"),
  limitSample("cpus", "cpuPeriods", "cpuMax"),
  family("S", "taken", "signals_total", "Signals."),
  "«? taken»«k taken»«;»",
  family("D", "reaped", "orphans_reaped_total", "Orphans reaped."),
  family("D", "lost", "lines_lost_total", "Lines lost."),
  family("D", "restarts", "core_restarts_total", "Restarts of the core."),
  "# EOF\n",
].join("");

const TEMPLATES = {
  // By form.
  StatusText: asText,
  StatusJson: asJson,
  StatusMetrics: asMetrics,
  ParentText: `               «d parentZombies» of them children of "«s parentName»" (pid «d parentPid»«? parentCommand», "«s parentCommand»"«;»), which does not wait for them
`,
  ParentJson: `«? parentFollows»,«;»{"pid":«d parentPid»,"name":"«s parentName»","command":"«s parentCommand»","zombies":«d parentZombies»}`,
  ParentMetrics: `steady_unreaped_children{parent="«s parentName»",pid="«d parentPid»"} «d parentZombies»
`,
  SignalText: `               «n signal» «d itsTaken» taken, «d itsForwarded» forwarded, «d itsRefused» refused, «d itsFailed» failed
`,
  SignalJson: `«? parentFollows»,«;»{"signal":"«n signal»","taken":«d itsTaken»,"forwarded":«d itsForwarded»,"refused":«d itsRefused»,"failed":«d itsFailed»}`,
  SignalMetrics: ["Taken", "Forwarded", "Refused", "Failed"]
    .map((fate) => `steady_signals_total{signal="«n signal»",fate="${fate.toLowerCase()}"} «d its${fate}»\n`)
    .join(""),
  MetricType: "# TYPE steady_",
  MetricGauge: " gauge\n",
  MetricHelp: "# HELP steady_",
  MetricSample: "steady_",
  UnknownText: "?",
  UnknownJson: "null",
  FirstItem: '"',
  NextItem: ',"',
  RealTime: "RTMIN+",
  // What no printable character is begins so.
  ByteText: "\\x",
  ByteJson: "\\u00",
  ByteMetrics: "\\\\x",

  Healthy: `healthy: «d processes» processes, «d zombies» zombies«? pidsMax», «d pidsCurrent» of «d pidsMax» pids«;»
`,
  UnhealthyMissing: "unhealthy: there is no main program\n",
  UnhealthyMain: `unhealthy: the main program "«s mainName»" (pid «d mainPid») is «w mainState»
`,
  UnhealthyZombies: `unhealthy: «d zombies» zombies (--max-zombies «d maxZombies»), «d parentZombies» of them children of "«s parentName»" (pid «d parentPid»), which does not wait for them
`,
  ProbeAnswered: `healthy: "«s mainName»" (pid «d mainPid») has answered «n signal»
`,
  ProbeLate: `unhealthy: "«s mainName»" (pid «d mainPid») has not answered «n signal» in time
`,
  ProbeUncaught: `not asked: "«s mainName»" (pid «d mainPid») does not catch «n signal», which would end it
`,
  ProbeUnheard: `not asked: no init hears here; start it with --notify
`,
  UnhealthyPids: `unhealthy: «d pidsCurrent» of «d pidsMax» pids are in use (--max-pids «d maxPids»)
`,
};

/** Plain texts that the core names. */
const WORDS = {
  WordNone: "none",
  WordFile: "file",
  RecordMissing: "cannot be read",
  RecordMalformed: "malformed",
  RecordVersion: "of another version",
  RecordForeign: "of another life",
  RecordBelieved: "believed",
  WordName: "name",
  // The letters of proc(5), and in the same order what they stand for.
  StateLetters: "RSDITtZX",
  StateRunning: "running",
  StateSleeping: "sleeping",
  StateWaiting: "waiting",
  StateIdle: "idle",
  StateStopped: "stopped",
  StateTraced: "traced",
  StateZombie: "zombie",
  StateDead: "dead",
  StateUnknown: "unknown",
  EffectCaught: "caught",
  EffectEnds: "ends",
  EffectNothing: "nothing",
  EffectIgnored: "ignored",
  EffectBlocked: "blocked",
  SentenceCaught: "is caught: how it stops is up to the program",
  SentenceEnds: "ends it at once: it has no handler",
  SentenceNothing: "is lost: PID 1 has no handler (start it by an init)",
  SentenceIgnored: "is ignored: a stop waits for SIGKILL (--map sends another)",
  SentenceBlocked: "is blocked: it waits until it is asked for",
  NodeName: "node",
  SocketsPath: "/proc/net/unix",
  OptionForPids: "--pids-limit",
  OptionForMemory: "--memory",
  OptionForCpus: "--cpus",

  // What only one of the four has in its file (lab/verify/identify.ts), in the order of their names.
  FileSteady: "steady version ",
  FileTini: "Spawned child process '%s' with pid '%",
  FileDumbInit: "[dumb-init] ",
  FileCatatonit: "CATATONIT_",
  FirstExePath: "/proc/1/exe",

  StatPath: "/stat",
  CommandPath: "/cmdline",
  GroupsPath: "/cgroup",
  LoadPath: "/proc/loadavg",
  IgnoredLine: "\nSigIgn:\t",
  CaughtLine: "\nSigCgt:\t",
  PendingLine: "\nShdPnd:\t",
  BlockedLine: "\nSigBlk:\t",

  // By controller, of cgroup v2 and then of v1 (core/cgroup.ts).
  ControllerPids: "pids",
  ControllerMemory: "memory",
  ControllerCpu: "cpu",
  LimitOfPids: "/pids.max",
  LimitOfMemory: "/memory.max",
  LimitOfCpu: "/cpu.max",
  OldLimitOfPids: "/pids.max",
  OldLimitOfMemory: "/memory.limit_in_bytes",
  OldLimitOfCpu: "/cpu.cfs_quota_us",
  UseOfPids: "/pids.current",
  UseOfMemory: "/memory.current",
  UseOfCpu: "/cpu.stat",
  OldUseOfPids: "/pids.current",
  OldUseOfMemory: "/memory.usage_in_bytes",
  OldUseOfCpu: "/cpu.stat",
  EventsOfPids: "/pids.events",
  EventsOfMemory: "/memory.events",
  EventsOfCpu: "/cpu.stat",
  OldEventsOfPids: "/pids.events",
  OldEventsOfMemory: "/memory.oom_control",
  OldEventsOfCpu: "/cpu.stat",
  KeyOfPids: "max ",
  KeyOfMemory: "oom_kill ",
  KeyOfCpu: "nr_throttled ",
  KeyOfPeriods: "nr_periods ",
  KeyOfTime: "throttled_usec ",
  OldKeyOfTime: "throttled_time ",
  OldPeriod: "/cpu.cfs_period_us",

  NoStatus: "Cannot read /proc: %e",
};

/** Every text of this file by its name, templates with numbers in place of names. */
export function statusMessages(): Readonly<Record<keyof typeof TEMPLATES | keyof typeof WORDS, string>> {
  const filled = Object.entries(TEMPLATES).map(([name, text]) => [name, template(text)]);
  return { ...Object.fromEntries(filled), ...WORDS };
}
