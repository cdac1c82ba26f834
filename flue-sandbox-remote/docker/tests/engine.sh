#!/bin/sh
# An engine of the tests' own, `docker` or `podman` by $1, without an init program if $2 is `no-init`: its directory on the first line once it takes requests. It listens at
# engine.sock there, and has three images: `local/base:1`, which is BusyBox with bash, `local/user:1`, which is the same for a user
# without rights, and `local/empty:1`, which has nothing to run. It ends, with its containers, when standard input does. `missing` and why, where none can be started.
set -eu
PATH=$PATH:/usr/sbin:/sbin
missing() { echo "missing $1"; exit; }
needs() { for program; do command -v "$program" >/dev/null || missing "program $program"; done; }
needs docker runc busybox bash-static
if [ "$1" = docker ]; then needs dockerd; else needs podman tini-static; fi
[ "$(id -u)" = 0 ] || missing 'right to start an engine (root)'
# Short: the path of a socket has 107 bytes at most.
dir=$(mktemp -d /tmp/flue-engine.XXXXXX)
# Podman's helpers leave files where they were started.
cd "$dir"
socket=unix://$dir/engine.sock
engine() { docker -H "$socket" "$@"; }
end() {
    engine ps -aq 2>/dev/null | xargs -r docker -H "$socket" rm -f >/dev/null 2>&1 || true
    kill "$pid" 2>/dev/null || true
    n=0
    while [ $n -lt 300 ] && kill -0 "$pid" 2>/dev/null; do n=$((n + 1)); sleep 0.1; done
    # Podman leaves a watcher behind for minutes after each exec.
    for process in /proc/[0-9]*; do
        if grep -aqs "$dir/" "$process/cmdline"; then kill -KILL "${process#/proc/}" 2>/dev/null || true; fi
    done
    # What an engine that was killed left mounted would keep its directory.
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l 2>/dev/null || true
    rm -rf "$dir" 2>/dev/null || true
}
pid=
init=$(command -v tini-static || command -v docker-init || echo tini)
[ "${2-}" != no-init ] || init=$dir/no-init
trap end EXIT
trap 'exit 1' HUP INT TERM
if [ "$1" = docker ]; then
    dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$socket" \
        --init-path "$init" --iptables=false --ip6tables=false --bridge=none >"$dir/log" 2>&1 </dev/null &
else
    # runc, because crun takes no hybrid cgroups; limits that hold where raising them is refused.
    cat >"$dir/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
init_path = "$init"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
init_path = "$init"
END
    CONTAINERS_CONF=$dir/containers.conf podman --root "$dir/data" --runroot "$dir/exec" --storage-driver vfs \
        --tmpdir "$dir/tmp" system service --time=0 "$socket" >"$dir/log" 2>&1 </dev/null &
fi
pid=$!
n=0
while [ $n -lt 240 ] && ! engine version >/dev/null 2>&1; do
    n=$((n + 1)); sleep 0.25
    kill -0 $pid 2>/dev/null || break
done
engine version >/dev/null 2>&1 || { tail -n 5 "$dir/log" >&2; missing 'engine that starts here'; }
mkdir -p "$dir/image/bin" "$dir/image/tmp" "$dir/image/etc"
for program in $(busybox --list); do ln -sf busybox "$dir/image/bin/$program"; done
rm -f "$dir/image/bin/busybox"
cp "$(command -v busybox)" "$dir/image/bin/busybox"
cp "$(command -v bash-static)" "$dir/image/bin/bash"
chmod 1777 "$dir/image/tmp"
printf 'root:x:0:0::/:/bin/sh\nworker:x:1234:1234::/:/bin/sh\n' >"$dir/image/etc/passwd"
printf 'root:x:0:\nworker:x:1234:\n' >"$dir/image/etc/group"
tar -C "$dir/image" -c . | engine import - local/base:1 >/dev/null
mkdir "$dir/image/workspace"
chown 1234:1234 "$dir/image/workspace"
tar -C "$dir/image" -c . | engine import -c 'USER worker' - local/user:1 >/dev/null
mkdir "$dir/empty"
tar -C "$dir/empty" -c . | engine import - local/empty:1 >/dev/null
echo "$dir"
cat >/dev/null
