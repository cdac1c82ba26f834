#!/bin/sh
# Runs a PostgreSQL server of its own in a new directory, on a socket there, until standard input ends. Prints where it is.
set -eu

fail() {
    echo "postgres: $1" >&2
    exit 1
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)") || fail "not installed; install the package postgresql"
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then
    # The server does not run as root.
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
cd "$dir"
$as "$bin/initdb" -D "$dir/data" -U flue -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 || {
    cat "$dir/initdb.log" >&2
    fail "initdb failed"
}
$as "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=200 >"$dir/server.log" 2>&1 &
server=$!
trap 'kill -QUIT $server 2>/dev/null; wait $server 2>/dev/null || true; cd /; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
    if "$bin/pg_isready" -q -h "$dir" -U flue -d postgres; then
        echo "host=$dir user=flue dbname=postgres"
        cat >/dev/null
        exit 0
    fi
    sleep 0.1
done
cat "$dir/server.log" >&2
fail "the server does not start"
