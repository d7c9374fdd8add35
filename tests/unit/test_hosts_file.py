"""Our lines in /etc/hosts, written by a real shell: all others are the user's."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.local import LocalMachine
from nestlab.net.hosts import Hosts
from nestlab.net.hosts_file import digest, hosts_block, write_hosts_block

ONE: Hosts = (("10.97.0.10", ("l2.l1.seed", "l2")),)
TWO: Hosts = (*ONE, ("10.97.0.11", ("l3.l1.seed", "l3")))
BEGIN, *_, END = hosts_block(ONE).splitlines()


def write(file: Path, hosts: Hosts) -> bool:
    work = write_hosts_block(LocalMachine(), hosts, deadline=Deadline.after(20), file=str(file))
    return asyncio.run(work)


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_bytes(b"127.0.0.1 localhost\n# m\xff\n")
    file.chmod(0o640)
    assert write(file, ONE)
    assert file.read_bytes() == b"127.0.0.1 localhost\n# m\xff\n" + hosts_block(ONE).encode()
    with file.open("ab") as more:
        more.write(b"192.0.2.1 mine")  # without an end of line
    assert write(file, TWO)
    before, own, ours = b"127.0.0.1 localhost\n# m\xff\n", b"192.0.2.1 mine\n", hosts_block(TWO)
    assert file.read_bytes() == before + own + ours.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_second_time_nothing_changes(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    assert write(file, ONE)
    inode = file.stat().st_ino
    assert not write(file, ONE)
    assert file.stat().st_ino == inode
    assert file.read_text() == hosts_block(ONE)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "hosts").symlink_to("real")
    assert write(tmp_path / "hosts", ONE)
    assert (tmp_path / "hosts").is_symlink()
    assert (tmp_path / "real").read_text() == hosts_block(ONE)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from((BEGIN, END, "192.0.2.1 mine", "", "#")), max_size=8))
def test_no_mark_that_was_damaged_takes_the_user_s_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """What stands between a beginning and its end is ours, and nothing else is."""
    file = tmp_path_factory.mktemp("hosts") / "hosts"
    file.write_text("".join(f"{line}\n" for line in lines))
    write(file, ONE)
    found = file.read_text()
    assert found.endswith(hosts_block(ONE))
    assert (found.count(BEGIN), found.count(END)) == (1, 1)
    assert found.count("mine") == lines.count("192.0.2.1 mine") - _ours(lines, "192.0.2.1 mine")
    assert not write(file, ONE)


def _ours(lines: list[str], what: str) -> int:
    """How often a line stands between the last beginning before an end and that end."""
    count, start = 0, None
    for number, line in enumerate(lines):
        if line == BEGIN:
            start = number
        elif line == END and start is not None:
            count += lines[start : number + 1].count(what)
            start = None
    return count


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError) as caught:
        write(tmp_path / "file" / "hosts", ONE)
    assert caught.value.code == "guest.names-not-written"


def test_the_digest_tells_names_apart() -> None:
    assert digest(ONE) == digest(tuple(ONE)) != digest(TWO)
