"""What is put into the page so that it needs no other file, and the policy that forbids others.

Content-Security-Policy: nothing is loaded from anywhere; the one style sheet and the one script are
named by their digests; no evaluation of text, which Vega does without when it interprets its
expressions (`ast`, vega-interpreter, a part of the bundle).
"""

import base64
import functools
import hashlib
import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from nestlab.report.html.chart import VEGA_LITE


def data_text(data: Any) -> str:
    """JSON that cannot end the element it stands in; ASCII, so line separators are escaped too."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def style() -> str:
    """The style sheet."""
    return (files("nestlab.report.html") / "page.css").read_text("utf-8")


@functools.cache
def begin_script() -> Future[str]:
    """The script to be: making it takes a second, in which the charts are made.

    By a process of its own, since the bundler keeps Python's lock for all of that second.
    """
    return ThreadPoolExecutor(1).submit(_script)


def script() -> str:
    """The libraries and the page's own code, as one script."""
    return begin_script().result()


_BUNDLE = """\
import sys, vl_convert
own = sys.stdin.buffer.read().decode()
sys.stdout.buffer.write(vl_convert.javascript_bundle(own, sys.argv[1]).encode())
"""


def _script() -> str:
    own = (files("nestlab.report.html") / "page.js").read_bytes()
    argv = (sys.executable, "-P", "-c", _BUNDLE, VEGA_LITE)
    done = subprocess.run(argv, input=own, stdout=subprocess.PIPE, check=True)
    bundled = done.stdout.decode()
    # Within a script only these could be taken for its end or for a comment (HTML, 4.12.1.3).
    return bundled.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def policy(*, style_text: str, script_text: str | None) -> str:
    """The policy for exactly these two."""
    scripts = f"script-src {_digest(script_text)}; " if script_text else ""
    return (
        f"default-src 'none'; {scripts}style-src {_digest(style_text)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
