# Refmill in its two shapes. Sourced by its contestants. `BENCH_REFMILL` is the program, or it lies beside `bench`. All of its settings
# can be given as `REFMILL_…`, as always.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/contestant.sh"

PRODUCT=Refmill
refmill=${BENCH_REFMILL:-$(dirname "${BENCH_PROGRAM:-target/release/bench}")/refmill}

refmill_version() { "$refmill" --version 2>/dev/null | sed 's/^refmill //' || echo "not built"; }

# role NAME FLAGS…: sets `process`, `url` and `metrics`.
role() {
    local name=$1 told=$folder/$1.out
    shift
    launch_into "$told" "$refmill" "$name" --data-dir "$folder/$name" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
        --log-level "${REFMILL_LOG_LEVEL:-warn}" --requests-per-key-per-second "${REFMILL_REQUESTS_PER_KEY_PER_SECOND:-0}" "$@"
    await "$process" grep -q '^metrics ' "$told"
    url=$(sed -n 's/^ready //p' "$told")
    metrics=$(sed -n 's/^metrics //p' "$told")
}

company() { python3 "$repository/bench/contestants/company.py" "$@"; }

# start_servers: Postgres, Redis and ClickHouse, and Kafka where no broker is given; sets `kafka`, `postgres`, `redis`, `clickhouse`.
start_servers() {
    local name names=(postgres redis clickhouse) told
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
    echo "postgres $postgres"
    echo "clickhouse $clickhouse"
}

end_servers() {
    [[ ! -e $folder/servers ]] || "$repository/scripts/services" down --folder "$folder/servers" >&2
}

# start_roles OWN…: all three around the servers. Those that are named are the contestant's own, and the others it stands on.
start_roles() {
    local name edge api kind prefix=bench_$$_$RANDOM
    start_servers
    [[ -z ${BENCH_KAFKA:-} ]] || topics+=("$prefix.events" "$prefix.decisions")
    for name in process api ingest; do
        role "$name" --kafka "$kafka" --postgres "$postgres" --redis "$redis" --clickhouse "$clickhouse" --topic-prefix "$prefix" \
            --partitions "$partitions"
        kind=server
        [[ " $* " != *" $name "* ]] || kind=process
        echo "$kind $name $process"
        echo "metrics $name $metrics"
        case $name in
            ingest) edge=$url ;;
            api) api=$url ;;
        esac
    done
    echo "api $api"
    company "$api" "$edge"
    echo "ready $edge"
}
