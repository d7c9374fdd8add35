"""A source of Debian packages on the loopback of this machine, with one package in it."""

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "nestlab-proof"

_CONTROL = f"""\
Package: {NAME}
Version: 1
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: is there when it was installed
"""


@contextmanager
def package_source(folder: Path) -> Iterator[int]:
    """A port; the source is `deb [trusted=yes] http://…:PORT/ ./`."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(_CONTROL)
    (tree / "opt").mkdir()
    (tree / "opt" / NAME).write_text("installed\n")
    site = folder / "site"
    site.mkdir()
    deb = site / f"{NAME}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True)
    data = deb.read_bytes()
    where = f"Filename: ./{deb.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}"
    (site / "Packages").write_text(f"{_CONTROL}{where}\n")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
