"""The program of the workload `boot`, run with a QEMU that is played, and with none at all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import fake_qemu
from nestlab.deadline import Deadline
from nestlab.errors import WorkloadError
from nestlab.workload.boot import Boot
from nestlab.workload.protocol import Envelope
from nestlab.workload.startable import Startable

CPUS = tuple(sorted(os.sched_getaffinity(0)))[:1]


@dataclass
class Place:
    """A parent's folders, with the machine's seed in it."""

    folder: Path

    def guest(self, *qemu: str, overlay: tuple[str, ...] = ("true",)) -> Startable:
        twin = self.folder / "twin"
        return Startable(
            overlay=overlay,
            argv=qemu,
            folder=str(twin),
            sockets=str(twin),
            seed=str(self.folder / "seed.tar"),
            console=str(twin / "console.log"),
            monitor=str(twin / "qmp"),
        )

    def played(self, how: str = "") -> Startable:
        twin = self.folder / "twin"
        words = (sys.executable, fake_qemu.__file__, str(twin / "qmp"), str(twin / "console.log"))
        return self.guest(*words, how)

    def begin(
        self, guest: Startable, *, timeout: int = 60, memory: int | None = None
    ) -> "subprocess.Popen[bytes]":
        boot = Boot(timeout=timeout)
        (case,) = boot.cases(vcpus=1, queue_cpus=1)
        command = boot.command(case, Envelope(CPUS, str(self.folder), guest=guest))
        for file in command.files:
            Path(file.path).parent.mkdir(exist_ok=True)
            Path(file.path).write_bytes(file.data)
        words = list(command.argv)
        words[words.index("--memory") + 1] = str(memory or 1 << 20)
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def told(self, guest: Startable, **words: int) -> dict[str, Any]:
        process = self.begin(guest, **words)
        stdout, stderr = process.communicate()
        assert stderr == b""
        assert process.returncode == 0
        found: dict[str, Any] = json.loads(stdout)
        return found

    def is_clean(self) -> bool:
        """Whether there is neither a file nor a process of the twin."""
        return not (self.folder / "twin").exists() and not self.processes()

    def processes(self) -> list[str]:
        """Command lines of what was started here, the program itself left out."""
        lines = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = each.read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if str(self.folder) in line and "boot.py" not in line:
                lines.append(line)
        return lines


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "seed.tar").write_bytes(b"keys")
    found = Place(tmp_path)
    yield found
    assert found.is_clean()
    assert (tmp_path / "seed.tar").read_bytes() == b"keys"


def appears(process: "subprocess.Popen[bytes]", file: Path) -> None:
    deadline = Deadline.after(30)
    while not file.exists():
        assert process.poll() is None
        assert not deadline.expired
        time.sleep(0.01)


def clean_at_last(place: Place) -> bool:
    deadline = Deadline.after(30)
    while not place.is_clean() and not deadline.expired:
        time.sleep(0.01)
    return place.is_clean()


def test_ssh_counts_when_somebody_answers_and_multi_user_when_it_is_said(place: Place) -> None:
    found = place.told(place.played())
    assert found["nestlab-boot"] == 1
    assert found["qemu"] == "7.2.22"
    (case,) = Boot().cases(vcpus=1, queue_cpus=1)
    ssh, multi_user = Boot().parse(case, json.dumps(found).encode()).figures
    assert 0 < ssh.value < multi_user.value  # its last line comes when its answer was seen


def test_what_a_killed_one_has_left_is_no_obstacle(place: Place) -> None:
    (place.folder / "twin").mkdir()
    (place.folder / "twin" / "qmp").write_text("old")
    assert "qemu" in place.told(place.played())


def test_the_disk_is_made_and_the_seed_is_there(place: Place) -> None:
    twin = place.folder / "twin"
    overlay = ("sh", "-c", f"cat {twin}/seed.tar; echo; echo no space; exit 1")
    found = place.told(place.guest("true", overlay=overlay))
    assert found == {"nestlab-boot": 1, "failed": "its disk was not made: 'no space'"}


@pytest.mark.parametrize(
    ("qemu", "reason"),
    [
        (("sh", "-c", "echo could not set up KVM >&2; exit 1"), "QEMU ended with 1; last: 'could"),
        (("sh", "-c", "kill -SEGV $$"), "QEMU ended with -11; last: "),
        (("no-such-qemu-anywhere",), "No such file or directory: 'no-such-qemu-anywhere'"),
        (("sleep", "3600"), "no SSH after 1 s; last: "),
    ],
)
def test_a_qemu_that_does_not_start_a_guest(
    place: Place, qemu: tuple[str, ...], reason: str
) -> None:
    assert reason in place.told(place.guest(*qemu), timeout=1)["failed"]


def test_the_last_words_of_a_guest_are_quoted_and_harmless(place: Place) -> None:
    reason = place.told(place.played("panic"))["failed"]
    assert reason.startswith("QEMU ended with 3; last: 'Kernel panic - not syncing: ")
    assert reason.isascii()
    assert reason.isprintable()


@pytest.mark.parametrize(("how", "lacking"), [("deaf", "SSH"), ("silent", "multi-user.target")])
def test_half_a_boot_is_none(place: Place, how: str, lacking: str) -> None:
    assert f"no {lacking} after 2 s; last: '" in place.told(place.played(how), timeout=2)["failed"]


def test_a_console_that_never_ends_is_not_read_for_ever(place: Place) -> None:
    flood = f"head -c 40M /dev/zero >{place.folder}/twin/console.log; sleep 3600"
    assert "never ends" in place.told(place.guest("sh", "-c", flood))["failed"]


def test_too_little_memory_is_told_before_anything_is_started(place: Place) -> None:
    found = place.told(place.guest("false", overlay=("false",)), memory=1 << 60)
    (case,) = Boot().cases(vcpus=1, queue_cpus=1)
    with pytest.raises(WorkloadError, match="MiB of memory are available") as caught:
        Boot().parse(case, json.dumps(found).encode())
    assert caught.value.code == "workload.unavailable"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing(place: Place, number: signal.Signals) -> None:
    process = place.begin(place.played("silent"))
    appears(process, place.folder / "twin" / "console.log")
    process.send_signal(number)
    stdout, _ = process.communicate()
    assert (process.returncode, stdout) == (128 + number, b"")


def test_it_ends_when_nobody_reads_any_more(place: Place) -> None:
    process = place.begin(place.played("silent"))
    appears(process, place.folder / "twin" / "console.log")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 1


def test_a_killed_one_takes_qemu_with_it_and_leaves_files_alone(place: Place) -> None:
    process = place.begin(place.played("silent"))
    appears(process, place.folder / "twin" / "console.log")
    process.kill()
    process.communicate()
    assert (place.folder / "twin").exists()
    (case,) = Boot().cases(vcpus=1, queue_cpus=1)
    envelope = Envelope(CPUS, str(place.folder), guest=place.played())
    for argv in Boot().command(case, envelope).cleanup:
        subprocess.run(argv, check=True)
    assert clean_at_last(place)
