#!/bin/busybox sh
# The guest's first process: sets up what a container host has, runs the scripts in order, powers off. Results
# leave by the second serial port, raw, because the first has the kernel's messages and turns \n into \r\n.

/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin /proc /sys /dev /tmp /root /etc
/bin/busybox mount -t proc proc /proc # Comes first: busybox finds itself as /proc/self/exe.
/bin/busybox --install -s 2>/dev/null # Complains of, and keeps, what a test has put in the same places.
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
for link in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${link%:*}" "/dev/${link#*:}"; done
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+pids +memory" >/sys/fs/cgroup/cgroup.subtree_control
[ -e /etc/passwd ] || printf '%s\n' root:x:0:0::/root:/bin/sh nobody:x:65534:65534::/:/bin/sh >/etc/passwd
[ -e /etc/group ] || printf '%s\n' root:x:0: nogroup:x:65534: >/etc/group

results=/dev/ttyS1
stty -F $results raw -echo 115200
read -r seconds_max bytes_max </harness/limits

# A script gets a PID namespace, so that nothing that it or its time limit leaves behind outlives it, and a
# mount namespace, so that its mounts and its /tmp go too. The shell that is process 1 there has no stderr: it
# would say "Killed" about a script out of time. (Hence the subshell: ash redirects before it forks, and would
# be waiting with the script's stderr.) `exit` keeps that shell from being replaced by its last command.
run_script() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root unshare -m -p -f --mount-proc /bin/sh -c '
    exec 3>&2 2>/dev/null
    mount -t tmpfs tmp /tmp
    cd /tmp
    unset OLDPWD
    (exec timeout -s KILL "$1" setsid /bin/sh "$2" 2>&3 3>&-)
    exit $?
  ' sh "$seconds_max" "$1" </dev/null
}

# The output goes through a pipe, as a container's does: `>/dev/stderr` in a script would truncate a file.
for script in /harness/scripts/*; do
  echo "run ${script##*/}" >$results
  { run_script "$script"; echo $? >/harness/status; } 2>&1 |
    { head -c "$bytes_max"; cat >/dev/null; } >/harness/output
  read -r status </harness/status
  { echo "end ${script##*/} $status $(stat -c %s /harness/output)"; cat /harness/output; } >$results
  find /sys/fs/cgroup -mindepth 1 -depth -type d -exec rmdir {} \;
done

echo "off" >$results
poweroff -f
