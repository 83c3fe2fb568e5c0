// What the program may: its user, its capabilities, no_new_privs and RLIMIT_NPROC. Only the child changes itself; the init
// stays who it is, but for the groups that files are opened with (forward.ts).

import { AMBIENT_RAISE, capget, capset, Errno, Prctl, prctl, Source, setrlimit_nproc } from "./kernel.ts";
import { byteInHand, isInHand, skipInHand, wordEnd } from "./options.ts";
import { need } from "./spawn.ts";
import { state } from "./state.ts";
import { Text } from "./texts.ts";
import { becomeUser } from "./user.ts";
import { byteAt, lower } from "./words.ts";

const COMMA = 44;
/** One more than the kernel's highest will ever be. */
const CAPABILITY_COUNT: u64 = 64;

/** Ends the child where something is refused. */
export function limitPrivilege(): void {
  if (state.limitNproc > 0) need(setrlimit_nproc(state.limitNproc), Text.NprocFailed);
  const isLimited = (state.dropped | state.kept) !== 0;
  const had = isLimited ? capget() : 0;
  const allowed = state.kept !== 0 ? state.kept : ~state.dropped;
  if (isLimited) limitBounding(had, allowed);
  if (state.changesUser) need(becomeUser(), Text.UserFailed);
  // A change of the user has taken them away, unless they are kept.
  if (isLimited) need(capset((state.kept !== 0 ? had : capget()) & allowed), Text.CapsFailed);
  for (let i: u64 = 0; i < CAPABILITY_COUNT; i++) {
    if (((state.kept >> i) & 1) !== 0) need(prctl(Prctl.Ambient, AMBIENT_RAISE, i32(i)), Text.CapsFailed);
  }
  if (state.noNewPrivs) need(prctl(Prctl.SetNoNewPrivs, 1, 0), Text.NoNewPrivsFailed);
}

/** While the right to do so is still there. What the kernel does not know needs no dropping. */
function limitBounding(had: u64, allowed: u64): void {
  if ((state.kept & ~had) !== 0) need(-Errno.EPERM, Text.CapsFailed);
  for (let i: u64 = 0; i < CAPABILITY_COUNT; i++) {
    if (((allowed >> i) & 1) !== 0) continue;
    const has = prctl(Prctl.BoundingRead, i32(i), 0);
    if (has === -Errno.EINVAL) break;
    need(has, Text.CapsFailed);
    if (has !== 0) need(prctl(Prctl.BoundingDrop, i32(i), 0), Text.CapsFailed);
  }
  if (state.kept !== 0) need(prctl(Prctl.SetKeepCaps, 1, 0), Text.CapsFailed);
}

/** `net_raw,CAP_KILL`, and `all` where that may be said; 0 where it is wrong. */
export function readCapabilities(mayBeAll: bool): u64 {
  let offset = state.valueOffset;
  if (mayBeAll && isInHand(offset, Text.WordAll)) return u64.MAX_VALUE;
  let set: u64 = 0;
  while (true) {
    const name = skipInHand(offset, Text.WordCap);
    const end = wordEnd(name);
    const capability = capabilityAt(name, end);
    if (capability < 0) return 0;
    set |= u64(1) << u64(capability);
    const next = byteInHand(end);
    if (next === 0) return set;
    if (next !== COMMA) return 0;
    offset = end + 1;
  }
}

/** The number of the name from `offset` to `end`, by its place in the list; -1 where it is none. */
function capabilityAt(offset: i32, end: i32): i32 {
  let place = 0;
  let at = offset;
  let fits = true;
  let i = 0;
  while (true) {
    const char = byteAt(Source.Text, Text.CapabilityNames, i++);
    if (char !== COMMA && char !== 0) {
      fits = fits && at < end && char === lower(byteInHand(at++));
      continue;
    }
    if (fits && at === end) return place;
    if (char === 0) return -1;
    place++;
    at = offset;
    fits = true;
  }
}
