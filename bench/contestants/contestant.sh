# What every contestant's `run` sources: its three verbs, the cache that it installs into, and its processes' start and end.
# shellcheck shell=bash
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/refmill-bench}
partitions=${BENCH_PARTITIONS:-12}

READY_LIMIT_S=90

say() { echo "$@" >&2; }
fail() {
    say "$(basename "$here"): $*"
    exit 1
}

# run_verb ABOUT_FIELDS… -- VERB [FOLDER]: `install` and `start` are functions of who calls it.
# The fields: PRODUCT VERSION ACKNOWLEDGES EVENTS NEED…
run_verb() {
    local fields=()
    while [[ $1 != -- ]]; do fields+=("$1") && shift; done
    shift
    case ${1:-} in
        about) about "${fields[@]}" ;;
        install)
            mkdir -p "$cache"
            install </dev/null >&2
            ;;
        start)
            folder=$(realpath -- "${2:?start FOLDER}")
            trap end EXIT
            trap 'exit 0' TERM INT
            # As many connections as the system lets it have.
            ulimit -n "$(ulimit -Hn)"
            start </dev/null
            await_end
            ;;
        *)
            say "usage: run about | install | start FOLDER"
            exit 2
            ;;
    esac
}

about() {
    python3 - "$(basename "$here")" "$@" <<'PYTHON'
import json
import sys

name, product, version, acknowledges, events, *needs = sys.argv[1:]
print(json.dumps({"name": name, "product": product, "version": version, "acknowledges": acknowledges, "needs": needs, "events": events}))
PYTHON
}

# install_once TARGET COMMAND…: runs the command with a new folder as its last argument, and names the folder TARGET only after that went
# well. One at a time; the others wait and find it done.
install_once() {
    local target=$1 scratch lock
    shift
    exec {lock}>"$cache/lock"
    flock "$lock"
    if [[ ! -d $target ]]; then
        say "installing ${target##*/}"
        scratch=$(mktemp -d "$cache/installing.XXXXXX")
        if ! "$@" "$scratch"; then
            rm -rf "$scratch"
            fail "${target##*/} could not be installed"
        fi
        mv -T "$scratch" "$target"
    fi
    exec {lock}>&-
}

# contents FILE…: a short name for what the files hold, so that what was installed for others is not taken for it.
contents() { cat "$@" | sha256sum | cut -c 1-12; }

# free_port: outside the range that the system gives to connections, so that none of those takes it meanwhile.
free_port() {
    python3 - <<'PYTHON'
import random
import socket

for _ in range(1000):
    port = random.randrange(12000, 32000)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
else:
    raise SystemExit("no free port was found")
PYTHON
}

processes=()

# launch COMMAND…: sets `process`. What it prints goes where the errors go.
launch() {
    "$@" >&2 &
    process=$!
    processes+=("$process")
}

# launch_into FILE COMMAND…: the same, but what it prints goes to the file.
launch_into() {
    local file=$1
    shift
    "$@" >"$file" &
    process=$!
    processes+=("$process")
}

# allocator: how glibc's is set, which Kafka's client allocates with, as Refmill's Dockerfile sets it.
allocator() {
    local set
    set=${GLIBC_TUNABLES:-$(sed -n 's/^ENV GLIBC_TUNABLES=//p' "$repository/Dockerfile")}
    [[ -n $set ]] || fail "the Dockerfile sets no GLIBC_TUNABLES"
    echo "GLIBC_TUNABLES=$set"
}

# own NAME COMMAND…: the same for one whose cost is the contestant's.
own() {
    local name=$1
    shift
    launch "$@"
    echo "process $name $process"
}

# await PROCESS COMMAND…: until the command succeeds.
await() {
    local waited=$1 deadline=$((SECONDS + READY_LIMIT_S))
    shift
    until "$@"; do
        [[ -e /proc/$waited ]] || fail "its process ended before it was ready"
        ((SECONDS < deadline)) || fail "it was not ready in $READY_LIMIT_S s"
        sleep 0.05
    done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# serve_on PORT: once the process that was launched last takes connections there.
serve_on() {
    await "$process" listens "$1"
    echo "ready http://127.0.0.1:$1"
}

topics=()

# make_topic: sets `topic`, which is deleted at the end.
make_topic() {
    : "${BENCH_KAFKA:?names a broker}"
    topic=bench-$(basename "$here")-$$-$RANDOM
    python3 "$repository/scripts/servers/create_topic.py" "$BENCH_KAFKA" "$topic" --partitions "$partitions"
    topics+=("$topic")
    echo "topic $topic"
}

await_end() {
    local status=0
    wait -n "${processes[@]}" || status=$?
    fail "one of its processes ended by itself: $status"
}

# In the order in which they were launched: what takes requests in is launched last, and is given time to finish.
end() {
    local index
    trap '' TERM INT
    for ((index = ${#processes[@]} - 1; index >= 0; index--)); do
        kill -TERM "${processes[index]}" 2>/dev/null || true
        wait "${processes[index]}" 2>/dev/null || true
    done
    ((${#topics[@]} == 0)) || python3 "$repository/bench/contestants/delete_topics.py" "$BENCH_KAFKA" "${topics[@]}" || true
    if declare -F end_servers >/dev/null; then end_servers; fi
}
