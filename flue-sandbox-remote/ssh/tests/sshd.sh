#!/bin/sh
# An SSH server of the tests' own, on a free port of the loopback address, for the user who runs it: its directory on the first
# line, its port on the second. It ends when standard input does. `missing` where there is no server program.
set -eu
PATH=$PATH:/usr/sbin
command -v sshd >/dev/null && command -v ssh-keygen >/dev/null || { echo missing; exit; }
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'kill "$(cat "$dir/pid")" 2>/dev/null || true; rm -rf "$dir"' EXIT
for key in host id other ca plain; do ssh-keygen -q -t ed25519 -N '' -C "flue-test-$key" -f "$dir/$key"; done
ssh-keygen -q -t ecdsa -N '' -C flue-test-host -f "$dir/host_ecdsa"
ssh-keygen -q -t rsa -b 2048 -N '' -C flue-test-host -f "$dir/host_rsa"
ssh-keygen -q -t ed25519 -N 'planted-passphrase' -C flue-test-locked -f "$dir/locked"
cp -p "$dir/locked" "$dir/locked-open"
ssh-keygen -q -p -P 'planted-passphrase' -N '' -f "$dir/locked-open" >/dev/null
# RSA keys as OpenSSH, PKCS #1 and PKCS #8 have them, open and locked, and one that is too small.
ssh-keygen -q -t rsa -b 3072 -N '' -C flue-test-rsa -f "$dir/rsa"
for form in PEM PKCS8; do
    cp -p "$dir/rsa" "$dir/rsa-$form"
    ssh-keygen -q -p -m $form -P '' -N '' -f "$dir/rsa-$form" >/dev/null
    cp -p "$dir/rsa-$form" "$dir/rsa-$form-locked"
    cp "$dir/rsa.pub" "$dir/rsa-$form-locked.pub"
    ssh-keygen -q -p -m $form -P '' -N 'planted-passphrase' -f "$dir/rsa-$form-locked" >/dev/null
done
ssh-keygen -q -t rsa -b 1024 -N '' -C flue-test-small -f "$dir/small"
cat "$dir/id.pub" "$dir/rsa.pub" "$dir/small.pub" "$dir/locked.pub" >"$dir/authorized"
# A login shell that knows words and quotes, and nothing else of what `sh` knows.
cat >"$dir/plain.py" <<'END'
import os, shlex
words = shlex.split(os.environ["SSH_ORIGINAL_COMMAND"])
if words[0] == "exec":
    os.execv(words[1], words[1:])
END
echo "command=\"python3 $dir/plain.py\" $(cat "$dir/plain.pub")" >>"$dir/authorized"
mkdir -p "$dir/home" "$dir/work"
# A login shell that talks: what it says is nobody's output.
echo 'echo noise from a login; echo more noise >&2' >"$dir/home/.bashrc"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
n=0
while [ $n -lt 50 ]; do
    n=$((n + 1))
    port=$(awk -v seed="$$$n" 'BEGIN { srand(seed); print int(20000 + rand() * 30000) }')
    cat >"$dir/config" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
HostKey $dir/host_ecdsa
HostKey $dir/host_rsa
AuthorizedKeysFile $dir/authorized
PidFile $dir/pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
SetEnv HOME=$dir/home
LogLevel VERBOSE
END
    "$(command -v sshd)" -f "$dir/config" -E "$dir/log" || true
    tries=0
    while [ $tries -lt 50 ] && [ ! -s "$dir/pid" ]; do tries=$((tries + 1)); sleep 0.1; grep -q 'Cannot bind' "$dir/log" && break; done
    [ -s "$dir/pid" ] && break
    : >"$dir/log"
done
[ -s "$dir/pid" ] || { cat "$dir/log" >&2; exit 1; }
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host.pub")" >"$dir/known_hosts"
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/other.pub")" >"$dir/changed_hosts"
: >"$dir/no_hosts"
echo "$dir"
echo "$port"
cat >/dev/null
