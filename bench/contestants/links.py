#!/usr/bin/env python3
"""Puts links into a catalog whose roles don't run, as the product's own tables have them, and adds their codes to a file.

Each is of the first link's company and program, and in turn of the partners that have a link already: a row in `links` under the id
that its code makes, and that row's newest change, which edges follow. The counts that the product keeps of links are made anew of all
links. Only a link with a name has a contact, and these have none."""

import argparse
import sqlite3
import subprocess
import time

CHANGED_LINK = 3
MASK = (1 << 64) - 1
# Of XXH3's default secret, for texts of 9 to 16 bytes.
FLIP_LOW = 0x1F67B3B7A4A44072 ^ 0x78E5C0CC4EE679CB
FLIP_HIGH = 0x2172FFCC7DD05A82 ^ 0x8E2443F7744608B8

KNOWN = "SELECT id, code_folded, company, program, partner, destination FROM {} ORDER BY created_at, id"
RECOUNT = """
    DELETE FROM {schema}link_counts;
    DELETE FROM {schema}partnerships;
    INSERT INTO {schema}partnerships (partner, company, links, joined_at)
        SELECT partner, company, count(*), min(created_at) FROM {schema}links GROUP BY partner, company;
    INSERT INTO {schema}link_counts (company, links, partners)
        SELECT company, sum(links), count(*) FROM {schema}partnerships GROUP BY company;
"""
LINKS = "(id, code_folded, code, company, program, partner, destination, created_at)"


def link_id(folded):
    """XXH3, 64 bits, as a signed number."""
    text = folded.encode()
    assert 9 <= len(text) <= 16, folded
    low = int.from_bytes(text[:8], "little") ^ FLIP_LOW
    high = int.from_bytes(text[-8:], "little") ^ FLIP_HIGH
    product = low * high
    swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
    digest = (len(text) + swapped + high + ((product & MASK) ^ (product >> 64))) & MASK
    digest ^= digest >> 37
    digest = digest * 0x165667919E3779F9 & MASK
    digest ^= digest >> 32
    return digest - (1 << 64) if digest >> 63 else digest


def codes(count):
    return (f"grow-{n:08}" for n in range(count))


def rows(known, count, now):
    for n, code in enumerate(codes(count)):
        _, _, company, program, partner, destination = known[n % len(known)]
        yield link_id(code), code, code, company, program, partner, destination, now


def checked(known):
    """The ids of those that the product made are what it makes of their codes."""
    for number, code, *_ in known:
        if 9 <= len(code) <= 16 and link_id(code) != int(number):
            raise SystemExit(f"a link's id is not made of its code any more: {code} has {number}")
    return known


def into_sqlite(file, count, now):
    database = sqlite3.connect(file, isolation_level=None)
    for pragma in ("synchronous = OFF", "cache_size = -2000000"):
        database.execute(f"PRAGMA {pragma}")
    known = checked(database.execute(KNOWN.format("links")).fetchall())
    database.execute("BEGIN IMMEDIATE")
    database.executemany(f"INSERT INTO links {LINKS} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows(known, count, now))
    newest = database.execute("SELECT coalesce(max(no), 0) FROM changes").fetchone()[0]
    changes = ((newest + n + 1, CHANGED_LINK, link_id(code)) for n, code in enumerate(codes(count)))
    database.executemany("INSERT INTO changes (no, kind, id) VALUES (?, ?, ?)", changes)
    for statement in RECOUNT.format(schema="").split(";"):
        database.execute(statement)
    database.execute("COMMIT")
    database.close()


def into_postgres(url, count, now):
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url]
    told = subprocess.run([*psql, "-At", "-F", "\t", "-c", KNOWN.format("catalog.links")], text=True, check=True, stdout=subprocess.PIPE)
    known = checked([line.split("\t") for line in told.stdout.splitlines()])
    with subprocess.Popen(psql, stdin=subprocess.PIPE, text=True) as writing:
        print("BEGIN;\nCREATE TEMP TABLE made (LIKE catalog.links, n bigserial) ON COMMIT DROP;", file=writing.stdin)
        print(f"COPY made {LINKS} FROM STDIN;", file=writing.stdin)
        for row in rows(known, count, now):
            print(*row, sep="\t", file=writing.stdin)
        print("\\.", file=writing.stdin)
        print(
            f"""INSERT INTO catalog.links {LINKS} SELECT {LINKS[1:-1]} FROM made;
            {RECOUNT.format(schema="catalog.")}
            WITH newest AS (UPDATE catalog.newest_change SET no = no + {count} RETURNING no - {count} AS no)
                INSERT INTO catalog.changes (no, kind, id) SELECT newest.no + n, {CHANGED_LINK}, made.id FROM made, newest;
            COMMIT;
            VACUUM ANALYZE catalog.links, catalog.partnerships, catalog.link_counts, catalog.changes;""",
            file=writing.stdin,
        )
    if writing.returncode != 0:
        raise SystemExit("Postgres did not take the links")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", help="a file of SQLite, or Postgres' URL")
    parser.add_argument("count", type=int, help="links in all, with those that are there")
    parser.add_argument("known", help="codes that are there, one a line; the others are added")
    chosen = parser.parse_args()
    with open(chosen.known, encoding="utf-8") as known:
        more = chosen.count - sum(1 for _ in known)
    if more < 0:
        raise SystemExit(f"there are {-more} more links than {chosen.count}")
    put = into_postgres if chosen.catalog.startswith("postgres") else into_sqlite
    put(chosen.catalog, more, time.time_ns() // 1_000_000)
    with open(chosen.known, "a", encoding="utf-8") as known:
        known.writelines(f"{code}\n" for code in codes(more))


if __name__ == "__main__":
    main()
