"""`nestlab demo` as a user runs it: a process of its own, watched by its progress lines."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class DemoProcess:
    """A running demo; its progress lines are kept."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _seen: threading.Condition = field(default_factory=threading.Condition)
    _out: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, *arguments: str, home: Path, **environment: str) -> "DemoProcess":
        """Start it with its state in `home`; `environment` is added."""
        argv = [sys.executable, "-m", "nestlab", "demo", *arguments]
        env: Mapping[str, str] = {**os.environ, "XDG_STATE_HOME": str(home), **environment}
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )
        demo = cls(process)
        for target in (demo._read_err, demo._read_out):
            threading.Thread(target=target, daemon=True).start()
        return demo

    def wait_for(self, text: str, seconds: float = 300) -> None:
        """Wait until a progress line has the text; fails when the demo ends before."""
        with self._seen:
            found = self._seen.wait_for(
                lambda: any(text in line for line in self.lines) or self.ended, seconds
            )
        assert found, f"{text!r} did not come within {seconds} s: {self.lines[-5:]}"
        assert any(text in line for line in self.lines), self.lines[-20:]

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, seconds: float = 600) -> tuple[int, str]:
        """Its exit status and its standard output."""
        status = self.process.wait(seconds)
        with self._seen:
            self._seen.wait_for(lambda: bool(self._out), 10)
        return status, self._out[0]

    def _read_err(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._seen:
                self.lines.append(line.rstrip())
                self._seen.notify_all()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        text = self.process.stdout.read()
        with self._seen:
            self._out.append(text)
            self._seen.notify_all()
