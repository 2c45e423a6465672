#!/usr/bin/env python3
"""The distributed shape: what an event costs each process, and how long an order waits for its decision. `scripts/figures` builds
and calls it."""

import os
import signal
import sys
import tempfile
import time

import ledger
import table
from house import House
from loads import Orders, clicks
from readings import cost, counters, read

CLICK_LOADS = ((64, 1), (1024, 1), (64, 100))
ORDER_RATES = (500, 2_000)
# Many at once, in batches: what processors and ledger do when they are behind.
FLOOD_RATE, FLOOD_BATCH, FLOOD_LIMIT_S = 100, 100, 10
WRITTEN_LIMIT_S = 180
WARM_UP_S = 20
IDLE_S = 10
# Owners save what they remember of clicks every 5 s.
TOUCHES_SAVED_S = 6


def main():
    seconds = int(sys.argv[1])
    # Whoever is told to end takes along what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"{os.cpu_count()} cores, load generator and servers on them too; load average at the start {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="refmill-figures.") as folder:
        # Another user, who runs Postgres, must get through.
        os.chmod(folder, 0o711)
        house = House(folder)
        try:
            house.start()
            measure(house, seconds)
        finally:
            house.end()
    print(f"load average at the end {os.getloadavg()[0]:.1f}")


def measure(house, seconds):
    # Java compiles what it runs often, and what is compiled is to be measured.
    written = facts_written(house)
    await_facts(house, written + clicks(house, 1024, 1, WARM_UP_S).events)
    time.sleep(TOUCHES_SAVED_S)
    before = read(house)
    time.sleep(IDLE_S)
    idle = cost(before, read(house))
    idle_us = {name: us / idle.took_s for name, us in idle.cpu_us.items()}
    table.idle(idle)
    clicked = {}
    for connections, batch in CLICK_LOADS:
        name = f"clicks, {'one a request' if batch == 1 else f'{batch} a request'}, {connections} connections"
        clicked[connections, batch] = stage(house, name, "click", idle_us, lambda: clicks(house, connections, batch, seconds))
    ordered = {rate: orders(house, f"orders, one a request, {rate}/s", idle_us, rate, 1, seconds) for rate in ORDER_RATES}
    flood_s = min(seconds, FLOOD_LIMIT_S)
    name = f"orders, {FLOOD_BATCH} a request, {FLOOD_RATE * FLOOD_BATCH}/s offered"
    flood = orders(house, name, idle_us, FLOOD_RATE, FLOOD_BATCH, flood_s)
    table.ledger(*ledger.measure(house))
    table.needs(idle, clicked[1024, 1], clicked[64, 100], ordered[2_000], flood)


def orders(house, name, idle_us, rate, batch, seconds):
    load = Orders(house, rate, batch, seconds)
    written = facts_written(house)
    load.prepared()
    await_facts(house, written + load.clicks)
    time.sleep(TOUCHES_SAVED_S)
    return stage(house, name, "order", idle_us, load.send)


def stage(house, name, event, idle_us, load):
    """One load, and what it cost until facts hold all of it and touches are saved."""
    before = read(house)
    loaded = load()
    acknowledged = time.monotonic()
    await_facts(house, before.counters.get("refmill_facts_written_total", 0) + loaded.events)
    written_s = time.monotonic() - acknowledged + loaded.took_s
    time.sleep(TOUCHES_SAVED_S)
    spent = cost(before, read(house), idle_us)
    table.stage(name, event, loaded, written_s, spent)
    return loaded, spent


def facts_written(house):
    return counters(house.metrics["process"]).get("refmill_facts_written_total", 0)


def await_facts(house, wanted):
    deadline = time.monotonic() + WRITTEN_LIMIT_S
    while (has := facts_written(house)) < wanted:
        if time.monotonic() > deadline:
            print(f"  facts held {has:.0f} of {wanted:.0f} after {WRITTEN_LIMIT_S} s")
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
