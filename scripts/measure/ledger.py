"""What the ledger takes alone: batches of a thousand sales with all that follows from each, committed one after the other."""

import os
import re
import subprocess

from house import ROOT
from readings import cost, read

LIMIT_S = 300


def measure(house):
    before = read(house)
    environment = {**os.environ, "REFMILL_TEST_POSTGRES": house.urls["postgres"]}
    command = ["cargo", "bench", "-q", "-p", "stores", "--bench", "ledger_commit", "--", "--noplot", "Distributed/sales"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT_S, check=True)
    spent = cost(before, read(house))
    rate = re.search(r"thrpt:\s+\[\S+ \S+ ([\d.]+) (\w+)/s", done.stdout)
    sales = int(re.search(r"committed (\d+) sales", done.stdout + done.stderr)[1])
    a_second = float(rate[1]) * {"elem": 1, "Kelem": 1_000, "Melem": 1_000_000}[rate[2]]
    return a_second, spent.cpu_us["postgres"] / sales, spent.wal_bytes / sales, spent.disk_bytes["postgres"] / sales
