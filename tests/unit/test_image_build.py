"""Building an image: what becomes of every end that mmdebstrap and mkfs.ext4 have."""

import asyncio
from pathlib import Path

import pytest

from debootstrap_players import (
    AS_ROOT,
    SMALL,
    Played,
    attempts_of,
    builder,
    says,
    unpacks,
)
from nestlab.deadline import Deadline
from nestlab.errors import MachineError, NestlabError
from nestlab.image.build import ensure_image, mmdebstrap_argv
from nestlab.image.mirror import Source
from nestlab.image.recipe import debian_12
from nestlab.image.store import Image, ImageStore
from nestlab.machine.fake import FakeMachine, answer
from nestlab.machine.protocol import Completed

SOURCES = (Source("http://mirror.example.net/debian", "bookworm"),)
TARGETS = "Debian|http://mirror.example.net/debian|bookworm|main\n"
MISMATCH = """\
Get:1 http://mirror.example.net/debian bookworm/main amd64 fio amd64 3.33-3 [500 kB]
Err:1 http://mirror.example.net/debian bookworm/main amd64 fio amd64 3.33-3
  File has unexpected size (9 != 10). Mirror sync in progress? [IP: 192.0.2.1 80]
E: Failed to fetch http://mirror.example.net/debian/pool/f/fio.deb  Hash Sum mismatch
E: apt-get failed
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ensure(
    machine: FakeMachine, folder: Path, told: list[str] | None = None, *, space: int = 1
) -> Image:
    return asyncio.run(
        ensure_image(
            ImageStore(folder / "images"),
            SMALL,
            machine,
            report=(told if told is not None else []).append,
            deadline=Deadline.after(10),
            space=space,
            pause=0.001,
        )
    )


def failure(machine: FakeMachine, folder: Path, *, space: int = 1) -> NestlabError:
    """The error; whatever it is, it has a remedy and nothing is left of the attempt."""
    with pytest.raises(NestlabError) as caught:
        ensure(machine, folder, space=space)
    assert caught.value.hint
    assert caught.value.where
    assert "l0, while building the image" in caught.value.where
    assert names(folder / "images") == [".lock"]
    return caught.value


def test_it_is_built_once(tmp_path: Path) -> None:
    machine, told = builder(), list[str]()
    image = ensure(machine, tmp_path, told)
    assert told == ["unpacking Debian packages", "making the disk", "computing checksums"]
    assert image.manifest.packages == {"fio": "3.33-3", "sysbench": "1.0.20+ds-5"}
    assert image.manifest.kernel == "6.1.0-2-cloud-amd64"
    assert image.kernel
    assert image.kernel.read_bytes() == b"a kernel"
    assert image.disk.stat().st_size == SMALL.size
    assert image.disk.stat().st_mode & 0o777 == 0o444
    assert names(tmp_path / "images") == [".lock", SMALL.slug]
    assert names(tmp_path) == ["images"]
    assert ensure(machine, tmp_path, told) == image
    assert attempts_of(machine) == 1
    assert len(told) == 3


def test_a_mirror_that_is_being_updated_is_tried_again(tmp_path: Path) -> None:
    def half_way(staging: Path) -> Completed:
        (staging / "tree.tar").write_bytes(b"half a tree")
        return says(MISMATCH)(staging)

    def whole(staging: Path) -> Completed:
        assert not (staging / "tree.tar").exists()
        return unpacks(staging)

    machine, told = builder(half_way, says(MISMATCH), whole), list[str]()
    ensure(machine, tmp_path, told)
    assert attempts_of(machine) == 3
    assert [line for line in told if "attempt" in line] == [
        "the mirror is being updated, attempt 2 of 3 follows",
        "the mirror is being updated, attempt 3 of 3 follows",
    ]


def test_and_is_named_when_it_goes_on(tmp_path: Path) -> None:
    machine = builder(says(MISMATCH))
    machine.programs["apt-get"] = lambda _argv, _stdin: answer(TARGETS)
    error = failure(machine, tmp_path)
    assert error.code == "image.mirror-syncing"
    assert "http://mirror.example.net/debian" in error.message
    assert "E: apt-get failed" in error.notes
    assert attempts_of(machine) == 3
    assert "deb http://mirror.example.net/debian bookworm main" in machine.ran[-1]


def test_without_sources_of_the_host_it_is_the_default_mirror_that_is_named(tmp_path: Path) -> None:
    assert "Debian's default mirror" in failure(builder(says(MISMATCH)), tmp_path).message


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ("E: cannot write: No space left on device", "image.disk-full", "NESTLAB_HOME"),
        *(
            (f"Err:1 http://mirror.example.net x InRelease\n  {words}\n", code, "apt-get update")
            for code in ("image.mirror-unreachable",)
            for words in (
                "Temporary failure resolving 'mirror.example.net'",
                "Could not resolve 'mirror.example.net'",
                "Could not connect to mirror.example.net:80 (192.0.2.1), connection timed out",
                "Cannot initiate the connection to x:80. - connect (101: Network is unreachable)",
            )
        ),
        (
            "env: 'mmdebstrap': No such file or directory",
            "image.no-mmdebstrap",
            "sudo apt-get install mmdebstrap",
        ),
        (
            "E: newuidmap failed: Operation not permitted",
            "image.no-user-namespaces",
            "/etc/subuid",
        ),
        ("unshare: unshare failed: Operation not permitted", "image.no-user-namespaces", "as root"),
        *(
            (f"E: {words}", "image.foreign-architecture", "qemu-user-static arch-test")
            for words in (
                "install arch-test for foreign architecture support",
                "arm64 can neither be executed natively nor via qemu user emulation",
            )
        ),
    ],
)
def test_what_the_words_of_mmdebstrap_mean(
    tmp_path: Path, words: str, code: str, hint: str
) -> None:
    machine = builder(says(words, status=127 if "No such" in words else 1))
    error = failure(machine, tmp_path)
    assert error.code == code
    assert hint in (error.hint or "")
    assert error.exit_status == 3
    assert attempts_of(machine) == 1


def test_words_that_nobody_knows_are_quoted(tmp_path: Path) -> None:
    error = failure(builder(says("I: fine\nE: a hook failed\n", status=25)), tmp_path)
    assert isinstance(error, MachineError)
    assert error.code == "image.build-failed"
    assert "status 25" in error.message
    assert error.notes == ("E: a hook failed",)


@pytest.mark.parametrize(
    ("disk", "code"),
    [
        (says("sh: 7: mkfs.ext4: not found", 127), "image.no-mkfs-ext4"),
        (says("tar: tree/x: Cannot write: No space left on device", 2), "image.disk-full"),
        (says("mkfs.ext4: something else", 1), "image.build-failed"),
    ],
)
def test_making_the_disk_can_fail_too(tmp_path: Path, disk: Played, code: str) -> None:
    error = failure(builder(disk=disk), tmp_path)
    assert error.code == code
    if code == "image.no-mkfs-ext4":
        assert "install e2fsprogs" in (error.hint or "")


def test_a_machine_without_the_first_program(tmp_path: Path) -> None:
    machine = builder()
    first = "sh" if AS_ROOT else "env"
    del machine.programs[first]
    error = failure(machine, tmp_path)
    assert error.code == f"image.no-{first}"


def test_too_little_space_is_said_before_anything_is_started(tmp_path: Path) -> None:
    machine = builder()
    error = failure(machine, tmp_path, space=1 << 60)
    assert error.code == "image.disk-full"
    assert "needs 1048576.0 TiB" in error.message
    assert machine.ran == []


async def forever(_argv: tuple[str, ...], _stdin: bytes) -> Completed:
    await asyncio.sleep(60)
    return answer()


def late(machine: FakeMachine, folder: Path, *, seconds: float, pause: float) -> NestlabError:
    """The error of a build whose deadline comes soon."""
    work = ensure_image(
        ImageStore(folder / "images"),
        SMALL,
        machine,
        report=lambda _: None,
        deadline=Deadline.after(seconds),
        space=1,
        pause=pause,
    )
    with pytest.raises(NestlabError) as caught:
        asyncio.run(work)
    assert machine.running == []
    assert names(folder / "images") == [".lock"]
    return caught.value


def test_the_deadline_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    machine = FakeMachine(programs=dict.fromkeys(("sh", "env"), forever))
    error = late(machine, tmp_path, seconds=0.05, pause=0.001)
    assert error.code == "machine.deadline"
    assert error.log is None  # nobody said anything


class SlowMirror(FakeMachine):
    """mmdebstrap meets a mirror that is being updated, and hangs when it is tried again."""

    def __init__(self) -> None:
        super().__init__(programs=dict.fromkeys(("sh", "env"), self._play))

    async def _play(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        if attempts_of(self) > 1:
            return await forever(argv, stdin)
        return answer(status=1, stderr=MISMATCH)


def test_a_second_attempt_that_reaches_the_deadline_is_the_mirror_s_fault(tmp_path: Path) -> None:
    machine = SlowMirror()
    error = late(machine, tmp_path, seconds=0.3, pause=0.001)
    assert error.code == "image.mirror-syncing"
    assert attempts_of(machine) == 2
    assert isinstance(error.__cause__, MachineError)
    assert error.__cause__.code == "machine.deadline"


def test_a_pause_beyond_the_deadline_is_not_waited_for(tmp_path: Path) -> None:
    machine = SlowMirror()
    assert late(machine, tmp_path, seconds=50, pause=60).code == "image.mirror-syncing"
    assert attempts_of(machine) == 1


def test_what_the_programs_said_is_kept_when_it_fails(tmp_path: Path) -> None:
    words = "I: a lot before\n" * 100
    error = failure(builder(says(MISMATCH), says(f"{words}E: a hook failed\n")), tmp_path)
    log = tmp_path / "logs" / f"build-{SMALL.slug}.log"
    assert error.log == str(log)
    text = log.read_text()
    assert MISMATCH in text  # of the first attempt
    assert text.endswith(f"{words}E: a hook failed\n")
    assert text.startswith("$ sh" if AS_ROOT else "$ env")
    # the next failure replaces it
    assert failure(builder(disk=says("mkfs.ext4: bad", 1)), tmp_path).log == str(log)
    assert MISMATCH not in log.read_text()
    assert "mkfs.ext4: bad" in log.read_text()
    assert names(log.parent) == [log.name]


def test_a_log_that_cannot_be_kept_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    error = failure(builder(says("E: a hook failed\n")), tmp_path)
    assert error.code == "image.build-failed"
    assert error.log is None


def test_root_works_in_a_namespace_of_its_own_and_others_in_mmdebstrap_s() -> None:
    argv = mmdebstrap_argv(debian_12(), SOURCES, folder=Path("/cache/a b"), root=True)
    namespace = argv[: argv.index("env")]
    assert (namespace[:2], namespace[3]) == (("sh", "-c"), "sh")
    assert "setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child" in namespace[2]
    assert {"--mode=root", "TMPDIR=/cache/a b", "-C", "/cache/a b"} <= set(argv)
    assert argv[-3:] == ("bookworm", "tree.tar", SOURCES[0].line)
    other = mmdebstrap_argv(debian_12(), SOURCES, folder=Path("/cache/a b"), root=False)
    assert other[0] == "env"
    assert "--mode=unshare" in other
    assert not any(word.startswith("TMPDIR=") for word in other)
    assert f"--include={','.join(debian_12().packages)}" in other
