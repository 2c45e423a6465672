# Starting, finding and ending the servers' processes, each by the id it was started with.
# shellcheck shell=bash

READY_LIMIT_S=90
END_LIMIT_S=40

# Ids are used again, so a process is known by its id and the time it began.
began() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

process_of() {
    local id start
    [[ -e $folder/$1/process ]] || return 1
    read -r id start <"$folder/$1/process"
    [[ -n $start && $(began "$id") == "$start" && $(state_of "$id") != Z ]] || return 1
    echo "$id"
}

state_of() { awk '{ sub(/^.*\) /, ""); print $1 }' "/proc/$1/stat" 2>/dev/null; }

is_running() { process_of "$1" >/dev/null; }

# launch NAME COMMAND…: in a session of its own, so that the terminal's signals and its end don't reach it.
launch() {
    local name=$1 id
    shift
    setsid "$@" </dev/null >>"$folder/$name/log" 2>&1 {folder_lock}>&- &
    id=$!
    echo "$id $(began "$id")" >"$folder/$name/process"
}

signal_server() {
    local id
    id=$(process_of "$1") && kill -"$2" "$id"
    return 0
}

await_ready() {
    local name=$1 deadline=$((SECONDS + READY_LIMIT_S))
    until server is_ready "$name"; do
        if ! is_running "$name" || ((SECONDS > deadline)); then
            say "$name did not get ready; the end of $folder/$name/log:"
            tail -n 30 "$folder/$name/log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

await_end() {
    local name=$1 deadline=$((SECONDS + END_LIMIT_S))
    while is_running "$name"; do
        if ((SECONDS > deadline)); then
            say "$name did not end in $END_LIMIT_S s and is killed"
            signal_server "$name" KILL
            deadline=$((SECONDS + END_LIMIT_S))
        fi
        sleep 0.05
    done
    await_children "$name"
    rm -f "$folder/$name/process"
}

# Postgres' children outlive a killed parent for a moment, and hold memory that the next start needs.
note_children() {
    local id
    id=$(process_of "$1") || return 0
    cat "/proc/$id/task/"*/children >"$folder/$1/children" 2>/dev/null || true
}

await_children() {
    local id deadline=$((SECONDS + END_LIMIT_S))
    [[ -e $folder/$1/children ]] || return 0
    for id in $(<"$folder/$1/children"); do
        while [[ -e /proc/$id ]] && ((SECONDS < deadline)); do sleep 0.05; done
    done
    rm -f "$folder/$1/children"
}

# free_port: outside the range that the system gives to connections, so that none of those takes it meanwhile. Not one that
# this folder has given out already, whose server may not listen yet, nor one that another has within the hour.
free_port() {
    python3 - "$folder" <<'PYTHON'
import fcntl
import os
import pathlib
import random
import socket
import sys
import tempfile
import time

taken = pathlib.Path(tempfile.gettempdir(), f"refmill-ports-{os.getuid()}")
taken.mkdir(mode=0o700, exist_ok=True)
fcntl.flock(os.open(taken, os.O_RDONLY), fcntl.LOCK_EX)
for mark in taken.iterdir():
    if time.time() - mark.stat().st_mtime > 3600:
        mark.unlink()
given = {path.read_text().strip() for path in pathlib.Path(sys.argv[1]).glob("*/*port")}
given.update(mark.name for mark in taken.iterdir())
for _ in range(1000):
    port = random.randrange(12000, 32000)
    if str(port) in given:
        continue
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    (taken / str(port)).touch()
    print(port)
    break
else:
    raise SystemExit("no free port was found")
PYTHON
}

watch_parent() {
    local start
    start=$(began "$1") || true
    setsid "$here/services" watch "$folder" "$1" "${start:-gone}" </dev/null >/dev/null 2>&1 {folder_lock}>&- &
}

# watch FOLDER PID START: takes everything down once the process is gone, or ends once the folder is.
watch() {
    local watched=$2 start=$3
    options --folder "$1"
    while [[ $(began "$watched") == "$start" ]]; do
        [[ -e $folder/$MARK ]] || return 0
        sleep 0.5
    done
    down
}
