"""The probe for machines without Python, under every shell that is here."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from nestlab.facts.model import Facts
from nestlab.facts.probe.main import collect

SOURCE = files("nestlab.facts").joinpath("probe.sh").read_text(encoding="ascii")
KNOWN = (["sh"], ["dash"], ["bash", "--posix"], ["busybox", "sh"], ["ksh"])
SHELLS = [argv for argv in KNOWN if shutil.which(argv[0])]


@pytest.fixture(params=SHELLS, ids="-".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    argv: list[str] = request.param
    return argv


def test_there_is_a_shell_to_try_it_with() -> None:
    assert ["sh"] in SHELLS


def told(shell: list[str], root: Path | None = None) -> Facts:
    """What the script prints; with `root` it looks there for /etc, /proc and /sys."""
    script = SOURCE
    for folder in ("etc", "proc", "sys", "dev/kvm") if root else ():
        script = script.replace(f"/{folder}", f"{root}/{folder}")
    done = subprocess.run([*shell, "-s"], input=script.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    return Facts.model_validate_json(done.stdout)


def plant(root: Path, tree: Mapping[str, str | bytes]) -> Path:
    for name, content in tree.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


STATUS = {"proc/self/status": "Name:\tawk\nCpus_allowed_list:\t0-2,8\n"}


def test_it_agrees_with_the_other_probe(shell: list[str]) -> None:
    found, other = told(shell), Facts.model_validate_json(json.dumps(collect()))
    assert (found.kernel, found.arch, found.os_release) == (
        other.kernel, other.arch, other.os_release,
    )  # fmt: skip
    assert found.cpu
    assert other.cpu
    assert found.cpu == other.cpu.model_copy(update={"vmx_flags": ()})
    assert (found.nested, found.dmi, found.cmdline) == (other.nested, other.dmi, other.cmdline)
    assert found.memory
    assert other.memory
    assert found.memory.total == other.memory.total


def test_it_ran_nothing_and_says_so(shell: list[str]) -> None:
    found = told(shell)
    assert found.kvm
    assert found.kvm.guest_ran is None
    assert found.kvm.problem
    missing = {name for name, value in found if value is None}
    assert missing <= set(found.unknown)
    assert found.unknown["routes"] == "needs python3"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ID=debian", "debian"),
        ('ID="debian"', "debian"),
        ("ID='debian'", "debian"),
        (r'ID="a\"b\\c"', r"a\"b\\c".replace(r"\"", '"').replace(r"\\", "\\")),
        ('ID=x"y', 'x"y'),
        ("ID=$(touch /tmp/x)`id`", "$(touch /tmp/x)`id`"),
        ("ID=%s%n\\n", "%s%n\\n"),
        ("ID=caf\u00e9\x01\t", "caf"),
    ],
)
def test_words_of_os_release(shell: list[str], tmp_path: Path, line: str, expected: str) -> None:
    text = f"NAME=x\n{line}\nVERSION_ID=1\nVERSION_ID=2\n"
    found = told(shell, plant(tmp_path, {"etc/os-release": text})).os_release
    assert found
    assert (found.id, found.version_id) == (expected, "1")


def test_bytes_of_os_release_that_are_no_text(shell: list[str], tmp_path: Path) -> None:
    found = told(shell, plant(tmp_path, {"etc/os-release": b"ID=\xff\xfede\0bian\n"}))
    assert found.os_release
    assert found.os_release.id == "debian"


def test_modules_and_parameters(shell: list[str], tmp_path: Path) -> None:
    found = told(
        shell,
        plant(
            tmp_path,
            {
                "proc/modules": "kvm_amd 1 3 - Live 0x0\nkvm 2 1 kvm_amd,[permanent], Live 0x0\n",
                "sys/module/kvm_amd/parameters/nested": "1\n",
                "proc/cmdline": "a=* kvm-amd.nested=0 root=x -- kvm.x=1\n",
            },
        ),
    )
    assert found.modules
    assert (found.modules["kvm"].state, found.modules["kvm"].users) == ("loaded", 1)
    assert found.modules["kvm"].used_by == ("kvm_amd",)
    assert found.modules["tun"].state is None
    assert found.nested == {"kvm_amd": "1"}
    assert found.cmdline == ("kvm-amd.nested=0",)


def test_processors(shell: list[str], tmp_path: Path) -> None:
    text = 'processor\t: 0\nvendor_id\t: A"B\nmodel name\t: C\\D: E\nflags\t: svm npt svm_lock\n'
    cpu = told(shell, plant(tmp_path, {"proc/cpuinfo": text, **STATUS})).cpu
    assert cpu
    assert (cpu.vendor, cpu.model, cpu.flags) == ('A"B', "C\\D: E", ("svm", "npt"))
    assert (cpu.online, cpu.usable) == (4, (0, 1, 2, 8))


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"\xff\xfe\n", b"processor"])
def test_files_that_make_no_sense(shell: list[str], tmp_path: Path, content: bytes) -> None:
    names = ("proc/cpuinfo", "proc/meminfo", "etc/os-release", "proc/modules", "proc/cmdline")
    found = told(shell, plant(tmp_path, {**dict.fromkeys(names, content), **STATUS}))
    assert (found.cpu, found.memory, found.os_release) == (None, None, None)
    assert {"cpu", "memory", "os_release"} <= set(found.unknown)
    assert found.kvm
    assert found.kvm.device == "absent"
