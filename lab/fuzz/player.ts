// The program of a fuzzed container: it tells of each signal that reaches it, and leaves orphans and zombies where it is asked.
// In perl, which Debian always has and which reaches the system calls that a shell does not.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PlaceError } from "../place.ts";

/**
 * rt_sigprocmask, rt_sigtimedwait, rt_sigqueueinfo, waitid, clone (asm/unistd.h); the layout of siginfo_t is that of 64 bits.
 * Not perl's own fork: it lets the signals 32 and 33 through meanwhile, as the C library wants it, and they end the program.
 */
const CALLS: Readonly<Record<string, readonly number[]>> = {
  x64: [14, 128, 129, 247, 56],
  arm64: [135, 137, 138, 95, 220],
  riscv64: [135, 137, 138, 95, 220],
};

const TEXT = `
use strict;
my ($MASK, $TAKE, $QUEUE, $WAITID, $CLONE) = (CALLS);
my $word = shift;
my %of = map { /^(\\w+)=(-?\\d+)$/ } @ARGV;
my $siginfo = 'l3 x4 l L q';
my $info = "\\0" x 128;
sub say1 { syswrite STDOUT, "$_[0]\\n" }
sub adopted { my $parent = shift; select undef, undef, undef, 0.001 while getppid == $parent }
sub fork1 { my $pid = syscall $CLONE, 17, 0, 0, 0, 0; $pid >= 0 or exit 1; $pid }
# A grandchild that outlives its parent and then ends; none where the limit on processes is reached.
sub orphan {
  my $pid = syscall $CLONE, 17, 0, 0, 0, 0;
  return if $pid < 0;
  if ($pid) { waitpid $pid, 0; return }
  my $parent = $$;
  adopted($parent) if fork1 == 0;
  exit 0;
}
if ($word eq 'signals') {
  my $all = pack 'Q', ~0;
  syscall $MASK, 2, $all, 0, 8;
  say1('ready');
  my $set = pack('Q', ~(1 << 16));
  for (my $signal = 0; $signal != ($of{until} || 15);) {
    $signal = syscall $TAKE, $set, $info, 0, 8;
    next if $signal < 0;
    my ($number, $errno, $code, $pid, $uid, $value) = unpack $siginfo, $info;
    my $how = $code == 0 ? 'user' : $code == -1 ? 'queue' : "code $code";
    $value &= 0xffffffff;
    say1("signal $signal $how pid $pid uid $uid" . ($code == -1 ? " value $value" : ''));
    orphan() if $signal == ($of{litter} || 0);
  }
  exit($of{exit} || 0);
} elsif ($word eq 'queue') {
  my ($pid, $signal, $first, $count) = map { $_ + 0 } @ARGV;
  for my $i (0 .. $count - 1) {
    my $sent = pack "$siginfo x96", $signal, 0, -1, $$, $<, $first + $i;
    if (syscall($QUEUE, $pid, $signal, $sent) < 0) { say1("sent $i"); exit 1 }
  }
} elsif ($word eq 'orphans') {
  orphan() for 1 .. $ARGV[0];
} elsif ($word eq 'zombies') {
  for (1 .. $ARGV[0]) {
    my $pid = fork1;
    exit 0 if $pid == 0;
    # P_PID; WEXITED | WNOWAIT: it stays.
    syscall $WAITID, 1, $pid, $info, 0x01000004, 0;
  }
} elsif ($word eq 'daemon') {
  if (my $pid = fork1) { waitpid $pid, 0; exit 0 }
  my $parent = $$;
  setpgrp;
  exit 0 if fork1 != 0;
  adopted($parent);
} elsif ($word eq 'sleep') {
  select undef, undef, undef, $ARGV[0] / 1000;
} else {
  exit 2;
}
`;

/** Writes it into the folder, and answers its command: whatever is asked of it follows. */
export function writePlayer(folder: string): readonly string[] {
  const calls = CALLS[process.arch];
  if (calls === undefined) throw new PlaceError(`fuzz knows no system calls of ${process.arch}`);
  const path = join(folder, "player.pl");
  writeFileSync(path, TEXT.replace("CALLS", calls.join(", ")));
  return ["perl", path];
}
