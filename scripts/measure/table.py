"""How figures are printed: lines as they come, and at the end the table that ARCHITECTURE.md holds."""

ROLES = ("ingest", "process", "api", "kafka", "postgres", "redis", "clickhouse")
NAMES = {"ingest": "`ingest`", "process": "`process`", "api": "`api`", "kafka": "Kafka", "postgres": "Postgres",
         "redis": "Redis", "clickhouse": "ClickHouse"}
EVENTS = 100_000
MIB = 1 << 20


def idle(spent):
    each = ", ".join(f"{name} {spent.cpu_us[name] / spent.took_s / 1000:.1f} ms, {spent.memory_bytes[name] / MIB:.0f} MiB"
                     for name in ROLES)
    print(f"idle, CPU a second and memory: {each}", flush=True)


def stage(name, event, load, written_s, spent):
    n = load.events
    print(f"\n{name}")
    print(f"  {n:,} acknowledged in {load.took_s:.1f} s = {n / load.took_s:,.0f}/s; p50 {load.p50_ms:.1f} ms, "
          f"p99 {load.p99_ms:.1f} ms; {load.refused}; all in facts after {written_s:.1f} s = {n / written_s:,.0f}/s")
    cpu = ", ".join(f"{name} {spent.cpu_us[name] / n:.2f}" for name in ROLES)
    print(f"  us of CPU {an(event)}: {cpu}; all {sum(spent.cpu_us[name] for name in ROLES) / n:.2f}")
    print(f"  bytes {an(event)}: " + "; ".join(line for line in (
        f"socket in {load.request_bytes * 1:,} and out {load.answer_bytes:,} a request" if load.request_bytes else "",
        *(f"{name} in {spent.bytes_in[name] / n:,.0f}, out {spent.bytes_out[name] / n:,.0f}" for name in spent.bytes_in),
        "disk: " + ", ".join(f"{name} {spent.disk_bytes[name] / n:,.0f}" for name in spent.bytes_in),
        f"WAL {spent.wal_bytes / n:,.0f}") if line))
    counted = spent.counters
    batches = counted.get("refmill_batch_seconds_count", 0) or 1
    commits = counted.get("refmill_ledger_batch_events_count", 0) or 1
    print(f"  processor: {batches:,.0f} batches of {counted.get('refmill_events_decided_total', 0) / batches:.1f} events, "
          f"{counted.get('refmill_batch_seconds_sum', 0) / batches * 1000:.1f} ms each, of which the commit "
          f"{counted.get('refmill_ledger_commit_seconds_sum', 0) / commits * 1000:.1f} ms; "
          f"{counted.get('refmill_batches_in_conflict_total', 0):.0f} decided again")
    written = {table: inserted + updated for table, (inserted, updated) in spent.rows.items() if inserted + updated >= n / 20}
    if event == "order" and written:
        each = ", ".join(f"{table} {rows / n:.2f}" for table, rows in sorted(written.items(), key=lambda item: -item[1]))
        print(f"  rows of the ledger an order: {sum(rows for rows in written.values()) / n:.1f} ({each})", flush=True)


def ledger(a_second, server_us, wal_bytes, disk_bytes):
    print(f"\nthe ledger alone, one committer, batches of 1,000 sales: {a_second:,.0f} sales/s; a sale {server_us:.1f} us of "
          f"Postgres' CPU, {wal_bytes:,.0f} bytes of WAL, {disk_bytes:,.0f} bytes to disk", flush=True)


def needs(idle, alone, batched, ordered, flood):
    """CPU from the load of single requests, as that is what beacons and backends send."""
    loads = (alone, batched, ordered, flood)
    print(f"\n| | CPU us a click | in batches of 100 | cores at {EVENTS:,} clicks/s | CPU us an order, 2,000/s | in batches of 100 "
          f"| cores at {EVENTS // 100:,} orders/s | MB/s in, out at {EVENTS:,} clicks/s | MB/s to disk | memory, idle and after |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for role in ROLES:
        us = [spent.cpu_us[role] / load.events for load, spent in loads]
        load, spent = alone
        if role == "ingest":
            network = f"{load.request_bytes / 10:.0f}, {load.answer_bytes / 10:.0f}"
        elif role in spent.bytes_in:
            network = f"{spent.bytes_in[role] / load.events / 10:.0f}, {spent.bytes_out[role] / load.events / 10:.0f}"
        else:
            network = "–"
        disk = f"{spent.disk_bytes[role] / load.events / 10:.1f}"
        memory = f"{idle.memory_bytes[role] / MIB:.0f}, {flood[1].memory_bytes[role] / MIB:.0f} MiB"
        print(f"| {NAMES[role]} | {us[0]:.2f} | {us[1]:.2f} | {us[0] * EVENTS / 1e6:.1f} | {us[2]:.0f} | {us[3]:.0f} "
              f"| {us[2] * EVENTS / 100 / 1e6:.2f} | {network} | {disk} | {memory} |")
    print(flush=True)


def an(event):
    return f"{'an' if event[0] in 'aeiou' else 'a'} {event}"
