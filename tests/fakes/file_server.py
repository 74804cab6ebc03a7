"""A server of one file, in this process, that behaves badly on request: one behaviour a request, then well."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ftb_tui.weights import FILE_NAME

FILE = b"GGUF" + random.Random(1).randbytes(1_499_996)

Behave = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Serves `FILE`, or what the test's behaviours say, one a request."""

    server: Hub

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        behave = self.server.behaviours.pop(0) if self.server.behaviours else whole
        behave(self)

    def start(self) -> int:
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0

    def send(self, code: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def whole(handler: Handler) -> None:
    start = handler.start()
    headers = {"Content_Range": f"bytes {start}-{len(FILE) - 1}/{len(FILE)}"} if start else {}
    handler.send(206 if start else 200, FILE[start:], **headers)


def without_range(handler: Handler) -> None:
    handler.send(200, FILE)


def truncated(handler: Handler) -> None:
    """Promises everything and ends in the middle."""
    handler.send(200, FILE[:600_000], len(FILE))


def truncated_chunks(handler: Handler) -> None:
    """Ends in the middle of a chunked answer, which has no length."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n" % 700_000 + FILE[:600_000])
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Breaks the connection hard in the middle."""
    handler.send(200, FILE[:600_000], len(FILE))
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    handler.connection.shutdown(socket.SHUT_RD)
    handler.rfile.close()
    handler.connection.close()


def answers(code: int) -> Behave:
    return lambda handler: handler.send(code, b"no")


def another(handler: Handler) -> None:
    handler.send(200, bytes(len(FILE)))


def login_page(handler: Handler) -> None:
    handler.send(200, b"<html>Please log in</html>")


def login_page_without_length(handler: Handler) -> None:
    """In chunks, as pages that are made for the occasion are sent."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"1a\r\n<html>Please log in</html>\r\n0\r\n\r\n")
    handler.close_connection = True


def another_part(handler: Handler) -> None:
    """Goes on from where it was not asked to."""
    begin = handler.start() // 2
    body = FILE[begin : begin + len(FILE) - handler.start()]
    handler.send(206, body, Content_Range=f"bytes {begin}-{begin + len(body) - 1}/{len(FILE)}")


class Hub(ThreadingHTTPServer):
    """A real HTTP server on a free port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours: list[Behave] = []
        self.ranges: list[str | None] = []

    def handle_error(self, request: object, client_address: object) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{FILE_NAME}"
