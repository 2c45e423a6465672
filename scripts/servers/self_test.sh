# Tries every server and every verb, in folders of its own.
# shellcheck shell=bash

# check WHAT COMMAND…: what the command says is shown only where it fails.
check() {
    local what=$1
    shift
    if "$@" >"$scratch/output" 2>&1 </dev/null; then
        ((passed += 1))
        echo "ok      $what"
    else
        ((failed += 1))
        echo "FAILED  $what"
        tail -n 20 "$scratch/output"
    fi
}

self_test() {
    unset "${!REFMILL_TEST_@}" REFMILL_SERVICES_DIR
    passed=0 failed=0 scratch=$(mktemp -d -t refmill-services-test.XXXXXX)
    chmod go+x "$scratch"
    trap 'end_self_test' EXIT
    check "all of them start" started_in "$scratch/all"
    if ((failed == 0)); then
        # shellcheck source=/dev/null
        source "$scratch/all.env"
        test_kafka
        test_postgres
        test_redis
        test_clickhouse
        test_lifecycle
    fi
    check "three brokers start" started_in "$scratch/three" --brokers 3 kafka
    check "three brokers: records live through a lost broker, and none is accepted by one alone" survives_lost_brokers
    check "all of them start behind TLS and passwords" started_in "$scratch/secured" --secured
    check "all of them end" end_each
    echo "$passed passed, $failed failed"
    ((failed == 0))
}

end_self_test() {
    "$here/services" down --folder "$scratch/all"
    "$here/services" down --folder "$scratch/three"
    "$here/services" down --folder "$scratch/secured"
    rm -rf "$scratch"
} 2>/dev/null

started_in() { "$here/services" up --folder "$@" >"$1.env"; }

services() { "$here/services" "$@"; }

# again VERB NAME: ended by that verb, it comes back on its port.
again() {
    local before
    before=$(services env)
    services "$1" "$2" && [[ $(services status) == *"$2 is stopped"* ]] && services start "$2" && [[ $(services env) == "$before" ]]
}

# A controller that is lost with its broker takes its time to be replaced, the more so on a busy machine.
produce() { seq "$2" "$3" | timeout 90 kcat -P -b "$1" -t records -X acks=all -X message.timeout.ms="${4:-80000}"; }

holds() {
    local there
    there=$(timeout 30 kcat -C -b "$1" -t records -o beginning -e -q | sort -n | uniq | wc -l)
    echo "$there of $2 records are there"
    [[ $there == "$2" ]]
}

test_kafka() {
    local broker=$REFMILL_TEST_KAFKA
    check "kafka: a topic" python3 "$here/servers/create_topic.py" "$broker" records --partitions 2
    check "kafka: no topic twice" fails python3 "$here/servers/create_topic.py" "$broker" records
    check "kafka: records in" produce "$broker" 1 1000
    check "kafka: records out" holds "$broker" 1000
    check "kafka: a group reads with a session of a second" group_reads "$broker"
    check "kafka: no topic of itself" fails \
        timeout 20 kcat -P -b "$broker" -t unmade -X message.timeout.ms=2000 "$here/services"
    check "kafka: stop and start" again stop kafka-1
    check "kafka: kill and start" again kill kafka-1
    check "kafka: records are kept" holds "$broker" 1000
}

# What it has read and not noted yet when its session ends, it reads again.
group_reads() {
    local settings=(-X session.timeout.ms=1000 -X heartbeat.interval.ms=300 -X auto.offset.reset=earliest)
    [[ $(timeout 30 kcat -b "$1" -q -e "${settings[@]}" -G readers records | sort -u | wc -l) == 1000 ]]
}

fails() { ! "$@"; }

test_postgres() {
    check "postgres: a database for a test" psql -X "$REFMILL_TEST_POSTGRES" -c 'CREATE DATABASE own'
    check "postgres: a row" psql -X -v ON_ERROR_STOP=1 "${REFMILL_TEST_POSTGRES%/*}/own" \
        -c 'CREATE TABLE kept (n int)' -c 'INSERT INTO kept VALUES (7)'
    check "postgres: stop and start" again stop postgres
    check "postgres: kill and start" again kill postgres
    check "postgres: the row is kept" kept_row
    check "postgres: connections for many tests" postgres_says 400 'SHOW max_connections'
    check "postgres: a superuser" postgres_says on 'SHOW is_superuser'
}

postgres_says() { [[ $(psql -X -At "$REFMILL_TEST_POSTGRES" -c "$2") == "$1" ]]; }

kept_row() { [[ $(psql -X -At "${REFMILL_TEST_POSTGRES%/*}/own" -c 'SELECT n FROM kept') == 7 ]]; }

redis_says() { [[ $(redis-cli -u "$REFMILL_TEST_REDIS" "${@:2}") == "$1" ]]; }

test_redis() {
    check "redis: set" redis_says OK set kept yes
    check "redis: the last numbered database" redis_says OK -n 511 set kept here
    check "redis: nothing is dropped when full" redis_says $'maxmemory-policy\nnoeviction' config get maxmemory-policy
    check "redis: stop and start" again stop redis
    check "redis: kill and start" again kill redis
    check "redis: the key is kept" redis_says yes get kept
}

test_clickhouse() {
    front_check
    check "clickhouse: curl" curl -sSf "$REFMILL_TEST_CLICKHOUSE/" -d 'SELECT 1'
    check "clickhouse: kill and start" again kill clickhouse
    front_check --again
    check "clickhouse: stop and start" again stop clickhouse
    front_check --again
}

# The Python checks count for themselves.
front_check() {
    local output last
    output=$(PYTHONPATH=$(chdb_folder) PYTHONDONTWRITEBYTECODE=1 python3 "$here/clickhouse/check.py" \
        "$REFMILL_TEST_CLICKHOUSE" "$@" 2>&1) || true
    last=${output##*$'\n'}
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2])) || true
        echo "${output%$'\n'*}"
    else
        check "clickhouse: the checks run to their end" false
        echo "$output"
    fi
}

test_lifecycle() {
    check "a name that isn't one is refused" fails services stop mysql
    check "a folder that holds something else is left alone" refuses_foreign_folder
    check "a server that the caller has is not started" given_is_used
    check "all end with the process they were started for" ends_with_parent
}

refuses_foreign_folder() {
    mkdir "$scratch/foreign"
    touch "$scratch/foreign/file"
    fails services up --folder "$scratch/foreign" redis && services down --folder "$scratch/foreign" &&
        [[ -e $scratch/foreign/file ]]
}

given_is_used() {
    local lines
    lines=$(services up --folder "$scratch/given")
    [[ $lines == *"REFMILL_TEST_REDIS='$REFMILL_TEST_REDIS'"* && -z $(services status --folder "$scratch/given") ]] &&
        services down --folder "$scratch/given"
}

ends_with_parent() {
    local parent child waited
    sleep 300 &
    parent=$!
    services up --folder "$scratch/child" --with-parent "$parent" redis >/dev/null || return 1
    child=$(folder=$scratch/child process_of redis)
    sleep 2
    [[ -e /proc/$child ]] || return 1
    kill "$parent"
    wait "$parent" 2>/dev/null
    for ((waited = 0; waited < 100; waited++)); do
        [[ -e $scratch/child || -e /proc/$child ]] || return 0
        sleep 0.1
    done
    return 1
}

survives_lost_brokers() (
    # So that a failure shows at which step.
    set -x
    local brokers=127.0.0.1:1
    # shellcheck source=/dev/null
    source "$scratch/three.env"
    brokers=$REFMILL_TEST_KAFKA
    python3 "$here/servers/create_topic.py" "${brokers%%,*}" records --partitions 3 --replicas 3 &&
        produce "$brokers" 1 500 &&
        services kill kafka-3 && produce "$brokers" 501 1000 && holds "$brokers" 1000 &&
        services kill kafka-2 && fails produce "$brokers" 1001 1100 5000 &&
        services start kafka-2 kafka-3 && produce "$brokers" 1001 1500 && holds "$brokers" 1500
)

end_each() {
    services down --folder "$scratch/all" && services down --folder "$scratch/three" &&
        services down --folder "$scratch/secured" &&
        [[ ! -e $scratch/all && ! -e $scratch/three && ! -e $scratch/secured ]]
}
