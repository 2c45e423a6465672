#!/usr/bin/env python3
"""Makes ClickHouse's engine, as the Python module `chdb` brings it, a server for drivers that speak ClickHouse over HTTP."""

import argparse
import hmac
import json
import os
import signal
import socketserver
import ssl
import sys
import threading
import time
import traceback
import uuid

os.environ["TZ"] = "UTC"

from blocks import BadBlock, pack, unpack
from engine import Engine, Refused
from wire import Broken, read_request, write_reply

DRAIN_LIMIT_S = 15
# Parameters that are not settings of the engine.
RESERVED = {
    *("query", "query_id", "database", "default_format", "compress", "decompress", "user", "password", "quota_key"),
    *("role", "session_id", "session_timeout", "session_check", "close_session", "stacktrace", "buffer_size"),
    *("wait_end_of_query", "client_protocol_version"),
}
READ_ONLY_BUT_SETTINGS = 2


class Users:
    """Who may come in. Without any user named, everybody may."""

    def __init__(self, arguments):
        # The user of a request that names none has no password on a fresh server.
        self._passwords = {"default": arguments.default_user_password}
        self._readonly = arguments.readonly_user
        if arguments.user:
            self._passwords[arguments.user] = arguments.password
        if arguments.readonly_user:
            self._passwords[arguments.readonly_user] = arguments.readonly_password
        self._open = not arguments.user

    def admit(self, user, password):
        """Whether this user only reads."""
        known = self._passwords.get(user)
        if known is None and self._open:
            return False
        if known is None or not hmac.compare_digest(known.encode(), password.encode()):
            reason = f"{user}: Authentication failed: password is incorrect, or there is no user with such name."
            raise Refused(516, "AUTHENTICATION_FAILED", reason)
        return user == self._readonly


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def setup(self):
        # In this connection's own thread: who is slow to shake hands keeps nobody waiting.
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        super().finish()
        self.request.close()

    def handle(self):
        try:
            while request := read_request(self.rfile, self.wfile):
                with self.server.at_work():
                    status, headers, content = self.answer(request)
                    keeps = request.keeps and not self.server.draining
                    write_reply(self.wfile, status, headers, content, keeps)
                if not keeps:
                    return
        except (Broken, ConnectionError):
            return

    def answer(self, request):
        headers = {"Content-Type": "text/plain; charset=UTF-8", "X-ClickHouse-Server-Display-Name": "clickhouse-front"}
        if request.path == "/ping" or (request.method in ("GET", "HEAD") and request.path == "/" and not request.parameters):
            return 200, headers, b"" if request.method == "HEAD" else b"Ok.\n"
        if request.path not in ("/", "/query"):
            return 404, headers, f"There is no handle {request.path}\n".encode()
        headers["X-ClickHouse-Query-Id"] = request.parameter("query_id") or str(uuid.uuid4())
        headers["X-ClickHouse-Timezone"] = "UTC"
        try:
            status, content = 200, self.execute(request, headers)
        except BadBlock as error:
            refused = Refused(271, "CANNOT_DECOMPRESS", str(error))
            status, content = self.refuse(refused, headers)
        except Refused as refused:
            status, content = self.refuse(refused, headers)
        except Exception as error:  # A mistake of the front is an answer too, or the driver would wait.
            traceback.print_exc()
            status, content = self.refuse(Refused(1002, "UNKNOWN_EXCEPTION", f"the front failed: {error!r}"), headers)
        if request.parameter("compress") == "1":
            content = pack(content)
        return status, headers, content

    def execute(self, request, headers):
        readonly = READ_ONLY_BUT_SETTINGS if self.server.users.admit(*request.credentials()) else 0
        # A GET must be safe to repeat, so a server lets it read only.
        if request.method == "GET":
            readonly = READ_ONLY_BUT_SETTINGS
        body = request.body
        if request.parameter("decompress") == "1":
            body = unpack(body)
        text = request.parameter("query").encode()
        reply_format = request.parameter("default_format") or request.headers.get("x-clickhouse-format", "TabSeparated")
        result = self.server.engine.run(
            text + b"\n" if text else b"",
            body,
            request.parameter("database") or request.headers.get("x-clickhouse-database", ""),
            reply_format,
            [(name, value) for name, value in request.parameters if name not in RESERVED],
            readonly,
        )
        headers["Content-Type"] = "application/octet-stream" if "Binary" in reply_format else "text/plain; charset=UTF-8"
        headers["X-ClickHouse-Format"] = reply_format
        headers["X-ClickHouse-Summary"] = json.dumps(result.summary, separators=(",", ":"))
        return result.content

    def refuse(self, refused, headers):
        headers["X-ClickHouse-Exception-Code"] = refused.code
        version = self.server.engine.version
        text = f"Code: {refused.code}. DB::Exception: {refused.text} ({refused.name}) (version {version} (official build))\n"
        return refused.status, text.encode("utf-8", "replace")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, port, engine, users, tls):
        super().__init__(("127.0.0.1", port), Connection)
        self.engine, self.users, self.tls, self.draining = engine, users, tls, False
        self._working = 0
        self._changed = threading.Condition()

    def at_work(self):
        return _Working(self)

    def handle_error(self, request, client_address):
        """Who does not trust the certificate goes away in the middle of the handshake."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)

    def work(self, change):
        with self._changed:
            self._working += change
            self._changed.notify_all()

    def drain(self):
        """No new connection, and an end to the requests that run."""
        self.draining = True
        self.shutdown()
        self.server_close()
        deadline = time.monotonic() + DRAIN_LIMIT_S
        with self._changed:
            return self._changed.wait_for(lambda: self._working == 0, deadline - time.monotonic())


class _Working:
    def __init__(self, server):
        self._server = server

    def __enter__(self):
        self._server.work(+1)

    def __exit__(self, *_):
        self._server.work(-1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, help="the engine's data; one process at a time")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", help="with one named, nobody else but `default` without a password comes in")
    parser.add_argument("--password", default="")
    parser.add_argument("--readonly-user", help="a second user, whose statements run with readonly = 2")
    parser.add_argument("--readonly-password", default="")
    parser.add_argument("--default-user-password", default="", help="of who names no user")
    parser.add_argument("--certificate", help="speaks TLS and shows this; PEM, as is the key")
    parser.add_argument("--key")
    return parser.parse_args()


def main():
    chosen = arguments()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    engine = Engine(chosen.folder)
    tls = None
    if chosen.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(chosen.certificate, chosen.key)
    server = Server(chosen.port, engine, Users(chosen), tls)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"ready http://127.0.0.1:{server.server_address[1]} (engine {engine.version})", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finished = server.drain()
    engine.close()
    print("ended" if finished else f"ended with requests that took longer than {DRAIN_LIMIT_S} s", flush=True)
    # Threads of idle connections and of the engine have nothing left to do.
    os._exit(0 if finished else 1)


if __name__ == "__main__":
    main()
