"""What the kernel, the servers and the roles' own metrics say at one moment. The difference of two is what a load has cost."""

import os
import re
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass
class Reading:
    at: float
    cpu_us: dict
    disk_bytes: dict
    memory_bytes: dict
    network: dict  # by server, by connection: bytes in and out of the server
    counters: dict
    wal_bytes: int
    rows: dict  # by table of the ledger: rows inserted, rows updated


def read(house):
    trees = {name: [pid, *children(pid)] for name, pid in house.processes.items()}
    return Reading(
        at=time.monotonic(),
        cpu_us={name: sum(map(cpu_us, pids)) + reaped_us(pids[0]) for name, pids in trees.items()},
        disk_bytes={name: sum(map(written_bytes, pids)) for name, pids in trees.items()},
        memory_bytes={name: sum(map(memory_bytes, pids)) for name, pids in trees.items()},
        network={name: connections(port) for name, port in house.ports.items()},
        counters=counters(house.metrics["process"]),
        wal_bytes=int(house.sql("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")),
        rows=rows(house),
    )


@dataclass
class Cost:
    """What happened between two readings, less what happens anyway."""

    took_s: float
    cpu_us: dict
    disk_bytes: dict
    bytes_in: dict
    bytes_out: dict
    counters: dict
    wal_bytes: int
    rows: dict
    memory_bytes: dict


def cost(before, after, idle_us_a_second=None):
    took_s = after.at - before.at
    idle = idle_us_a_second or {}
    cpu = {name: max(0, after.cpu_us[name] - before.cpu_us[name] - idle.get(name, 0) * took_s) for name in after.cpu_us}
    return Cost(
        took_s=took_s,
        cpu_us=cpu,
        disk_bytes=less(after.disk_bytes, before.disk_bytes),
        bytes_in=moved(before.network, after.network, 0),
        bytes_out=moved(before.network, after.network, 1),
        counters=less(after.counters, before.counters),
        wal_bytes=after.wal_bytes - before.wal_bytes,
        rows={t: tuple(a - b for a, b in zip(now, before.rows.get(t, (0, 0)))) for t, now in after.rows.items()},
        memory_bytes=after.memory_bytes,
    )


def less(after, before):
    return {name: value - before.get(name, 0) for name, value in after.items()}


def moved(before, after, direction):
    return {
        server: sum(now[direction] - before[server].get(peer, (0, 0))[direction] for peer, now in peers.items())
        for server, peers in after.items()
    }


def stat(pid):
    # The command's name may hold spaces and brackets, so counting starts after the last bracket.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_us(pid):
    try:
        return sum(map(int, stat(pid)[11:13])) * TICK_US
    except OSError:
        return 0


def reaped_us(pid):
    """Of children that have ended."""
    return sum(map(int, stat(pid)[13:15])) * TICK_US


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def written_bytes(pid):
    try:
        return int(re.search(r"^write_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)[1])
    except OSError:
        return 0


def memory_bytes(pid):
    """Shared pages are counted once among those that share them."""
    try:
        return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) * 1024
    except OSError:
        return 0


def connections(port):
    """Bytes of each open connection to this port: those that have ended are not known any more."""
    lines = subprocess.run(["ss", "-tinHO", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in lines.splitlines():
        told = {name: int(value) for name, value in re.findall(r"\b(bytes_received|bytes_acked):(\d+)", line)}
        found[line.split()[4]] = (told.get("bytes_received", 0), told.get("bytes_acked", 0))
    return found


def counters(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#") and " " in line:
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            found[name] = found.get(name, 0) + float(value)
    return found


def rows(house):
    text = house.sql("SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE schemaname = 'ledger'")
    split = (line.split("|") for line in text.splitlines())
    return {table: (int(inserted), int(updated)) for table, inserted, updated in split}
