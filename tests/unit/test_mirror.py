"""Where packages come from: what apt itself says on real hosts."""

import asyncio
import shutil

import pytest

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.image.mirror import Source, host_sources, parse_targets
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.local import LocalMachine
from nestlab.machine.protocol import Completed, Machine

MAIN = "http://deb.example.net/debian/"
SECURITY = "http://deb.example.net/debian-security/"
BOOKWORM = f"""\
Debian|{MAIN}|bookworm|main
Debian|{MAIN}|bookworm-updates|main
Debian|{SECURITY}|bookworm-security|main
"""
THREE = (
    Source(MAIN, "bookworm"),
    Source(MAIN, "bookworm-updates"),
    Source(SECURITY, "bookworm-security"),
)


def sources(machine: Machine) -> tuple[Source, ...]:
    return asyncio.run(host_sources(machine, "bookworm", deadline=Deadline.after(20)))


def apt(done: Completed) -> FakeMachine:
    return FakeMachine(programs={"apt-get": lambda _argv, _stdin: done})


def test_a_host_of_the_same_release() -> None:
    assert parse_targets(BOOKWORM, "bookworm") == THREE
    assert THREE[2].line == f"deb {SECURITY} bookworm-security main"


def test_a_host_of_another_release_has_the_same_mirrors() -> None:
    assert parse_targets(BOOKWORM.replace("bookworm", "trixie"), "bookworm") == THREE


def test_what_is_not_debian_s_main_archive_stays_out() -> None:
    foreign = f"""\
Docker|https://download.example.com/linux/debian/|bookworm|main
|https://nobody.example.com/|bookworm|main
Debian|{MAIN}|bookworm|contrib
Debian|{MAIN}|bookworm|non-free-firmware
Debian Backports|{MAIN}|bookworm-backports|main
Debian|{MAIN}|bookworm-backports|main
Debian|{MAIN}|bookworm-proposed-updates|main
"""
    assert parse_targets(BOOKWORM + foreign, "bookworm") == THREE


def test_a_source_that_apt_lists_twice_is_one() -> None:
    assert parse_targets(BOOKWORM + BOOKWORM, "bookworm") == THREE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ubuntu|http://archive.example.net/ubuntu/|jammy|main\n",
        "Debian|http://deb.example.net/|bookworm-security|main\n",  # without the release itself
        "no such format\n|||\n",
    ],
)
def test_else_the_default_is_left_to_mmdebstrap(text: str) -> None:
    assert parse_targets(text, "bookworm") == ()
    assert sources(apt(answer(text))) == ()


def test_a_host_is_asked() -> None:
    machine = apt(answer(BOOKWORM))
    assert sources(machine) == THREE
    assert machine.ran[0][:2] == ("apt-get", "indextargets")


def test_a_host_without_apt_and_one_whose_apt_fails() -> None:
    assert sources(FakeMachine()) == ()
    assert sources(apt(answer(BOOKWORM, status=100))) == ()


def test_a_lost_machine_is_not_a_machine_without_apt() -> None:
    machine = FakeMachine()
    machine.lose()
    with pytest.raises(MachineError):
        sources(machine)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="this host has no apt")
def test_this_host_s_apt_is_understood() -> None:
    """Nothing, or every source is a URI with one of the three suites."""
    for source in sources(LocalMachine()):
        assert "://" in source.uri or ":/" in source.uri
        assert source.suite in {"bookworm", "bookworm-updates", "bookworm-security"}
