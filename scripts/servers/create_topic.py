#!/usr/bin/env python3
"""Makes a topic by Kafka's own protocol, as kcat can't."""

import argparse
import socket
import struct

CREATE_TOPICS, VERSION, TIMEOUT_MS = 19, 4, 20_000


def text(content):
    return struct.pack(">h", len(content)) + content.encode()


def exactly(connection, size):
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise SystemExit("the broker closed the connection")
        content += part
    return content


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("broker", help="HOST:PORT")
    parser.add_argument("topic")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=-1, help="the brokers' default where it isn't given")
    chosen = parser.parse_args()
    host, _, port = chosen.broker.partition(":")
    body = struct.pack(">hhi", CREATE_TOPICS, VERSION, 1) + text("create_topic")
    body += struct.pack(">i", 1) + text(chosen.topic) + struct.pack(">ihii", chosen.partitions, chosen.replicas, 0, 0)
    body += struct.pack(">i?", TIMEOUT_MS, False)
    with socket.create_connection((host, int(port)), TIMEOUT_MS / 1000) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        reply = exactly(connection, struct.unpack(">i", exactly(connection, 4))[0])
    # Correlation, throttle time, one topic: its name, its error and a message.
    name_size = struct.unpack_from(">h", reply, 12)[0]
    error = struct.unpack_from(">h", reply, 14 + name_size)[0]
    if error:
        raise SystemExit(f"the broker refused the topic {chosen.topic}: error {error}")


if __name__ == "__main__":
    main()
