"""A lab from a file, used as its user would, and gone without a trace."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from lab_user import User, labs_left
from leftovers import snapshot
from nestlab.image.store import Image

LAB = """\
name: seed
guests:
  - name: l1
    memory: 4GiB
    disk: 12GiB
    kernel: [nestlab.test=1]
    disks: [{size: 1GiB, name: volumes}, {size: 2GiB}]
    devices: [FOLDER/data.img]
    files:
      - {source: motd, target: /etc/motd, mode: "0640"}
    run:
      - uname -r >/root/first-boot
      - [touch, "/root/a b"]
    guests:
      - {name: l2, memory: 1GiB, disk: 8GiB}
"""


@pytest.fixture(scope="module")
def user(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose lab is up; afterwards nothing of it is left."""
    folder = tmp_path_factory.mktemp("user")
    user = User.in_folder(folder, LAB.replace("FOLDER", str(folder)))
    (user.folder / "data.img").write_bytes(b"given".ljust(1 << 20, b"\0"))
    (user.folder / "motd").write_text("welcome\n")
    before = snapshot()
    user.said("up")
    yield user
    user.said("down", "seed")
    assert snapshot() == before
    assert labs_left(user) == []


def test_status_shows_the_tree(user: User) -> None:
    machines = user.machines
    assert list(machines) == ["l1", "l1/l2"]
    assert {machine["state"] for machine in machines.values()} == {"running"}
    assert (machines["l1"]["memory"], machines["l1/l2"]["memory"]) == (4 << 30, 1 << 30)
    assert machines["l1/l2"]["accelerator"] == "kvm"


def test_the_guest_is_what_the_file_says(user: User) -> None:
    assert "nestlab.test=1" in user.said("exec", "l1", "--", "cat", "/proc/cmdline")
    size = user.said("exec", "l1", "--", "findmnt", "-bno", "SIZE", "/")
    assert int(size) > 11 << 30
    assert user.said("exec", "l1", "--", "stat", "-c", "%a", "/etc/motd") == "640\n"
    kernel = user.said("exec", "l1", "--", "uname", "-r")
    assert user.said("exec", "l1", "--", "cat", "/root/first-boot") == kernel
    user.said("exec", "l1", "--", "test", "-e", "/root/a b")


def test_disks_of_its_own_and_of_its_parent_have_names(user: User) -> None:
    by_id = "/dev/disk/by-id/virtio-"
    sizes = user.said(
        "exec", "l1", "--", "blockdev", "--getsize64", f"{by_id}volumes", f"{by_id}d1"
    )
    assert sizes.split() == [str(1 << 30), str(2 << 30)]
    user.said("exec", "l1", "--", "dd", "if=/dev/zero", f"of={by_id}volumes", "count=1")
    assert user.said("exec", "l1", "--", "head", "-c5", f"{by_id}dev0") == "given"
    refused = user.nestlab("exec", "l1", "--", "dd", "if=/dev/zero", f"of={by_id}dev0", "count=1")
    assert refused.returncode != 0
    assert (user.folder / "data.img").read_bytes()[:5] == b"given"


def test_streams_and_status_are_the_command_s_own(user: User) -> None:
    done = user.nestlab("exec", "seed:l1/l2", "--", "sh", "-c", "cat; echo no >&2; exit 3",
                        stdin=b"a\xff\n")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\xff\n", b"no\n")


def test_files_go_there_and_back(user: User) -> None:
    (user.folder / "tree").mkdir(exist_ok=True)
    (user.folder / "tree" / "a b").write_bytes(b"\0\xff")
    user.said("cp", "tree", "l1/l2:/root/")
    user.said("cp", "l1/l2:/root/tree", "back")
    assert (user.folder / "back" / "a b").read_bytes() == b"\0\xff"


def test_what_the_console_printed(user: User) -> None:
    assert "nestlab: ready" in user.said("logs", "l1/l2")


def test_openssh_enters_by_the_printed_configuration(user: User) -> None:
    config = user.folder / "ssh_config"
    config.write_text(user.said("ssh-config"))
    argv = ["ssh", "-F", str(config), "l1.l2.seed", "hostname"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert done.stdout == "l2\n"


def test_doctor_reaches_it_by_name(user: User) -> None:
    done = user.nestlab("doctor", "--json", "seed:l1")
    (found,) = json.loads(done.stdout)["targets"]
    assert (done.returncode, found["ready"], found["proved"]) == (0, True, True)
