// Seccomp filters as the kernel runs them (seccomp(2), bpf(2)): classic BPF over struct seccomp_data, as far as filters
// need it. A call has a number of this machine's own, which is no architecture's.

import { CALLS, NUMBERS } from "../texts/linux.ts";

/** struct sock_filter. */
interface Instruction {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

export type Filter = readonly Instruction[];

const INSTRUCTION_BYTES = 8;
const LOAD = 0x20;
const EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
/** BPF_MAXINSNS */
const INSTRUCTIONS_MAX = 4096;
const ARCHITECTURE = 0x4c1d0001;
const FIRST_NUMBER = 4000;
const FIRST_CALL = NUMBERS.length + 1;
/** Of a request that nobody has. */
const OTHER_REQUEST = 1;

/** What `number_of` answers on this machine. */
export function numberOf(what: number): number {
  return what === 0 ? ARCHITECTURE : FIRST_NUMBER + what;
}

export function readFilter(bytes: Uint8Array): Filter {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / INSTRUCTION_BYTES }, (_, index) => {
    const at = index * INSTRUCTION_BYTES;
    return {
      code: view.getUint16(at, true),
      ifTrue: bytes[at + 2] ?? 0,
      ifFalse: bytes[at + 3] ?? 0,
      value: view.getInt32(at + 4, true),
    };
  });
}

/** Whether the kernel takes it: every jump stays inside, and what is reached last returns (bpf_check_classic). */
export function isValid(filter: Filter): boolean {
  if (filter.length === 0 || filter.length > INSTRUCTIONS_MAX || filter.at(-1)?.code !== RETURN) return false;
  return filter.every(({ code, ifTrue, ifFalse }, index) =>
    code === EQUAL ? index + 1 + Math.max(ifTrue, ifFalse) < filter.length : code === LOAD || code === RETURN,
  );
}

/** Whether a filter lets a call of core/kernel.ts through. */
export function allows(filter: Filter, name: string, args: readonly (number | bigint)[]): boolean {
  return run(filter, systemCall(name, args.map(Number)));
}

/** The low halves of number and arguments: struct seccomp_data, on a little-endian machine. */
function run(filter: Filter, [number, ...args]: readonly number[]): boolean {
  let loaded = 0;
  for (let at = 0; ; at++) {
    const { code, value, ifTrue, ifFalse } = filter[at] as Instruction;
    if (code === RETURN) return value === ALLOW;
    if (code === LOAD)
      loaded = (value === 0 ? number : value === 4 ? ARCHITECTURE : args[(value - 16) >> 3]) ?? 0;
    else at += (loaded | 0) === value ? ifTrue : ifFalse;
  }
}

/** A number that no filter here knows. */
const UNKNOWN = 3;

function listed(name: string): number {
  const place = CALLS.findIndex(([each]) => each === name);
  return place < 0 ? UNKNOWN : numberOf(FIRST_CALL + place);
}

const place = (name: string): number => 1 + NUMBERS.findIndex(([each]) => each === name);

/** What native makes of a call of core/kernel.ts. */
function systemCall(name: string, args: readonly number[]): readonly number[] {
  const [first = 0, second = 0] = args;
  switch (name) {
    case "statx_at":
      return [listed("statx"), first, second];
    case "exit":
      return [listed("exit_group"), first];
    case "seteuid":
      return [listed("setresuid"), -1, first, -1];
    case "set_pdeathsig":
      return [listed("prctl"), 1, first];
    case "get_dumpable":
      return [listed("prctl"), 3];
    case "set_dumpable":
      return [listed("prctl"), 4, first];
    case "openat":
      return [listed("openat"), -100, first, numberOf(1 + second)];
    case "tcgetpgrp":
      return [listed("ioctl"), first, numberOf(place("GetForeground"))];
    case "tcsetpgrp":
      return [listed("ioctl"), first, numberOf(place("SetForeground"))];
    case "pidfd_get_info":
      return [listed("ioctl"), first, numberOf(place("PidfdGetInfo"))];
    case "control_terminal":
      return [listed("ioctl"), first, OTHER_REQUEST];
    default:
      return [listed(name), ...args];
  }
}
