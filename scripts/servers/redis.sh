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
}

launch_redis() { launch redis redis-server "$folder/redis/redis.conf"; }

is_ready_redis() { [[ $(redis-cli -p "$(<"$folder/redis/port")" ping 2>/dev/null) == PONG ]]; }

stop_signal_redis() { echo TERM; }

url_redis() { echo "redis://127.0.0.1:$(<"$folder/redis/port")/0"; }
