"""Bounded loads over loopback: clicks as fast as they are acknowledged, and orders at a constant rate."""

import os
import re
import subprocess
from dataclasses import dataclass

from house import ROOT, release

GRACE_S = 60


@dataclass
class Load:
    events: int
    took_s: float
    p50_ms: float
    p99_ms: float
    refused: str
    request_bytes: int = 0
    answer_bytes: int = 0


def clicks(house, connections, batch, seconds):
    """Closed loop: each connection sends its next request when the last one is answered."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "--timeout", "30s",
               "-s", ROOT / "scripts/measure/load.lua", house.edge]
    told = run(command, seconds, BATCH=str(batch), CODES=",".join(house.codes))
    requests, took_s, read, unit = re.search(r"(\d+) requests in ([\d.]+)s, ([\d.]+)(\w+) read", told).groups()
    quantile = dict(re.findall(r"^\s+(50|99)%\s+(\S+)\s*$", told, re.MULTILINE))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: (.*)", told)
    return Load(
        events=(int(requests) - int(bad[1] if bad else 0)) * batch,
        took_s=float(took_s),
        p50_ms=milliseconds(quantile["50"]),
        p99_ms=milliseconds(quantile["99"]),
        refused=f"{bad[1] if bad else 0} refused" + (f", sockets: {broken[1]}" if broken else ""),
        request_bytes=int(re.search(r"bytes a request: (\d+)", told)[1]),
        answer_bytes=round(float(read) * {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[unit] / int(requests)),
    )


class Orders:
    """Open loop. Begins with a click for each order, whose cost is not the orders'."""

    def __init__(self, house, rate, batch, seconds):
        self._seconds = seconds
        self.clicks = self.orders = rate * seconds * batch
        command = [release("bench"), "orders", house.edge, "--rate", str(rate), "--batch", str(batch), "--seconds", str(seconds),
                   "--codes", ",".join(house.codes), "--key", house.key, "--wait"]
        self._bench = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def prepared(self):
        told = self._bench.stdout.readline()
        if not told.startswith("prepared"):
            raise SystemExit("bench did not get ready: its reason stands above")

    def send(self):
        try:
            told, _ = self._bench.communicate("\n", timeout=self._seconds + GRACE_S)
        finally:
            self._bench.kill()
        figures = dict(line.split(" ", 1) for line in told.splitlines())
        statuses = ", ".join(f"{count} answered {name[7:]}" for name, count in figures.items() if name.startswith("status_"))
        return Load(
            events=self.orders,
            took_s=int(figures["took_ms"]) / 1000,
            p50_ms=float(figures["p50_ms"]),
            p99_ms=float(figures["p99_ms"]),
            refused=f"longest {figures['max_ms']} ms, {statuses}, {figures['failed']} failed",
        )


def run(command, seconds, **environment):
    done = subprocess.run(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds + GRACE_S, check=True)
    return done.stdout


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1_000, "m": 60_000}[unit]
