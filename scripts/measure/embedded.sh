#!/usr/bin/env bash
# The embedded shape: clicks acknowledged durably, and events from the log into facts. Two loads of SECONDS_EACH seconds;
# prints the lines that the README's table holds. `scripts/figures` installs, builds and calls it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

CONNECTIONS=64
BATCH=100
export CODES=ADA10,ada-blog,BEN10,ben-video,CLEO10,DAN10,dan-news,EVE10

scratch=$(mktemp -d)
server=
clean_up() {
    [[ -z $server ]] || { kill -TERM "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
    rm -rf "$scratch"
}
trap clean_up EXIT

"$CARGO_TARGET_DIR/release/refmill" up --data-dir "$scratch/data" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
    --log-level warn >"$scratch/out" 2>"$scratch/err" </dev/null &
server=$!
for _ in $(seq 100); do grep -q '^metrics ' "$scratch/out" && break; sleep 0.1; done
url=$(sed -n 's/^ready //p' "$scratch/out")
metrics=$(sed -n 's/^metrics //p' "$scratch/out")

cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000 / hz }' "/proc/$server/stat"; }
counter() { curl -s "$metrics/metrics" | awk -v name="$1" '$1 == name { printf "%d", $2; found = 1 } END { if (!found) print 0 }'; }
now_ms() { date +%s%3N; }

# load NAME BATCH: runs the load, then waits until facts hold all of it.
load() {
    local name=$1 batch=$2 before_facts before_cpu began acknowledged ended facts cpu
    before_facts=$(counter refmill_facts_written_total)
    before_cpu=$(cpu_ms)
    began=$(now_ms)
    BATCH=$batch wrk -t 1 -c "$CONNECTIONS" -d "${SECONDS_EACH}s" --latency -s scripts/measure/load.lua "$url" >"$scratch/wrk"
    acknowledged=$(($(now_ms) - began))
    local requests bad p99
    requests=$(awk '/requests in/ { print $1 }' "$scratch/wrk")
    bad=$(awk '/Non-2xx/ { print $NF }' "$scratch/wrk")
    p99=$(awk '$1 == "99%" { print $2 }' "$scratch/wrk")
    for _ in $(seq 600); do
        facts=$(($(counter refmill_facts_written_total) - before_facts))
        ((facts >= requests * batch)) && break
        sleep 0.1
    done
    ended=$(($(now_ms) - began))
    cpu=$(($(cpu_ms) - before_cpu))
    awk -v name="$name" -v n="$((requests * batch))" -v bad="${bad:-0}" -v p99="$p99" -v ms="$acknowledged" -v all="$ended" -v cpu="$cpu" -v facts="$facts" 'BEGIN {
        printf "%s: %d clicks acknowledged durably in %.1f s = %d/s (p99 %s, %d refused); %d facts after %.1f s = %d/s; %.1f us of CPU a click, all of the process\n",
            name, n, ms / 1000, n * 1000 / ms, p99, bad, facts, all / 1000, facts * 1000 / all, cpu * 1000 / n }'
}

echo "idle memory: $(awk '/VmRSS/ { printf "%.0f MiB", $2 / 1024 }' "/proc/$server/status")"
load "one click a request, $CONNECTIONS connections" 1
load "batches of $BATCH, $CONNECTIONS connections" "$BATCH"
echo "memory after: $(awk '/VmRSS/ { printf "%.0f MiB", $2 / 1024 }' "/proc/$server/status")"
echo "on $(nproc) cores, load generator included, $(rustc --version)"
