"""The running installer's way to its tree and its packages: a small web server on the loopback.

QEMU's user-mode network shows a guest the loopback of this machine as 10.0.2.2 (QEMU's docs,
"Using the user mode network stack"). What is below a URL is asked for with this machine's own proxy
settings and authorities, which an installer knows nothing of; what is in a folder is read from it.
Only GET and HEAD, only below what was named, and only for who knows the random part of the path.
"""

import contextlib
import secrets
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import httpx

GUEST_SEES = "10.0.2.2"
"""The loopback of this machine, as a guest of QEMU's user-mode network sees it."""

_CHUNK = 1 << 16
_TIMEOUT = 120.0
_PASSED_ON = ("Content-Type", "Content-Length", "Last-Modified", "ETag", "Content-Range",
              "Accept-Ranges")  # fmt: skip
_ASKED = ("Range", "If-Range", "If-Modified-Since", "If-None-Match")


@dataclass(frozen=True)
class Route:
    """A name in the path, and the folder or URL whose files are below it."""

    name: str
    target: str | Path


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    port: int
    secret: str

    def url(self, name: str, below: str = "") -> str:
        """For the guest: `http://10.0.2.2:PORT/SECRET/NAME/BELOW`, without a slash at its end."""
        path = f"{name}/{below.strip('/')}".strip("/")
        return f"http://{GUEST_SEES}:{self.port}/{self.secret}/{path}"


@contextlib.contextmanager
def serving(routes: tuple[Route, ...]) -> Iterator[Serving]:
    """Serve the routes until the context is left."""
    import httpx  # noqa: PLC0415  (only a running installation needs it)

    secret = secrets.token_hex(8)
    with httpx.Client(
        timeout=httpx.Timeout(_TIMEOUT),
        verify=ssl.create_default_context(),
        follow_redirects=True,
        headers={"User-Agent": "nestlab"},
    ) as client:
        known = {"client": client, "secret": secret, "routes": {r.name: r.target for r in routes}}
        listening = _Listening(("127.0.0.1", 0), type("Handler", (_Handler,), known))
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield Serving(listening.server_port, secret)
        finally:
            listening.shutdown()
            thread.join()
            listening.server_close()


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A guest that is switched off breaks its connections; it is asked about on its console."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT
    client: "httpx.Client"
    secret: str
    routes: dict[str, str | Path]

    def do_GET(self) -> None:
        """Answer with the file."""
        target = self._target()
        if target is None:
            self._nothing(404)
        elif isinstance(target, Path):
            self._file(target)
        else:
            self._pass_on(target)

    def do_HEAD(self) -> None:
        """Answer without it."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: what the installer misses it says itself."""

    def _target(self) -> Path | str | None:
        """The file or URL that is meant; nothing above or beside what is served."""
        path = urlsplit(self.path).path
        plain = unquote(path)
        parts = PurePosixPath(plain).parts[1:]
        if len(parts) < 2 or parts[0] != self.secret or ".." in parts or "\0" in plain:
            return None
        target = self.routes.get(parts[1])
        if isinstance(target, Path):
            file = target.joinpath(*parts[2:]).resolve()
            return file if file.is_file() and file.is_relative_to(target.resolve()) else None
        below = path.removeprefix(f"/{parts[0]}/{parts[1]}")
        return None if target is None else target.rstrip("/") + below

    def _file(self, file: Path) -> None:
        with file.open("rb") as opened:
            self.send_response(200)
            self.send_header("Content-Length", str(file.stat().st_size))
            self.end_headers()
            while self.command == "GET" and (data := opened.read(_CHUNK)):
                self.wfile.write(data)

    def _pass_on(self, url: str) -> None:
        import httpx  # noqa: PLC0415

        asked = {name: value for name in _ASKED if (value := self.headers.get(name))}
        asked["Accept-Encoding"] = "identity"  # else lengths would be those of something else
        begun = False
        try:
            with self.client.stream(self.command, url, headers=asked) as answer:
                begun = True
                self._answer(answer)
        except (httpx.HTTPError, httpx.InvalidURL):
            if not begun:
                self._nothing(502)
            self.close_connection = True  # half an answer must not look whole

    def _answer(self, answer: "httpx.Response") -> None:
        self.send_response(answer.status_code)
        for name in _PASSED_ON:
            if value := answer.headers.get(name):
                self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            for data in answer.iter_raw():
                self.wfile.write(data)

    def _nothing(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
