"""The servers and the three roles, started for the figures alone and ended with them."""

import json
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

READY_LIMIT_S = 60
END_LIMIT_S = 20
LINKS = 200
PARTITIONS = 12
DOMAIN = "https://demo-store.example"
ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("kafka", "postgres", "redis", "clickhouse")


class House:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.processes, self.ports, self.metrics, self._roles = {}, {}, {}, {}

    def start(self):
        """Postgres waits for the disk at every commit, as in production."""
        services = str(self.folder / "servers")
        command = [ROOT / "scripts/services", "up", "--folder", services, "--durable", "--with-parent", str(os.getpid()), *SERVERS]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        self.urls = {name.lower(): url for name, url in re.findall(r"REFMILL_TEST_([A-Z]+)='([^']*)'", told)}
        for name in SERVERS:
            place = self.folder / "servers" / ("kafka-1" if name == "kafka" else name)
            self.processes[name] = int((place / "process").read_text().split()[0])
            self.ports[name] = int((place / "port").read_text())
        for role in ("process", "api", "ingest"):
            self._start_role(role)
        self.edge, self.api = self._roles["ingest"][1], self._roles["api"][1]
        self._make_company()

    def end(self):
        for process, _ in self._roles.values():
            process.send_signal(signal.SIGTERM)
        for process, _ in self._roles.values():
            try:
                process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        subprocess.run([ROOT / "scripts/services", "down", "--folder", self.folder / "servers"], check=True)

    def sql(self, statement):
        url = self.urls["postgres"]
        return subprocess.run(["psql", "-X", "-q", "-At", "-d", url, "-c", statement], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=True).stdout.strip()

    def _start_role(self, role):
        out, log = self.folder / f"{role}.out", self.folder / f"{role}.log"
        urls = [part for name in SERVERS for part in (f"--{name}", self.urls[name])]
        command = [release("refmill"), role, "--data-dir", self.folder / role, "--listen", "127.0.0.1:0", "--metrics-listen",
                   "127.0.0.1:0", "--log-level", "warn", "--requests-per-key-per-second", "0",
                   "--partitions", str(PARTITIONS), *urls]
        with open(out, "w") as stdout, open(log, "w") as stderr:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        self._roles[role] = (process, None)
        deadline = time.monotonic() + READY_LIMIT_S
        # An edge is ready when a processor has made the day's keys, and the other way round nothing is waited for.
        while "metrics " not in out.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"refmill {role} was not ready:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        told = dict(line.split(" ", 1) for line in out.read_text().splitlines() if " " in line)
        self._roles[role] = (process, told["ready"])
        self.processes[role], self.metrics[role] = process.pid, told["metrics"]

    def _make_company(self):
        tag = secrets.token_hex(4)
        body = {"name": "Figures", "domain": DOMAIN, "email": f"owner-{tag}@example.com"}
        self.key = self._post("/companies/register", body)["apiKey"]
        links = ({"affiliateEmail": f"p{number}-{tag}@example.com", "code": f"F{tag}-{number}"} for number in range(LINKS))
        self.codes = [self._post("/companies/links", link, self.key)["code"] for link in links]
        time.sleep(2)  # Edges follow the catalog within a second.

    def _post(self, path, body, key=None):
        headers = {"Content-Type": "application/json", **({"x-api-key": key} if key else {})}
        request = urllib.request.Request(self.api + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["data"]


def release(name):
    return str(Path(os.environ["CARGO_TARGET_DIR"]) / "release" / name)
