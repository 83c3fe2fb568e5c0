// Every event, once: the core, docs/events.md, its schema and the tests are made from this table.
//
// An event is its name and its fields, as `--events text` writes them. For JSON a space and an equals sign that stand here
// become what is between members. A letter behind % is one of messages.ts, said with everything escaped that others chose, or
//   %d number   %i number with its sign   %b true or false   %z the time   %o the configuration   %N name of a signal
//   %R fields for what the program has used, where the init waited for it
//   %G fields for a signal   %E fields for an errno   %S fields for the sender of the signal in hand
// What others chose is cut where the rest of the line would not find room.

/** Sentences of messages.ts that are events as well, with the values that they are said with. */
export const TOLD = {
  Spawned: '"spawned" process.command="%p" process.pid=%d',
  ExecFailed: '"exec_failed" process.command="%p" %E',
  LimitCgroup: '"fork_failed" %E steady.limit=%d',
  LimitUser: '"fork_failed" %E steady.limit=%d',
  LimitKernel: '"fork_failed" %E',
  ForkFailed: '"fork_failed" %E',
  SignalReceived: '"signal_received" %G %S',
  SignalOwn: '"signal_own" %G',
  SignalFromInside: '"signal_refused" %G steady.sender.claimed=false %S',
  SignalClaimed: '"signal_refused" %G steady.sender.claimed=true %S',
  StopMayHide: '"signal_hides" %G',
  LimitMet: '"signal_limited" %G steady.limit=%d',
  LimitDropped: '"signals_dropped" steady.count=%d',
  SignalMapped: '"signal_mapped" %G steady.signal.to.name="%N"',
  SignalDropped: '"signal_dropped" %G',
  SignalForwarded: '"signal_forwarded" %G',
  SignalHeld: '"signal_held" %G',
  SignalValueLost: '"signal_value_lost" %G',
  StopDelayed: '"stop_delayed" %G steady.delay_ms=%d',
  GraceOver: '"grace_over" process.pid=%d steady.after_ms=%d',
  Draining: '"draining" steady.drain_ms=%d',
  Straggler: '"straggler" process.pid=%d steady.refused=false process.command="%s"',
  StragglerRefused: '"straggler" process.pid=%d steady.refused=true process.command="%s"',
  Unkillable: '"left_behind"',
  ReapedChild: '"reaped" process.pid=%d process.exit.code=%d',
  ReapedKilled: '"reaped" process.pid=%d %G',
  WaitFailed: '"wait_failed" %E',
  MainExited: '"ended" process.exit.code=%d%R',
  MainSignaled: '"ended" %G steady.core_dumped=%b%R',
  MainUnknown: '"ended"',
  Exiting: '"exiting" process.exit.code=%d',
  LostLines: '"log_lines_lost" steady.count=%d',
  CoreRestarted: '"core_restarted" steady.trap="%t" steady.count=%d',
  CoreSignalDropped: '"core_signal_dropped" %G',
  EffectiveUserLost: '"user_lost" %E',
  KeepsPrivileges: '"privileges_kept" %E',
  GuardMet: '"pids_pressure" steady.pids.count=%d steady.pids.per_second=%d',
  GuardParent: '"pids_parent" process.pid=%d process.command="%s"',
  GuardCommand: '"pids_command" process.command="%s"',
  GuardZombies: '"pids_zombies" process.pid=%d process.command="%s"',
  GuardSpares: '"fork_bomb_spared"',
  GuardKilled: '"fork_bomb_killed" steady.count=%d steady.duration_ms=%d',
  GuardStopped: '"fork_bomb_stopped"',
  GuardEnds: '"fork_bomb_ends"',
  SandboxRefused: '"sandbox_refused" %E',
  NoProc: '"no_proc" %E',
  TcsetpgrpFailed: '"terminal_failed" %E',
} as const;

/** What is told without a sentence of its own, and the parts that events are made of. */
export const eventMessages = (version: string) =>
  ({
    EventStarted: `"started" process.pid=%d steady.version="${version}" steady.personality="%t" steady.options="%o"`,
    EventSettled: '"settled" steady.reaping="%t" steady.signalfd=%b',
    EventSandboxed: '"sandboxed"',
    EventFailed: '"signal_failed" %G %E',
    EventStopped: '"stopped" %G',
    EventContinued: '"continued"',
    EventsLost: '"events_lost" steady.count=%d',

    EventHead: 'time="%z" event=',
    FieldsSignal: 'steady.signal.name="%N" steady.signal.number=%d',
    FieldsErrno: 'steady.errno=%d error.message="%e"',
    FieldsSender: "steady.signal.code=%i steady.sender.pid=%i",
    FieldsSenderName: ' steady.sender.user.id=%d steady.sender.command="%s"',
    FieldsUsage: " steady.cpu.user_ms=%d steady.cpu.system_ms=%d",
    FieldsMemory: " steady.memory.max_kb=%d",
    FieldsValue: " steady.signal.value=%i",

    // --report: JSON already, so that no part has a space or an equals sign.
    ReportHead: `{"version":"${version}","time":"%z","status":%d`,
    ReportReason: ',"reason":"%t","sentence":"',
    ReportSignal: '","signal":',
    ReportReceived: '{"name":"%N","number":%d',
    ReportSender: ',"sender":{"pid":%i,"uid":%d',
    ReportSenderName: ',"claimed":%b,"name":"%s"}}',
    ReportProgram: ',"main_program":{"pid":%d,"command":"%p"',
    ReportEnded: ',"status":%i,"signal":%d},"ran_ms":',
    ReportCounts: ',"core_restarts":%d,"killed":%d,"left":[',
    ReportLeft: '{"pid":%d,"name":"%s"}',
    ReasonExited: "exited",
    ReasonSignaled: "signaled",
    ReasonOverdue: "overdue",
    ReasonUnknown: "unknown",
    ReasonNotStarted: "not_started",
  }) as const;
