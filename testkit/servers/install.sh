#!/usr/bin/env bash
# The servers that `make test` needs: installed where that is possible, and named where it is not.
# The tests start their own processes of them; TEST_MYSQL_URL and TEST_REDIS_URL name running ones.
# `install.sh browser` also installs the browser, and the fonts of the texts that its tests show.
set -euo pipefail

# Where Debian puts servers; not in the PATH of people who are not root.
PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin"

packages=()
[ -n "${TEST_MYSQL_URL:-}" ] || command -v mariadbd >/dev/null || packages+=(mariadb-server)
[ -n "${TEST_REDIS_URL:-}" ] || command -v redis-server >/dev/null || packages+=(redis-server)
command -v nginx >/dev/null || packages+=(nginx)
command -v haproxy >/dev/null || packages+=(haproxy)
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || packages+=(faketime)
if [ "${1:-}" = browser ]; then
    command -v chromium >/dev/null || packages+=(chromium)
    fonts=/usr/share/fonts
    [ -e "$fonts/opentype/noto/NotoSansCJK-Regular.ttc" ] || packages+=(fonts-noto-cjk)
    [ -e "$fonts/truetype/noto/NotoColorEmoji.ttf" ] || packages+=(fonts-noto-color-emoji)
fi
[ "${#packages[@]}" -gt 0 ] || exit 0

explain() {
    {
        echo "The tests need ${packages[*]}, and $1."
        if command -v apt-get >/dev/null; then
            echo "  Install:           sudo apt-get install ${packages[*]}"
        else
            echo "  Install:           what your system calls ${packages[*]}; the programs are mariadbd, redis-server, nginx, haproxy, faketime and chromium"
        fi
        for package in "${packages[@]}"; do
            case "$package" in
                mariadb-server) echo "  Or use a running server, in which the tests make and drop databases of their own:
                     TEST_MYSQL_URL=mysql://user:password@127.0.0.1:3306/" ;;
                redis-server) echo "  Or use a running server, of which the tests use keys with a prefix of their own:
                     TEST_REDIS_URL=redis://127.0.0.1:6379/15" ;;
            esac
        done
        echo "  Or do without:     make test-embedded"
    } >&2
    exit 1
}

command -v apt-get >/dev/null || explain "there is no apt-get to install them with"
[ "$(id -u)" = 0 ] || explain "only root can install them"

echo "Installing ${packages[*]} …"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
{
    apt-get update </dev/null &&
        apt-get install --yes --no-install-recommends "${packages[@]}" </dev/null
} >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    explain "apt-get could not install them (see above)"
}
