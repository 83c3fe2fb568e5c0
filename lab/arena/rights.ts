// Attacks on what the init believes and what it keeps: signals from inside, and rights that it does not need.

import type { Attack } from "./attack.ts";

/** rt_sigqueueinfo(2) with an si_code, a pid and a uid that the caller chooses, by perl, which Debian always has. */
const FORGE = `
forge='my ($number, $pid, $signal, $code, $from) = @ARGV;
my $info = pack("i!3 x!8 i!2 x[104]", $signal, 0, $code, $from, 0);
exit(syscall($number + 0, $pid + 0, $signal + 0, $info) == 0 ? 0 : 1);'
case $(uname -m) in x86_64) number=129 ;; aarch64 | riscv64) number=138 ;; *) number= ;; esac
`;

const OUTSIDE = `
# As docker exec: inside the namespace.
inside() { nsenter --target "$init" --pid --mount -- "$@"; }
[ "$init" ] && inside true 2>/dev/null || not_applicable "nsenter is not allowed here"
`;

export const RIGHTS_ATTACKS: readonly Attack[] = [
  {
    id: "W18",
    title: "what the init may while its program runs",
    harm: "who takes it over has all of it",
    kinds: ["tini", "dumb-init", "catatonit", "steady", "other"],
    root: true,
    control: "steady",
    script: `
record USR1
await 2 'grep -q "^Seccomp:.2" "/proc/$init/status"'
may=$(awk '/^CapEff/ { print $2 }' "/proc/$init/status")
gains=$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$init/status")
filter=$(awk '/^Seccomp:/ { print $2 }' "/proc/$init/status")
[ "$may" = 0000000000000020 ] || [ "$may" = 0000000000000000 ] || fell "its capabilities are $may (no_new_privs $gains, seccomp $filter)"
[ "$gains" = 1 ] || fell "no_new_privs is not set"
[ "$filter" = 2 ] || fell "it has no seccomp filter of its own"
survived "CAP_KILL at most, no_new_privs and a seccomp filter"
`,
  },
  {
    id: "T1",
    title: "--trust outside: a queued stop from inside that claims to come from outside",
    harm: "who is inside stops the program in the engine's name",
    kinds: ["steady"],
    root: true,
    control: "harmless",
    script: `${FORGE}
OPTIONS='--trust outside'
record USR1
${OUTSIDE}
[ -n "$number" ] || not_applicable "the number of rt_sigqueueinfo is not known for $(uname -m)"
if [ -z "$CONTROL" ]; then
  inside perl -e "$forge" "$number" 1 15 -1 0 || { echo "it could not be sent"; exit 2; }
  inside perl -e "$forge" "$number" 1 15 -6 0 && fell "the kernel let somebody write SI_TKILL"
fi
inside kill -USR1 1
await 1 'got TERM || got USR1' && fell "from inside arrived: $(seen)"
kill -USR1 "$init"
await 5 'got USR1' || fell "a signal of the engine's did not arrive"
survived "what was forged was refused: $(grep -h claimed err | tail -n 1)"
`,
  },
  {
    id: "T2",
    title: "--trust outside: a flood of stops from inside, in whose shadow the engine's is dropped",
    harm: "the container cannot be stopped",
    kinds: ["steady"],
    root: true,
    control: "harmless",
    script: `
OPTIONS='--trust outside'
record USR1
${OUTSIDE}
if [ -z "$CONTROL" ]; then
  ( inside sh -c 'while kill -TERM 1; do :; done' 2>/dev/null ) &
  await 5 '[ -s err ]'
fi
kill -TERM "$init"
ends_within 5 || fell "the engine's stop never arrived"
survived "the stop came through: $(tail -n 1 err)"
`,
  },
  {
    id: "T3",
    title: "--trust outside: a queued stop from inside while the queue of the init's user is full",
    harm: "who is inside stops the program in the engine's name",
    kinds: ["steady"],
    root: true,
    control: "harmless",
    script: `${FORGE}
OPTIONS='--trust outside'
# So that the queue is full soon; for the init and whoever it starts.
[ -n "$CONTROL" ] || AROUND='prlimit --sigpending=0:0 --'
record USR1
${OUTSIDE}
[ -n "$number" ] || not_applicable "the number of rt_sigqueueinfo is not known for $(uname -m)"
inside perl -e "$forge" "$number" 1 15 -1 0 || { echo "it could not be sent"; exit 2; }
await 1 'got TERM || ended' && fell "it arrived: the kernel has dropped who sent it, and that cannot be told from the engine"
survived "it was refused: $(tail -n 1 err)"
`,
  },
  {
    id: "T4",
    title: "--watchdog: notifications that somebody else forges",
    harm: "they end a program that is well, or keep one alive that hangs",
    kinds: ["steady"],
    root: true,
    control: "harmless",
    script: `
# say NAME TEXT: one datagram, as sd_notify(3) sends it.
say='use Socket; my ($name, $text) = @ARGV; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or exit 1;
exit(defined send($s, $text, 0, pack_sockaddr_un($name)) ? 0 : 1);'
# It says that it is well until there is a file "hang", and ignores SIGABRT.
well='use Socket; $SIG{ABRT} = "IGNORE"; open(my $f, ">", "name"); print $f $ENV{NOTIFY_SOCKET}; close $f;
my $name = $ENV{NOTIFY_SOCKET}; $name =~ s/^@/\\0/; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
while (1) { unless (-e "hang") { send($s, "WATCHDOG=1", 0, pack_sockaddr_un($name)); open(my $f, ">>", "signs"); print $f "1"; }
  select undef, undef, undef, 0.1; }'
OPTIONS='--watchdog 2s --grace 100ms'
box perl -e "$well"
await 10 '[ -s signs ] || ended'
[ -s signs ] || fell "the program did not start: $(cat status err)"
name=$(cat name)
# As docker exec -u: inside, and another user's.
forges() { nsenter --target "$init" --pid --net --mount -- setpriv --reuid 4321 --clear-groups -- perl -e "$say" "$name" "$1"; }
nsenter --target "$init" --pid --net --mount -- true 2>/dev/null || not_applicable "nsenter is not allowed here"
signs=$(wc -c <signs)
if [ -z "$CONTROL" ]; then
  forges WATCHDOG=trigger || { echo "it could not be sent"; exit 2; }
  forges WATCHDOG_USEC=1
  forges "$(printf '%5000s' x)"
  # And root, but outside of the PID namespace.
  nsenter --target "$init" --net -- perl -e "$say" "$name" WATCHDOG=trigger
fi
# Each sign after that has been read behind what was forged.
await 10 '[ "$(wc -c <signs)" -gt $((signs + 5)) ] || ended'
ended && fell "what was forged ended a program that is well, with $(cat status)"
: >hang
[ -n "$CONTROL" ] || forges STOPPING=1
looks=0
until ended || [ $looks -gt 60 ]; do
  [ -n "$CONTROL" ] || forges WATCHDOG=1
  sleep 0.1
  looks=$((looks + 1))
done
ends_within 5 || fell "a program that hangs is kept alive by what was forged"
[ "$(cat status)" = 122 ] || fell "it ended with $(cat status)"
survived "122, and what was forged changed nothing: $(grep -h -m 1 'changes nothing' err)"
`,
  },
];
