"""A web server on the loopback that serves images as well as the troubles of real ones."""

import re
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Served:
    """A file.

    cut      bytes after which each connection is closed
    cuts     how many connections are cut; then it is served whole
    hang     bytes after which nothing more comes, with the connection open
    status   answered in place of the file
    ranges   whether Range is understood
    sized    whether Content-Length is sent
    moved    where it has gone
    """

    data: bytes
    etag: str | None = '"1"'
    cut: int | None = None
    cuts: int = 1 << 30
    hang: int | None = None
    status: int = 200
    ranges: bool = True
    sized: bool = True
    moved: str | None = None


@dataclass
class ImageServer:
    """Paths and what is served there; `asked`: path and Range of every request."""

    url: str = ""
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def put(self, path: str, data: bytes, **how: object) -> str:
        """Serve a file; returns its URL."""
        self.files[path] = Served(data, **how)  # type: ignore[arg-type]
        return f"{self.url}/{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: ImageServer

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.served.asked.append((path, self.headers.get("Range")))
        served = self.served.files.get(path)
        if served is None or served.status != 200:
            self._short(served.status if served else 404)
        elif served.moved is not None:
            self.send_response(302)
            self.send_header("Location", served.moved)
            self._end(b"")
        else:
            self._file(served)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: requests are in `asked`."""

    def _short(self, status: int) -> None:
        self.send_response(status)
        self._end(b"no")

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, served: Served) -> None:
        start = self._start(served)
        if start is not None and start >= len(served.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.data)}")
            self._end(b"")
            return
        self.send_response(200 if start is None else 206)
        if start is not None:
            last = len(served.data) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if served.etag:
            self.send_header("ETag", served.etag)
        body = served.data[start or 0 :]
        if served.sized:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self._send(served, body)

    def _start(self, served: Served) -> int | None:
        """Where to begin; None for the whole file (RFC 9110, If-Range)."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in {None, served.etag}
        return int(match[1]) if match and same and served.ranges else None

    def _send(self, served: Served, body: bytes) -> None:
        if served.hang is not None:
            self.wfile.write(body[: served.hang])
            self.wfile.flush()
            self.served.closing.wait()
            self.close_connection = True
        elif served.cut is not None and served.cuts > 0:
            served.cuts -= 1
            self.wfile.write(body[: served.cut])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(body)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what these tests are about; all else is a bug of theirs."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def image_server(certificate: Path | None = None) -> Iterator[ImageServer]:
    """A server at a free port, until the context is left.

    certificate  with its key; given, the server speaks HTTPS
    """
    server = ImageServer()
    handler = type("Handler", (_Handler,), {"served": server})
    listening = _Listening(("127.0.0.1", 0), handler)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        listening.shutdown()
        thread.join()
        listening.server_close()
