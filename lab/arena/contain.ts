// What starts a command as PID 1 of a container: $CONTAIN COMMAND ARGS, in sh. The rule: it writes the pid out here to a file,
// waits, and ends with the container's status; the container has the caller's environment, directory and files.

import { existsSync } from "node:fs";
import { quoted } from "./quoted.ts";
import type { RuntimeName } from "./runtime.ts";

/** A PID and a mount namespace, and nothing else; it dies with whoever made it. */
export const UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/** What a container shows of this machine, read-only. No /etc as a whole: engines put files of their own there. */
const SEEN =
  "/usr /bin /sbin /lib /lib32 /lib64 /libx32 /nix /gnu /etc/ld.so.cache /etc/passwd /etc/group /etc/alternatives /etc/perl";

/** Those that this machine has, and the files that are given. */
export function seen(...files: readonly (string | undefined)[]): readonly string[] {
  const own = files.filter((file) => file !== undefined);
  return [...SEEN.split(" ").filter((path) => existsSync(path)), ...own];
}

/** In perl, which Debian always has: the folder of an engine's client is none that a script could be sure of. */
export const CONTAINER = String.raw`use strict;
use warnings;
use Cwd;
use IO::Socket::UNIX;
my ($engine, @command) = @ARGV;
my $here = getcwd;
my ($key) = defined $ENV{KEY} ? $ENV{KEY} : $here =~ m{([^/]+)$};
my $limit = $ENV{PIDS} || 512;
# What Docker leaves a container.
my @capabilities = map { "CAP_$_" } qw(AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE
  NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT);
my @environment = map { "$_=$ENV{$_}" } sort keys %ENV;
my @seen = split / /, $ENV{SEEN};
my ($pid_file) = defined $ENV{PIDFILE} ? $ENV{PIDFILE} : "$here/pid";

# A reference to a text is a number or a truth.
sub json {
  my ($value) = @_;
  return "[" . join(",", map { json($_) } @$value) . "]" if ref $value eq "ARRAY";
  return "{" . join(",", map { json($_) . ":" . json($value->{$_}) } sort keys %$value) . "}" if ref $value eq "HASH";
  return $$value if ref $value;
  $value =~ s/(["\\\x00-\x1f])/sprintf "\\u%04x", ord $1/ge;
  return "\"$value\"";
}

sub save {
  my ($path, $text) = @_;
  open my $file, ">", "$path.part" or die "$path: $!\n";
  print $file $text;
  close $file;
  rename "$path.part", $path;
}

$engine eq "kill" ? signals(@command) : $engine eq "docker" ? docker() : bundle();

# Of runc and crun, which become this process.
sub bundle {
  my $folder = "$here/.engine";
  my $bundle = "$folder/$$";
  mkdir $_ for $folder, $bundle, "$bundle/rootfs";
  my @mounts = (
    { destination => "/proc", type => "proc", source => "proc" },
    { destination => "/dev", type => "tmpfs", source => "tmpfs", options => ["nosuid", "mode=755"] },
    { destination => "/dev/pts", type => "devpts", source => "devpts", options => ["newinstance", "ptmxmode=0666"] },
    { destination => "/tmp", type => "tmpfs", source => "tmpfs" },
    map({ { destination => $_, type => "bind", source => $_, options => ["rbind", "ro"] } } @seen),
    { destination => $here, type => "bind", source => $here, options => ["rbind", "rw"] },
  );
  save("$bundle/config.json", json({
    ociVersion => "1.0.2",
    process => {
      terminal => \(-t 0 ? "true" : "false"),
      user => { uid => \"0", gid => \"0" },
      args => \@command, env => \@environment, cwd => $here,
      capabilities => { map { $_ => \@capabilities } qw(bounding effective permitted) },
    },
    root => { path => "rootfs", readonly => \"true" },
    mounts => \@mounts,
    linux => {
      # By hand there is nobody to remove a folder of them.
      cgroupsPath => defined $ENV{KEY} ? "/$key/$$" : "/$key-$$",
      resources => { pids => { limit => \$limit } },
      namespaces => [map { { type => $_ } } qw(pid mount ipc uts network)],
    },
  }));
  save("$folder/id", "$key-$$\n");
  unlink $pid_file;
  # What it warns of is not the init's word.
  my @log = $engine eq "runc" ? ("--log", "$folder/log") : ();
  exec $engine, "--root", "$folder/state", @log, "run", "--bundle", $bundle, "--pid-file", $pid_file, "$key-$$";
  die "$engine: $!\n";
}

# By the engine's own kill, so many times, or until it refuses or there is a file "over". The count is written down.
sub signals {
  my ($engine, $signal, $times) = @_;
  open my $file, "<", "$here/.engine/id" or die "there is no container: $!\n";
  chomp(my $id = <$file>);
  my $count = 0;
  while ($count < $times && !-e "over") {
    last if $engine eq "docker"
      ? (told("POST", "/containers/$id/kill?signal=$signal", ""))[0] >= 400
      : system("$engine --root '$here/.engine/state' --log /dev/null kill $id $signal >/dev/null 2>&1") != 0;
    $count++;
  }
  open my $sent, ">>", "sent" or die "sent: $!\n";
  print $sent $count == 1 ? "" : "$count times ", "signal $signal by $engine kill\n";
  exit($count > 0 ? 0 : 1);
}

# One that the engine has told of ends here.
sub docker {
  my ($out, $err) = map { my $path = readlink "/proc/self/fd/$_"; index($path, "$here/") == 0 ? $path : "/dev/null" } 1, 2;
  my $open = 'exec </dev/null >>"$0" 2>>"$1"; shift; exec "$@"';
  unlink $pid_file;
  my ($id) = asked("POST", "/containers/create", json({
    Image => $ENV{IMAGE} || "debian:stable-slim",
    Entrypoint => ["/bin/sh", "-c", $open, $out, $err, @command],
    Env => \@environment, WorkingDir => $here, User => "0", Labels => { "steady-lab" => $key },
    HostConfig => {
      Init => \"false", NetworkMode => "none", PidsLimit => \$limit, SecurityOpt => ["label=disable"], LogConfig => { Type => "none" },
      Mounts => [
        map({ { Type => "bind", Source => $_, Target => $_, ReadOnly => \"true" } } @seen),
        { Type => "bind", Source => $here, Target => $here },
      ],
    },
  })) =~ /"Id":"(\w+)"/;
  save("$here/.engine/id", "$id\n");
  asked("POST", "/containers/$id/start", "");
  my ($pid) = asked("GET", "/containers/$id/json", "") =~ /"Pid":(\d+)/;
  save($pid_file, "$pid\n") if $pid;
  my ($status) = asked("POST", "/containers/$id/wait", "") =~ /"StatusCode":(\d+)/;
  asked("DELETE", "/containers/$id?force=1&v=1", "");
  exit $status;
}

sub asked {
  my ($status, $answer) = told(@_);
  return $answer if $status < 400;
  print STDERR $answer;
  exit 125;
}

sub told {
  my ($method, $path, $body) = @_;
  my $where = $ENV{ENGINE_SOCKET} || "/var/run/docker.sock";
  my $socket = IO::Socket::UNIX->new(Peer => $where) or die "no Docker engine answers at $where: $!\n";
  my $length = length $body;
  print $socket "$method $path HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: $length\r\n\r\n$body";
  local $/;
  return <$socket> =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)$}s;
}
`;

/**
 * In sh: what the scripts call $CONTAIN; \`first\`, which tells the pid of PID 1 where it has one; and \`engine_kill SIGNAL [TIMES]\`,
 * which signals it as the engine does, until there is a file "over", and tells the file "sent".
 */
export function containing(runtime: RuntimeName, files: readonly (string | undefined)[]): string {
  if (runtime === "namespaces")
    return `
RUNTIME=namespaces SLOW=1
export CONTAIN='${UNSHARE.join(" ")}'
first() { children "$(cat box)"; }
engine_kill() {
  count=0
  while [ $count -lt "\${2:-1}" ] && [ ! -e over ] && kill -"$1" "$init" 2>/dev/null; do count=$((count + 1)); done
  [ $count = 1 ] && echo "signal $1" >>sent || echo "$count times signal $1" >>sent
  [ $count -gt 0 ]
}
`;
  return `
# Engines are slower.
RUNTIME=${runtime} SLOW=2
export CONTAIN='perl .engine/contain ${runtime}'
export SEEN=${quoted(seen(...files).join(" "))}
first() { cat pid 2>/dev/null; }
engine_kill() { perl .engine/contain kill ${runtime} "$1" "\${2:-1}"; }
mkdir -p .engine
cat >.engine/contain <<'END'
${CONTAINER}END
`;
}
