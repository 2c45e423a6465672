# Redis that refuses writes when full instead of dropping keys, keeps its data when it is killed, and has a numbered
# database for every test.
# shellcheck shell=bash

prepare_redis() {
    local sync=no
    [[ $(<"$folder/durable") == no ]] || sync=always
    free_port >"$folder/redis/port"
    cat >"$folder/redis/redis.conf" <<CONF
bind 127.0.0.1
port $(<"$folder/redis/port")
dir $folder/redis
databases 512
maxmemory-policy noeviction
save ""
appendonly yes
appendfsync $sync
CONF
    ! is_secured || redis_secured >>"$folder/redis/redis.conf"
}

redis_secured() {
    cat <<CONF
port 0
tls-port $(<"$folder/redis/port")
tls-cert-file $(certificate_file)
tls-key-file $(key_file)
tls-ca-cert-file $(authority_file)
tls-auth-clients no
requirepass refmill
CONF
}

launch_redis() { launch redis redis-server "$folder/redis/redis.conf"; }

is_ready_redis() {
    local access=()
    ! is_secured || access=(--tls --cacert "$(authority_file)" --no-auth-warning -a refmill)
    [[ $(redis-cli -p "$(<"$folder/redis/port")" "${access[@]}" ping 2>/dev/null) == PONG ]]
}

stop_signal_redis() { echo TERM; }

url_redis() {
    local place
    place=127.0.0.1:$(<"$folder/redis/port")/0
    if is_secured; then echo "rediss://:refmill@$place?ca=$(authority_file)"; else echo "redis://$place"; fi
}
