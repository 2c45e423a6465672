# Refmill in its two shapes. Sourced by its contestants. `BENCH_REFMILL` is the program, or it lies beside `bench`. All of its settings
# can be given as `REFMILL_…`, as always.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/contestant.sh"

PRODUCT=Refmill
refmill=${BENCH_REFMILL:-$(dirname "${BENCH_PROGRAM:-target/release/bench}")/refmill}

refmill_version() { "$refmill" --version 2>/dev/null | sed 's/^refmill //' || echo "not built"; }

# role NAME FLAGS…: sets `process`, `url` and `metrics`, and `started_ms`: from its start until it serves, with all links in memory.
role() {
    local name=$1 told=$folder/$1.out began=${EPOCHREALTIME/[.,]/} allocator
    shift
    allocator=$(allocator)
    # What one that ran before has told is not this one's.
    rm -f "$told"
    launch_into "$told" env "$allocator" "$refmill" "$name" --data-dir "$folder/$name" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
        --log-level "${REFMILL_LOG_LEVEL:-warn}" --requests-per-key-per-second "${REFMILL_REQUESTS_PER_KEY_PER_SECOND:-0}" "$@"
    await "$process" grep -qs '^metrics ' "$told"
    url=$(sed -n 's/^ready //p' "$told")
    metrics=$(sed -n 's/^metrics //p' "$told")
    started_ms=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
}

# end_roles COUNT: those that were launched last.
end_roles() {
    local count=$1
    while ((count-- > 0)); do
        kill -TERM "${processes[-1]}"
        wait "${processes[-1]}" || fail "a role did not end well"
        unset 'processes[-1]'
    done
}

# company API EDGE: its lines go into `$folder/company`, and its links' codes into `$folder/codes`.
company() {
    local told
    told=$(python3 "$repository/bench/contestants/company.py" "$@")
    grep -v '^code ' <<<"$told" >"$folder/company"
    sed -n 's/^code //p' <<<"$told" >"$folder/codes"
}

# links CATALOG: as many as `BENCH_LINKS` says, while no role runs.
links() { python3 "$repository/bench/contestants/links.py" "$1" "$BENCH_LINKS" "$folder/codes"; }

# say_company API_FOLDER
say_company() {
    cat "$folder/company"
    echo "codes $folder/codes"
    echo "mails $folder/$1/outbox"
    echo "started $started_ms"
}

# start_servers: Postgres, Redis and ClickHouse, and Kafka where no broker is given; sets `kafka`, `postgres`, `redis`, `clickhouse`.
start_servers() {
    local name names=(postgres redis clickhouse) told version
    [[ -n ${BENCH_KAFKA:-} ]] || names+=(kafka)
    told=$(
        # Those that somebody's tests use are not to be measured.
        unset "${!REFMILL_TEST_@}"
        "$repository/scripts/services" up --folder "$folder/servers" --durable --with-parent $$ "${names[@]}"
    )
    url_of() { sed -n "s/^export REFMILL_TEST_${1^^}='\(.*\)'\$/\1/p" <<<"$told"; }
    kafka=${BENCH_KAFKA:-$(url_of kafka)} postgres=$(url_of postgres) redis=$(url_of redis) clickhouse=$(url_of clickhouse)/bench
    for name in "${names[@]}"; do
        echo "server $name $(cut -d ' ' -f 1 "$folder/servers/${name/%kafka/kafka-1}/process")"
    done
    version=$(psql -X -At "$postgres" -c 'SHOW server_version')
    echo "version Postgres $version"
    version=$(redis-cli -u "$redis" INFO server | sed -n 's/^redis_version:\([0-9.]*\).*/\1/p')
    echo "version Redis $version"
    version=$(curl -sf "${clickhouse%/bench}" --data-binary 'SELECT version()')
    echo "version ClickHouse $version"
    echo "postgres $postgres"
    echo "clickhouse $clickhouse"
    echo "folder redis $folder/servers/redis"
    [[ -n ${BENCH_KAFKA:-} ]] || echo "folder kafka $folder/servers/kafka-1/data"
}

end_servers() {
    [[ ! -e $folder/servers ]] || "$repository/scripts/services" down --folder "$folder/servers" >&2
}

# launch_roles: sets `role_processes`, `role_metrics`, `edge`, `api` and `started_ms` of the edge.
launch_roles() {
    local name
    for name in "${roles[@]}"; do
        role "$name" --kafka "$kafka" --postgres "$postgres" --redis "$redis" --clickhouse "$clickhouse" --topic-prefix "$prefix" \
            --partitions "$partitions"
        role_processes[$name]=$process role_metrics[$name]=$metrics
        case $name in
            ingest) edge=$url ;;
            api) api=$url ;;
        esac
    done
}

# start_roles OWN…: all three around the servers. Those that are named are the contestant's own, and the others it stands on.
start_roles() {
    local name kind edge api prefix=bench_$$_$RANDOM roles=(process api ingest)
    local -A role_processes role_metrics
    start_servers
    [[ -z ${BENCH_KAFKA:-} ]] || topics+=("$prefix.events" "$prefix.decisions")
    launch_roles
    company "$api" "$edge"
    if [[ -n ${BENCH_LINKS:-} ]]; then
        end_roles "${#roles[@]}"
        links "$postgres"
        launch_roles
    fi
    for name in "${roles[@]}"; do
        kind=server
        [[ " $* " != *" $name "* ]] || kind=process
        echo "$kind $name ${role_processes[$name]}"
        echo "metrics $name ${role_metrics[$name]}"
    done
    echo "api $api"
    say_company api
    echo "ready $edge"
}
