#!/usr/bin/env python3
"""Tries the front as drivers use it. `check.py URL` makes a database and leaves it; `check.py URL --again`, after a restart
of the server, finds in it what was put there. Closes with 'N passed, M failed'."""

import http.client
import json
import struct
import sys
import threading
import time
import uuid
from urllib.parse import urlencode, urlsplit

from blocks import pack, unpack

DATABASE = "front_check"
DEDUPLICATED = {
    "insert_deduplication_token": "block-1",
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert": 0,
}


class Client:
    """One kept connection."""

    def __init__(self, url):
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def ask(self, query="", body=b"", *, method="POST", headers=(), path="/", **parameters):
        if query and (body or method == "GET"):
            parameters["query"] = query
        else:
            body = body or query.encode()
        chunked = not isinstance(body, bytes)
        target = f"{path}?{urlencode(parameters)}" if parameters else path
        self._connection.request(method, target, body or None, dict(headers), encode_chunked=chunked)
        reply = self._connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def text(self, query, **parameters):
        status, _, content = self.ask(query, database=DATABASE, **parameters)
        expect(status == 200, content)
        return content.decode().rstrip("\n")

    def insert(self, table_and_format, body, **parameters):
        status, headers, content = self.ask(f"INSERT INTO {table_and_format}", body, database=DATABASE, **parameters)
        expect((status, content) == (200, b""), content)
        return headers


def expect(holds, seen):
    if not holds:
        raise AssertionError(f"seen: {seen!r}"[:600])


def equal(seen, expected):
    expect(seen == expected, f"{seen!r} instead of {expected!r}")


def string(text):
    content = text.encode() if isinstance(text, str) else text
    size, length = len(content), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes(length) + content


def binary(columns, rows):
    """RowBinaryWithNamesAndTypes, as the driver sends and gets it."""
    names = b"".join(string(name) for name, _ in columns)
    types = b"".join(string(kind) for _, kind in columns)
    return bytes([len(columns)]) + names + types + b"".join(rows)


EVERY_TYPE = {
    "u64": ("UInt64", struct.pack("<Q", 2**64 - 1)),
    "i64": ("Int64", struct.pack("<q", -(2**63))),
    "u128": ("UInt128", (2**128 - 2).to_bytes(16, "little")),
    "small": ("Int8", struct.pack("<b", -7)),
    "text": ("String", string("naïve \0 'quoted'\n\t\\" + "x" * 300)),
    "fixed": ("FixedString(4)", b"ab\0\xff"),
    "millis": ("DateTime64(3, 'UTC')", struct.pack("<q", 1_790_000_000_123)),
    "micros": ("DateTime64(6)", struct.pack("<q", 1_790_000_000_123_456)),
    "day": ("Date", struct.pack("<H", 20_000)),
    "absent": ("Nullable(String)", b"\1"),
    "present": ("Nullable(Int64)", b"\0" + struct.pack("<q", -1)),
    "low": ("LowCardinality(String)", string("EUR")),
    "enum": ("Enum8('click' = 1, 'order' = 2)", b"\2"),
    "list": ("Array(UInt32)", b"\3" + struct.pack("<III", 1, 2, 3)),
    "texts": ("Array(String)", b"\2" + string("") + string("b")),
    "pairs": ("Map(String, UInt64)", b"\1" + string("k") + struct.pack("<Q", 9)),
    "both": ("Tuple(UInt8, String)", b"\5" + string("t")),
    "money": ("Decimal(18, 4)", struct.pack("<q", -123_4567)),
    "flag": ("Bool", b"\1"),
    "id": ("UUID", bytes(range(16))),
}


def every_type(client):
    columns = [(name, kind) for name, (kind, _) in EVERY_TYPE.items()]
    sent = binary(columns, [b"".join(value for _, value in EVERY_TYPE.values())] * 3)
    listed = ", ".join(f"{name} {kind}" for name, kind in columns)
    client.text(f"CREATE TABLE every_type ({listed}) ENGINE = MergeTree ORDER BY tuple()")
    client.insert(f"every_type({', '.join(EVERY_TYPE)}) FORMAT RowBinaryWithNamesAndTypes", sent, async_insert=0)
    for compress in (0, 1):
        status, headers, content = client.ask(
            "SELECT * FROM every_type", database=DATABASE, default_format="RowBinaryWithNamesAndTypes", compress=compress
        )
        equal((status, headers["X-ClickHouse-Format"]), (200, "RowBinaryWithNamesAndTypes"))
        equal(unpack(content) if compress else content, sent)


def described(client):
    status, _, content = client.ask(
        "DESCRIBE TABLE every_type", database=DATABASE, default_format="RowBinaryWithNamesAndTypes", describe_include_subcolumns=0
    )
    names = "name type default_type default_expression comment codec_expression ttl_expression"
    header = binary([(name, "String") for name in names.split()], [])
    equal((status, content[: len(header)]), (200, header))
    expect(string("u128") + string("UInt128") in content, content)


def nothing_selected(client):
    _, _, content = client.ask("SELECT 1::UInt8 AS one WHERE 0", default_format="RowBinaryWithNamesAndTypes")
    equal(content, binary([("one", "UInt8")], []))


def numbers(first, count):
    return b"".join(struct.pack("<Q", first + number) + string("hello" * 10) for number in range(count))


def chunked_and_compressed(client):
    client.text("CREATE TABLE large (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    rows = numbers(0, 200_000)
    pieces = [rows[start : start + 250_000] for start in range(0, len(rows), 250_000)]
    client.insert("large(n, s) FORMAT RowBinary", iter(pieces))
    client.insert("large(n, s) FORMAT RowBinary", iter([pack(piece) for piece in pieces]), decompress=1)
    client.insert("large(n, s) FORMAT RowBinary", rows * 3)
    equal(client.text("SELECT count(), sum(n), uniqExact(n), min(s) FROM large"), f"1000000\t99999500000\t200000\t{'hello' * 10}")
    _, _, content = client.ask("SELECT * FROM large LIMIT 200000", database=DATABASE, default_format="RowBinary", compress=1)
    equal(len(unpack(content)), len(rows))


def broken_blocks(client):
    good = pack(numbers(0, 10))
    for broken in (good[:-1], good[:20], bytes([good[0] ^ 1]) + good[1:]):
        status, headers, _ = client.ask("INSERT INTO large(n, s) FORMAT RowBinary", broken, database=DATABASE, decompress=1)
        equal((status, headers["X-ClickHouse-Exception-Code"]), (500, "271"))
    equal(client.text("SELECT count() FROM large"), "1000000")


def cut_off_insert(client):
    rows = numbers(0, 10)
    status, _, content = client.ask("INSERT INTO large(n, s) FORMAT RowBinary", rows[:-1], database=DATABASE)
    expect(status != 200 and content.startswith(b"Code: 33. DB::Exception: "), content)
    aborted = Client("http://" + client._connection.host + f":{client._connection.port}")
    query = urlencode({"database": DATABASE, "query": "INSERT INTO large(n, s) FORMAT RowBinary"})
    aborted._connection.putrequest("POST", f"/?{query}")
    aborted._connection.putheader("Transfer-Encoding", "chunked")
    aborted._connection.endheaders(b"%x\r\n%s\r\n" % (len(rows), rows))
    aborted._connection.close()
    time.sleep(0.2)
    equal(client.text("SELECT count() FROM large"), "1000000")


def ways_to_insert(client):
    client.text("CREATE TABLE ways (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    client.text("INSERT INTO ways VALUES (1, 'in; the -- body'), (2, 'FORMAT TSV')")
    client.insert("ways VALUES", b"(3, 'half in the body')")
    client.text('INSERT INTO ways FORMAT JSONEachRow\n{"a": 4, "b": "line"}')
    client.ask(body=b"INSERT INTO ways (a, b) FORMAT RowBinary\n" + struct.pack("<Q", 5) + string(b"\n\xff"), database=DATABASE)
    client.insert("ways FORMAT TSV", b"6\ttab\n")
    headers = client.insert("ways SELECT number + 7, 'selected' FROM numbers(3)", b"\n")
    equal(json.loads(headers["X-ClickHouse-Summary"])["written_rows"], "3")
    client.insert("ways(a, b) FORMAT RowBinary", iter([]))
    equal(client.text("SELECT groupArray(a) FROM (SELECT a FROM ways ORDER BY a)"), "[1,2,3,4,5,6,7,8,9]")


def parameters_and_settings(client):
    query = "SELECT {n:UInt64}, {s:String}, {l:Array(String)} FORMAT TSVRaw"
    seen = client.text(query, param_n=7, param_s="it's", param_l="['a','b']")
    equal(seen, "7\tit's\t['a','b']")
    equal(client.text("SELECT getSetting('max_threads')", max_threads=1), "1")
    expect(client.text("SELECT getSetting('max_block_size')") != "77", "a setting stayed")
    equal(client.text("SELECT getSetting('max_block_size') SETTINGS max_block_size = 77"), "77")
    for name in ("insert_quorum", "select_sequential_consistency", "wait_for_async_insert"):
        equal(client.text(f"SELECT toUInt8(toString(getSetting('{name}')) IN ('1', 'true'))", **{name: 1}), "1")
    equal(client.ask("SELECT currentDatabase()", headers={"X-ClickHouse-Database": DATABASE})[2].strip(), DATABASE.encode())
    equal(client.text("SELECT 1 AS a FORMAT JSONEachRow"), '{"a":1}')
    equal(client.ask("SELECT 1", method="GET", query_id="mine")[1]["X-ClickHouse-Query-Id"], "mine")


def form(*parts, boundary="clickhouse-rs-boundary-1b2c"):
    """As drivers send a query with its parameters."""
    fields = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts)
    return f"{fields}--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def parameters_in_a_form(client):
    # A line's end comes escaped, as it does in an address.
    texts = ("it's -- no; \\n--comment", "naïve", "")
    query = "SELECT {n:UInt64}, {a:String},\r\n\r\n{b:String}, {c:String} FORMAT RowBinary"
    body, headers = form(("query", query), ("param_n", "7"), *zip(("param_a", "param_b", "param_c"), texts))
    expected = struct.pack("<Q", 7) + b"".join(string(text.replace("\\n", "\n")) for text in texts)
    equal(client.ask(body=body, headers=headers)[::2], (200, expected))
    equal(client.ask(body=iter([body[:40], body[40:]]), headers=headers, compress=1)[2], pack(expected))
    quoted = {"Content-Type": 'multipart/form-data; boundary="clickhouse-rs-boundary-1b2c"'}
    equal(client.ask(body=body, headers=quoted, max_threads=1)[::2], (200, expected))
    body, headers = form(("query", "SELECT count() FROM ways WHERE a = {a:UInt64}"), ("param_a", "3"), ("database", DATABASE))
    equal(client.ask(body=body, headers=headers)[::2], (200, b"1\n"))
    body, headers = form(("param_x", "1"))
    equal(client.ask("SELECT {x:UInt8}", body, headers=headers)[::2], (200, b"1\n"))
    body, headers = form(("query", "SELECT {absent:UInt64}"))
    equal(client.ask(body=body, headers=headers)[1]["X-ClickHouse-Exception-Code"], "456")
    cut_off = Client(f"http://{client._connection.host}:{client._connection.port}")
    try:
        expect(False, cut_off.ask(body=body[:-4], headers=headers))
    except (http.client.RemoteDisconnected, ConnectionError):
        pass


def refusals(client):
    cases = [
        ("SELECT * FROM no_such_table", {}, 404, 60),
        ("SELEC 1", {}, 400, 62),
        ("SELECT 1; SELECT 2", {}, 400, 62),
        ("", {}, 400, 62),
        ("SELECT no_such_column", {}, 404, 47),
        ("SELECT 1", {"database": "no_such_database"}, 404, 81),
        ("SELECT 1", {"no_such_setting": 1}, 404, 115),
        ("SELECT throwIf(number = 90000) FROM numbers(100000)", {}, 500, 395),
        ("INSERT INTO front_check.ways FORMAT TSV\nx\ty\n", {}, 400, 27),
        ("SELECT sleepEachRow(0.2) FROM numbers(10) SETTINGS max_block_size = 1", {"max_execution_time": 0.3}, 408, 159),
        ("CREATE DATABASE front_check", {}, 500, 82),
        ("DROP TABLE front_check.ways", {"readonly": 1}, 500, 164),
        ("DROP TABLE front_check.ways", {"method": "GET"}, 500, 164),
    ]
    for query, parameters, status, code in cases:
        seen_status, headers, content = client.ask(query, **parameters)
        equal((query, seen_status, headers["X-ClickHouse-Exception-Code"]), (query, status, str(code)))
        text = content.decode()
        expect(text.startswith(f"Code: {code}. DB::Exception: ") and text.endswith("(official build))\n"), text)
    equal(client.text("SELECT 1"), "1")
    equal(client.ask("SELECT 1", **{"a b = 1, c": 1})[0], 404)
    equal(client.ask(path="/nowhere", method="GET")[0], 404)


def users(client):
    def seen(user, password, query="SELECT 1"):
        status, headers, _ = client.ask(query, headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": password})
        return status, headers["X-ClickHouse-Exception-Code"]

    equal(seen("refmill", "refmill"), (200, None))
    equal(seen("refmill", "wrong"), (403, "516"))
    equal(seen("default", "wrong"), (403, "516"))
    equal(seen("nobody", ""), (403, "516"))
    equal(client.ask("SELECT 1", user="refmill", password="wrong")[0], 403)
    equal(client.ask("SELECT 1", headers={"Authorization": "Basic cmVmbWlsbDpyZWZtaWxs"})[0], 200)
    equal(seen("refmill_reader", "refmill", "SELECT count() FROM front_check.ways"), (200, None))
    equal(seen("refmill_reader", "refmill", "INSERT INTO front_check.ways VALUES (1, '')"), (500, "164"))
    equal(seen("refmill_reader", "refmill", "SET readonly = 0"), (500, "164"))


def counts(client):
    return client.text("SELECT (SELECT count() FROM once), (SELECT sum(n) FROM once_by_view)")


def deduplication(client):
    client.text("CREATE TABLE once (k UInt64) ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 1000")
    client.text(
        "CREATE MATERIALIZED VIEW once_by_view (k UInt64, n UInt64) ENGINE = SummingMergeTree ORDER BY k"
        " SETTINGS non_replicated_deduplication_window = 1000 AS SELECT k % 10 AS k, count() AS n FROM once GROUP BY k"
    )
    same_block_again(client, before="0\t0")
    client.insert("once(k) FORMAT RowBinary", block(), **{**DEDUPLICATED, "insert_deduplication_token": "block-2"})
    equal(counts(client), "2000\t2000")


def block():
    return b"".join(struct.pack("<Q", number) for number in range(1000))


def same_block_again(client, before):
    equal(counts(client), before)
    for _ in range(2):
        client.insert("once(k) FORMAT RowBinary", block(), **DEDUPLICATED)
    equal(counts(client), "1000\t1000" if before == "0\t0" else before)


def side_by_side(client):
    url = f"http://{client._connection.host}:{client._connection.port}"
    failures = []

    def write(number):
        try:
            own = Client(url)
            for turn in range(10):
                own.insert("shared(n) FORMAT RowBinary", struct.pack("<Q", number * 100 + turn), max_threads=1)
                equal(own.text("SELECT {x:UInt64} + count() * 0 FROM shared", param_x=number), str(number))
        except Exception as error:
            failures.append(error)

    client.text("CREATE TABLE shared (n UInt64) ENGINE = MergeTree ORDER BY n")
    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [])
    equal(client.text("SELECT uniqExact(n) FROM shared"), "80")


def a_database_of_its_own(client):
    name = f"own_{uuid.uuid4().hex}"
    equal(client.ask(f"CREATE DATABASE {name}")[0], 200)
    client.ask("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", database=name)
    client.ask("INSERT INTO t(a) FORMAT RowBinary", b"\7", database=name)
    equal(client.ask("SELECT * FROM t", database=name)[2], b"7\n")
    equal(client.ask(f"DROP DATABASE {name} SYNC")[0], 200)


def lives(client):
    equal(client.ask(path="/ping", method="GET")[::2], (200, b"Ok.\n"))
    client.ask(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    equal(client.ask(f"CREATE DATABASE {DATABASE}")[0], 200)


def kept(client):
    equal(client.text("SELECT count(), sum(n) FROM large"), "1000000\t99999500000")


def deduplication_after_a_restart(client):
    same_block_again(client, before="2000\t2000")


FIRST = [lives, every_type, described, nothing_selected, chunked_and_compressed, broken_blocks, cut_off_insert, ways_to_insert]
FIRST += [parameters_and_settings, parameters_in_a_form, refusals, users, deduplication, side_by_side, a_database_of_its_own]
AGAIN = [kept, deduplication_after_a_restart]


def main():
    url, again = sys.argv[1], "--again" in sys.argv
    failed = 0
    checks = AGAIN if again else FIRST
    for check in checks:
        try:
            check(Client(url))
            print(f"ok      clickhouse: {check.__name__.replace('_', ' ')}")
        except Exception as error:
            failed += 1
            print(f"FAILED  clickhouse: {check.__name__.replace('_', ' ')}: {type(error).__name__} {error}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()
