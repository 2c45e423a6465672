#!/usr/bin/env python3
"""Deletes topics by Kafka's own protocol, as kcat can't: a comparison of many rounds would fill the disk."""

import argparse
import socket
import struct
import sys

DELETE_TOPICS, VERSION, TIMEOUT_MS = 20, 1, 20_000


def text(content):
    return struct.pack(">h", len(content)) + content.encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker", help="HOST:PORT")
    parser.add_argument("topics", nargs="+")
    chosen = parser.parse_args()
    host, _, port = chosen.broker.partition(":")
    body = struct.pack(">hhi", DELETE_TOPICS, VERSION, 1) + text("delete_topics") + struct.pack(">i", len(chosen.topics))
    body += b"".join(map(text, chosen.topics)) + struct.pack(">i", TIMEOUT_MS)
    with socket.create_connection((host, int(port)), TIMEOUT_MS / 1000) as connection, connection.makefile("rb") as reply:
        connection.sendall(struct.pack(">i", len(body)) + body)
        reply.read(4 + 4 + 4)  # Size, correlation, throttle time.
        for _ in range(struct.unpack(">i", reply.read(4))[0]):
            name = reply.read(struct.unpack(">h", reply.read(2))[0]).decode()
            error = struct.unpack(">h", reply.read(2))[0]
            if error:
                print(f"the broker did not delete {name}: error {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
