#!/usr/bin/env bash
# Run what needs a database on a real MySQL (`make test-mysql`). MariaDB, which `make test` uses, is
# close, but not the same: other locks, plans and error texts, another authentication. Tests that kill
# or freeze the database are skipped.
#
#   testkit/servers/real_mysql.sh [pytest arguments]
#
# TEST_MYSQL_URL=mysql://user:password@host:port/  names a server that runs already.
# Without it a mysqld is started for this run, out of a Debian tree below var/, because Debian's
# stable release has no MySQL. The tree is made once: some minutes, about 500 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly tree="$PWD/var/mysql-root"
readonly pytest=(.venv/bin/python -m pytest -m cluster)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { say "$*"; exit 1; }

arguments=("$@")
[ ${#arguments[@]} -gt 0 ] || arguments=(
    tests/persistence tests/features tests/group_commit tests/importers tests/realtime tests/contracts tests/client
)

make_tree() {
    [ "$(id -u)" = 0 ] || die "Only root can build a MySQL here. Name a running one: TEST_MYSQL_URL=mysql://…"
    command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap (or set TEST_MYSQL_URL)."
    # The mirror that this machine's apt uses, whatever it is.
    mirror="$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)"
    [ -n "$mirror" ] || die "apt has no Debian mirror (or needs apt-get update first). Set TEST_MYSQL_URL instead."
    proxy="$(apt-config shell proxy Acquire::http::Proxy)"
    eval "$proxy"
    [ -z "${proxy:-}" ] || export http_proxy="$proxy"
    say "Building a Debian tree with MySQL in var/mysql-root …"
    rm -rf "$tree.part"
    mkdir -p "$tree.part"
    # unstable: the only suite that carries MySQL.
    debootstrap --variant=minbase --include=mysql-server-core unstable "$tree.part" "$mirror" \
        >"$tree.log" 2>&1 || { tail -n 20 "$tree.log" >&2; die "debootstrap failed: see var/mysql-root.log"; }
    rm -rf "$tree.part"/var/cache/apt/archives/*.deb
    mv "$tree.part" "$tree" # only a finished tree has this name
}

stop_server() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || true
    fi
    rm -rf "$home"
}

start_server() {
    local port inside
    port="$(.venv/bin/python -c 'import port_for; print(port_for.select_random())')"
    home="$(mktemp -d "$tree/tmp/run-XXXXXX")"
    server=
    trap 'stop_server' EXIT
    inside="${home#"$tree"}"
    printf '%s\n' "CREATE USER 'chat'@'%' IDENTIFIED BY 'chat';" "GRANT ALL ON *.* TO 'chat'@'%';" \
        >"$home/init.sql"
    local options=(--no-defaults --user=root --datadir="$inside/data")
    say "Starting $(chroot "$tree" mysqld --version) …"
    chroot "$tree" mysqld "${options[@]}" --initialize-insecure >"$home/log" 2>&1 ||
        { tail -n 20 "$home/log" >&2; die "mysqld could not make its data directory."; }
    # The kernel stops it with this script, however that ends.
    setpriv --pdeathsig KILL chroot "$tree" mysqld "${options[@]}" \
        --bind-address=127.0.0.1 --port="$port" --mysqlx=OFF --secure-file-priv=NULL \
        --socket="$inside/socket" --pid-file="$inside/pid" --init-file="$inside/init.sql" \
        --innodb-buffer-pool-size=64M --skip-log-bin --max-connections=300 \
        >>"$home/log" 2>&1 &
    server=$!
    local tries
    for tries in $(seq 300); do
        kill -0 "$server" 2>/dev/null || { tail -n 20 "$home/log" >&2; die "mysqld did not start."; }
        if grep -q "ready for connections.*port: $port" "$home/log"; then break; fi
        sleep 0.2
    done
    [ "$tries" -lt 300 ] || { tail -n 20 "$home/log" >&2; die "mysqld did not become ready."; }
    export TEST_MYSQL_URL="mysql://chat:chat@127.0.0.1:$port/"
}

if [ -z "${TEST_MYSQL_URL:-}" ]; then
    [ -x "$tree/usr/sbin/mysqld" ] || make_tree
    start_server
fi
"${pytest[@]}" "${arguments[@]}"
