"""HTTP/1.1 as far as drivers and curl speak it: requests with a length or in chunks, replies with a length, kept connections."""

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_LINE_BYTES = 1 << 20
MAX_HEADERS = 200
MAX_PARTS = 1_000
MAX_BODY_BYTES = 1 << 30
_FORM = re.compile(r'multipart/form-data\s*;\s*boundary=(?:"([^"]+)"|([^\s";]+))', re.IGNORECASE)
_PART_NAME = re.compile(rb'content-disposition:\s*form-data\s*;\s*name="([^"]*)"\s*', re.IGNORECASE)
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Broken(Exception):
    """The connection ended inside a request, or what came is no HTTP: there is nobody to answer."""


class Request(NamedTuple):
    method: str
    path: str
    parameters: list
    headers: dict
    body: bytes

    @property
    def keeps(self):
        return self.headers.get("connection", "").lower() != "close"

    def parameter(self, name, default=""):
        return next((value for key, value in self.parameters if key == name), default)

    def credentials(self):
        """User and password by header, by basic authentication or by parameter, in this order."""
        if "x-clickhouse-user" in self.headers or "x-clickhouse-key" in self.headers:
            return self.headers.get("x-clickhouse-user", "default"), self.headers.get("x-clickhouse-key", "")
        kind, _, encoded = self.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return user, password
        return self.parameter("user", "default"), self.parameter("password")


def read_request(source, sink):
    """The next request of a connection; None where it ended between two."""
    first = source.readline(MAX_LINE_BYTES)
    if not first:
        return None
    try:
        method, target, version = first.decode("latin-1").split()
    except ValueError:
        raise Broken("no request line") from None
    headers = _read_headers(source)
    if version == "HTTP/1.0":
        headers.setdefault("connection", "close")
    if headers.get("expect", "").lower() == "100-continue":
        sink.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        sink.flush()
    address = urlsplit(target)
    parameters = parse_qsl(address.query, keep_blank_values=True)
    body = _read_body(source, headers)
    if boundary := _FORM.fullmatch(headers.get("content-type", "")):
        # What a form says is a parameter like those of the address, and nothing of it is data.
        parameters, body = parameters + list(_parts(body, (boundary[1] or boundary[2]).encode("latin-1"))), b""
    return Request(method, unquote(address.path), parameters, headers, body)


def _read_headers(source):
    headers = {}
    for _ in range(MAX_HEADERS):
        line = source.readline(MAX_LINE_BYTES)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Broken("no header line")
        headers[name.strip().lower()] = value.strip()
    raise Broken("too many headers")


def _read_body(source, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_chunks(source))
    return _exactly(source, _size(headers.get("content-length", "0"), 10))


def _parts(body, boundary):
    """Names and texts of a form. A part that is a file would be a table of its own, which nobody here sends."""
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary, MAX_PARTS)
    if not parts or not parts[-1].startswith(b"--"):
        raise Broken("no whole form")
    for part in parts[:-1]:
        head, blank, content = part.partition(b"\r\n\r\n")
        names = [name[1] for line in head.split(b"\r\n") if (name := _PART_NAME.fullmatch(line))]
        if not blank or len(names) != 1:
            raise Broken("a part of a form without its name")
        try:
            yield names[0].decode(), content.decode()
        except UnicodeDecodeError:
            raise Broken("a part of a form that is no text") from None


def _chunks(source):
    total = 0
    while size := _size(source.readline(MAX_LINE_BYTES).partition(b";")[0].decode("latin-1"), 16):
        total += size
        if total > MAX_BODY_BYTES:
            raise Broken("too large a body")
        yield _exactly(source, size)
        _exactly(source, 2)
    while source.readline(MAX_LINE_BYTES) not in (b"\r\n", b"\n", b""):
        pass


def _size(text, base):
    try:
        size = int(text, base)
    except ValueError:
        raise Broken("no size") from None
    if not 0 <= size <= MAX_BODY_BYTES:
        raise Broken("too large a body")
    return size


def _exactly(source, size):
    content = source.read(size)
    if len(content) != size:
        raise Broken("the connection ended inside a body")
    return content


def write_reply(sink, status, headers, content, keeps):
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(content)}", f"Connection: {'Keep-Alive' if keeps else 'Close'}", "", ""]
    sink.write("\r\n".join(lines).encode("latin-1", "replace") + content)
    sink.flush()
