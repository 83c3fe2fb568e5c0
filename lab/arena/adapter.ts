// Inits that take no program on their command line: runit-init, s6-svscan and systemd. An adapter stands before such a one, so that
// a script starts it as any other, ADAPTER -- PROGRAM ARGS. The rule: an adapter does what the init's own manual tells an image
// to do, in a mount namespace of the script's own, and nothing outside of it is touched.

import { UsageError } from "../settings.ts";
import type { Kind, Target } from "./target.ts";

/** Whom nobody can tell a program but by a file. */
const ADAPTED = ["runit", "s6", "systemd"] as const;
export type Adapted = (typeof ADAPTED)[number];

export function isAdapted(kind: Kind): kind is Adapted {
  return ADAPTED.some((each) => each === kind);
}

const BY_A_FILE = "its program stands in a file, and a shell starts it";
const NO_SIGNALS =
  "it passes no signal on to its program, and takes SIGTERM for no stop: nothing of it was to arrive";
const PID1_ALONE = "it is PID 1 of a machine or a container, and nothing else";
const NO_TERMINAL = "its program has no terminal";

const of = (ids: string, why: string): Readonly<Record<string, string>> =>
  Object.fromEntries(ids.split(" ").map((id) => [id, why]));

const FILES = of(
  "W16 W20 O5 O12 missing unknown below-a-file no-permission directory interpreter text not-a-binary loop empty option nothing",
  BY_A_FILE,
);
const LEFT = "left left-session left-ignoring left-inside left-inside-session";

const MACHINES = {
  ...FILES,
  ...of("W1 W11 W14 D1 O2 O3 O7 O9 O14 O17 pid1 queued value handler reach", NO_SIGNALS),
  ...of("W9 W10 D6 inside subreaper orphans-inside left-inside left-inside-session left-behind", PID1_ALONE),
  ...of("job-stop job-go-on background given-back", PID1_ALONE),
  ...of("O13 controlling foreground ctrl-c ctrl-z winch hangup first-hangup", NO_TERMINAL),
  ...of("dumpable-init dumpable", "it is root's alone"),
};

/** By attack and by probe, why it is not about such an init. */
const NOT_ABOUT: Readonly<Record<Adapted, Readonly<Record<string, string>>>> = {
  s6: {
    ...FILES,
    ...of("cwd-init", "it is its scan directory, which the adapter has chosen"),
    ...of("O17 queued value", "it passes no real-time signal on to its program"),
    ...of("O14", "its adapter is a shell, which needs more than it has then"),
    ...of(`W12 ${LEFT}`, "what becomes of the rest is said by .s6-svscan/finish, which is the image's own"),
  },
  runit: {
    ...MACHINES,
    ...of("W2 W5 exit killed chld no-stdin", "it ends without the status of its program, whatever that was"),
    ...of(`W12 ${LEFT}`, "what becomes of the rest is said by /etc/runit/3, which is the image's own"),
  },
  systemd: MACHINES,
};

/** Why an attack or a probe is not about an init of this kind; undefined where it is. */
export function notAbout(kind: Kind, id: string): string | undefined {
  return isAdapted(kind) ? NOT_ABOUT[kind][id] : undefined;
}

/** For what is about inits that take a program on their command line. */
export function demandProgram(command: string, targets: readonly Target[]): void {
  const found = targets.find(({ kind }) => isAdapted(kind));
  if (found !== undefined)
    throw new UsageError(
      `${command} is about inits that take a program on their command line, and ${found.name} does not: attack and conform take it`,
    );
}

/**
 * In sh, after the words that start containers: writes the adapter into the script's folder and puts it into $INIT. Where that
 * cannot be, the script says "cannot: ..." and ends with 2.
 */
export function adapting({ kind }: Target): string {
  return isAdapted(kind) ? `${COMMON}${BY_KIND[kind]}` : "";
}

/** As it stands here, but for the backslash before a brace of the shell's. */
function sh({ raw }: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw }, ...values).replaceAll("\\${", "${");
}

const COMMON = sh`
cannot() { echo "cannot: $*"; exit 2; }
# mounts WHY: this script is to be PID 1 of a mount namespace of its own, as by hand that of the command in docs/attack.md.
mounts() { [ $$ = 1 ] || cannot "$KIND needs $1, and so a mount namespace of the script's own"; }
# over FOLDER TARGET: where the package was unpacked below $tree and not installed, it is laid over the machine's own folder.
over() {
  [ -n "$tree" ] && [ -d "$tree/$1" ] || return 0
  mounts "a package that is unpacked to be laid over /$2"
  mount -t overlay overlay -o "lowerdir=$tree/$1:/$2" "/$2" || cannot "an overlay over /$2 is not allowed here"
}
# tree_of PATH: what is before it in $INIT; nothing where that is installed.
tree_of() { tree=\${INIT%"$1"}; tree=\${tree%/usr}; [ "$tree" != "$INIT" ] || tree=; }

# The adapter: it writes the program, with what it was given, into the file "run", and becomes the init. No command but the shell's
# own is used, so that a limit or a signal that it inherits hurts the init and not the adapter.
adapter() {
  cat >adapter <<END
#!/bin/sh
here='$PWD'
END
  cat >>adapter <<'END'
quoted() {
  rest=$1 done=
  while :; do
    case $rest in *\'*) done="$done\${rest%%\'*}'\\''" rest=\${rest#*\'} ;; *) break ;; esac
  done
  printf " '%s'" "$done$rest"
}
[ "\${1:-}" != -- ] || shift
{
  echo "cd '$PWD' || exit 125"
  export -p
  printf exec
  for each; do quoted "$each"; done
  echo
} >"$here/run"
END
  echo "$1" >>adapter
  chmod 755 adapter
  INIT=$PWD/adapter
}
`;

const S6 = sh`
# A scan directory with one service, the program. Its finish script writes down the status, as a shell tells it, and ends the scan;
# that of the scan ends PID 1 with it. s6-svscan itself sends a SIGTERM on to its services; of the others that it can be asked to take
# it runs a script for each, which sends it on.
tree_of /bin/s6-svscan
over usr usr
s6-svok / 2>/dev/null
[ $? -lt 126 ] || cannot "s6 does not start here: it needs libs6, libskarnet and libexecline beside it"
mkdir -p scan/main scan/.s6-svscan
printf '#!/bin/sh\nexec sh "%s/run"\n' "$PWD" >scan/main/run
cat >scan/main/finish <<'END'
#!/bin/sh
[ "$1" = 256 ] && echo $((128 + $2)) >../status || echo "$1" >../status
s6-svscanctl -t ..
# Not again.
exit 125
END
printf '#!/bin/sh\nread -r status <status || status=125\nexit "$status"\n' >scan/.s6-svscan/finish
for each in HUP:h INT:i QUIT:q USR1:1 USR2:2 WINCH:y; do
  printf '#!/bin/sh\nexec s6-svc -%s main\n' "\${each#*:}" >"scan/.s6-svscan/SIG\${each%:*}"
done
chmod 755 scan/main/* scan/.s6-svscan/*
# Whoever the container's user is.
chmod 777 scan scan/main scan/.s6-svscan
[ -n "$tree" ] && svscan=/usr/bin/s6-svscan || svscan=$INIT
adapter "exec '$svscan' '$PWD/scan'"
# Between the init and its program there is one more, which watches over it.
below() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
children() {
  found=$(below "$1")
  for each in $found; do
    grep -qx s6-supervise "/proc/$each/comm" 2>/dev/null && found=$(below "$each")
  done
  echo "$found" | tr -d ' '
}
# Without the init above it the watcher lives on, and lets no other watch over the same program.
watchers() {
  for each in $(grep -lx "Name:.s6-supervise" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3); do
    case $(readlink "/proc/$each/cwd") in "$PWD"/*) echo "$each" ;; esac
  done
}
above() { grep -qx s6-supervise "/proc/$1/comm" && sed -n 's/^PPid:.//p' "/proc/$1/status" || echo "$1"; }
`;

/** What such an init would change of the machine, were it not laid over; before it a place for new files of /etc: etc.upper/new. */
const ETC = sh`
mkdir etc.upper
mount -t tmpfs tmpfs etc.upper && mkdir etc.upper/new etc.upper/work || cannot "a tmpfs is not allowed here"
etc() {
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$PWD/etc.upper/new,workdir=$PWD/etc.upper/work" /etc ||
    cannot "an overlay over /etc is not allowed here"
  [ ! -e /dev/console ] || mount --bind /dev/null /dev/console || cannot "the machine's /dev/console cannot be hidden"
}
`;

const RUNIT = sh`
# Stage 2 is the program; what comes before and after it does nothing. What it says goes where the container's words go, and not to
# the machine's console.
[ $RUNTIME != docker ] || cannot "runit-init reads /etc/runit, which in a container of Docker is the image's"
mounts "files of its own in /etc/runit"
tree_of /lib/runit/runit-init
over usr usr
over sbin usr/sbin
over lib usr/lib
[ -x /sbin/runit ] || cannot "there is no /sbin/runit: it is in the package runit"
${ETC}
mkdir etc.upper/new/runit
for each in 1 3; do printf '#!/bin/sh\nexit 0\n' >"etc.upper/new/runit/$each"; done
printf '#!/bin/sh\nexec sh "%s/run" >>"%s/out" 2>>"%s/err"\n' "$PWD" "$PWD" "$PWD" >etc.upper/new/runit/2
chmod 755 etc.upper/new/runit/*
etc
tidy() { umount -l /etc etc.upper; }
export SEEN="\${SEEN:-} /etc/runit"
[ -n "$tree" ] && runit=/lib/runit/runit-init || runit=$INIT
adapter "exec '$runit'"
`;

const SYSTEMD = sh`
# One unit, the program: where it ends so does systemd, with its status. The container has a cgroup namespace below a group that goes
# with it, host and IPC names and a network of its own, and a /run that is empty. It raises limits of the machine when it starts
# (net.unix.max_dgram_qlen, fs.file-max): /proc/sys can only be read.
[ $RUNTIME = namespaces ] || cannot "systemd needs a cgroup that it may write to, and a container of $RUNTIME has none"
mounts "a /run and cgroups of its own"
tree_of /lib/systemd/systemd
over usr usr
over lib usr/lib
roots= machine=\${KEY:-$(basename "$PWD")}
for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  [ ! -e "$root/cgroup.procs" ] || roots="$roots $root"
done
tidy() { for root in $roots; do find "$root/$machine" -depth -type d -exec rmdir {} \;; done; umount -l /etc etc.upper; }
[ -n "$roots" ] || cannot "systemd needs a cgroup that it may write to, and there is none"
for root in $roots; do
  mkdir -p "$root/$machine/machine" || cannot "systemd needs a cgroup that it may write to, and $root is none"
done
${ETC}
etc
mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/system || cannot "a tmpfs over /run is not allowed here"
cat >/run/systemd/system/program.service <<END
[Unit]
DefaultDependencies=no
SuccessAction=exit
FailureAction=exit
[Service]
Type=exec
ExecStart=/bin/sh "$PWD/run"
TimeoutStopSec=2s
StandardOutput=append:$PWD/out
StandardError=append:$PWD/err
END
cat >machine <<END
for root in $roots; do echo 0 >"\$root/$machine/machine/cgroup.procs" || exit 125; done
exec unshare --cgroup --uts --ipc --net --mount -- sh "$PWD/namespaces" "\$@"
END
cat >namespaces <<END
umount -R /sys/fs/cgroup
case "$roots" in
  *" /sys/fs/cgroup/systemd"*)
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/systemd &&
      mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd ;;
  *) mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
esac || exit 125
exec $CONTAIN "\$@"
END
export CONTAIN="sh $PWD/machine"
# PID 1 is a child of the last that this comes to, not of those before it.
first() { grep -q -e --mount-proc "/proc/$(cat box)/cmdline" 2>/dev/null && children "$(cat box)"; }
[ -n "$tree" ] && systemd=/lib/systemd/systemd || systemd=$INIT
adapter "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys || exit 125
export container=steady-lab
exec '$systemd' --system --unit=program.service --log-target=null --show-status=no"
`;

const BY_KIND: Readonly<Record<Adapted, string>> = { s6: S6, runit: RUNIT, systemd: SYSTEMD };
