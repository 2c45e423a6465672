# nginx with Lua and lua-resty-kafka, as Debian packages them. Sourced by the two that differ in when they answer.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../../contestants/contestant.sh"

# Debian's release says which versions these are. They are unpacked and not installed: nginx would start on port 80 of the machine.
PACKAGES=(nginx libnginx-mod-http-ndk libnginx-mod-http-lua lua-nginx-kafka lua-resty-core lua-resty-lrucache
    libluajit2-5.1-2 libluajit2-5.1-common libpcre3)
installed=$cache/nginx-lua-kafka

install() { install_once "$installed" unpack; }

unpack() {
    local package
    apt-get update -q
    mkdir "$1/packages"
    # Another user fetches them where this one may everything.
    chmod 777 "$1" "$1/packages"
    (cd "$1/packages" && apt-get download -q "${PACKAGES[@]}")
    for package in "$1"/packages/*.deb; do dpkg-deb -x "$package" "$1"; done
    rm -r "$1/packages"
    chmod 755 "$1"
}

# start_nginx sync|async
start_nginx() {
    local port user=() libraries
    port=$(free_port)
    make_topic
    # Workers of a master that is root would become somebody else, who can't read the folder.
    ((EUID != 0)) || user=('user root;')
    mkdir "$folder/logs"
    sed -e "s|@USER@|${user[*]}|; s|@PORT@|$port|; s|@INSTALLED@|$installed|; s|@HERE@|$repository/bench/rivals/nginx-lua-kafka|" \
        -e "s|@HOST@|${BENCH_KAFKA%:*}|; s|@KAFKA_PORT@|${BENCH_KAFKA##*:}|; s|@TOPIC@|$topic|; s|@TYPE@|$1|" \
        "$repository/bench/rivals/nginx-lua-kafka/nginx.conf" >"$folder/nginx.conf"
    libraries=$(printf '%s:' "$installed"/lib/*-linux-gnu "$installed"/usr/lib/*-linux-gnu)
    own rival env LD_LIBRARY_PATH="${libraries%:}" "$installed/usr/sbin/nginx" -p "$folder" -e logs/error -c nginx.conf
    serve_on "$port"
}
