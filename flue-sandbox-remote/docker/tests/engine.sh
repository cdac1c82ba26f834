#!/bin/sh
# A Docker engine of the tests' own: its directory on the first line once it takes requests. It listens at engine.sock there, and
# has the image `local/base:1`, which is BusyBox. It ends, with its containers, when standard input does. `missing` and why, where
# none can be started.
set -eu
PATH=$PATH:/usr/sbin:/sbin
missing() { echo "missing $1"; exit; }
for program in dockerd docker runc busybox; do command -v $program >/dev/null || missing "program $program"; done
[ "$(id -u)" = 0 ] || missing 'right to start an engine (root)'
# Short: the path of a socket has 107 bytes at most.
dir=$(mktemp -d /tmp/flue-engine.XXXXXX)
socket=unix://$dir/engine.sock
engine() { docker -H "$socket" "$@"; }
end() {
    engine ps -aq 2>/dev/null | xargs -r docker -H "$socket" rm -f >/dev/null 2>&1 || true
    kill "$(cat "$dir/pid")" 2>/dev/null || true
    n=0
    while [ $n -lt 300 ] && [ -e "$dir/pid" ]; do n=$((n + 1)); sleep 0.1; done
    # What an engine that was killed left mounted would keep its directory.
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n 1 umount -l 2>/dev/null || true
    rm -rf "$dir" 2>/dev/null || true
}
trap end EXIT
trap 'exit 1' HUP INT TERM
dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$socket" \
    --iptables=false --ip6tables=false --bridge=none >"$dir/log" 2>&1 </dev/null &
n=0
while [ $n -lt 120 ] && ! engine version >/dev/null 2>&1; do
    n=$((n + 1)); sleep 0.5
    kill -0 $! 2>/dev/null || break
done
engine version >/dev/null 2>&1 || { tail -n 5 "$dir/log" >&2; missing 'engine that starts here'; }
mkdir -p "$dir/image/bin" "$dir/image/tmp" "$dir/image/etc"
for program in $(busybox --list); do ln -sf busybox "$dir/image/bin/$program"; done
rm -f "$dir/image/bin/busybox"
cp "$(command -v busybox)" "$dir/image/bin/busybox"
tar -C "$dir/image" -c . | engine import - local/base:1 >/dev/null
# One that has nothing to run in it.
mkdir "$dir/empty"
tar -C "$dir/empty" -c . | engine import - local/empty:1 >/dev/null
echo "$dir"
cat >/dev/null
