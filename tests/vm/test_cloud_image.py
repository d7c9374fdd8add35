"""A cloud image from a web server to a login: imported, seeded with NoCloud, grown, addressed."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from cloud_image import cloud_image
from image_server import image_server
from loop import Loop
from nestlab.deadline import Deadline
from nestlab.home import Home, make_folder
from nestlab.hypervisor.plan import GuestPlan, ScratchDisk, base_image
from nestlab.hypervisor.promote import promote
from nestlab.hypervisor.protocol import Guest, Hypervisor, Login, Order
from nestlab.hypervisor.qemu.files import Files
from nestlab.hypervisor.qemu.process import end
from nestlab.image.resolve import resolve
from nestlab.image.seed import Seed
from nestlab.image.store import Image, ImageStore
from nestlab.lab.build.disk import fill_disk
from nestlab.lab.record.keys import lab_key, make_key
from nestlab.machine.local import LocalMachine
from nestlab.net.subnet import GuestNetwork
from nestlab.units import GIB, MIB

NETWORK = GuestNetwork(IPv4Network("10.111.7.0/24"))
LAB = f"cloudtest{os.getpid()}"
MACHINE_ID = "0123456789abcdef" * 2
DISK = 4 * GIB


@pytest.fixture(scope="module")
def cached() -> Path:
    """The disk as somebody would publish it."""
    return cloud_image(make_folder(Home.from_environment().cache))


@pytest.fixture(scope="module")
def image(cached: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The same after `nestlab image import URL`, cut once on the way."""
    home = tmp_path_factory.mktemp("nestlab")
    data = cached.read_bytes()
    with image_server() as server:
        url = server.put("debian-test.qcow2", data, cut=len(data) // 2, cuts=1)
        digest = hashlib.sha256(data).hexdigest()
        done = subprocess.run(
            (
                *(sys.executable, "-m", "nestlab", "image", "import", url),
                *("--sha256", digest, "--user", "debian"),
            ),
            env={**os.environ, "NESTLAB_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "continuing" in done.stderr
    store = ImageStore(Home.from_environment({"NESTLAB_HOME": str(home)}).images)
    return resolve(store, "debian-test", "x86_64")


@dataclass
class Up:
    """The guest, and what it was told."""

    loop: Loop
    host: Hypervisor
    guest: Guest
    host_key: str
    stages: list[str]

    def run(self, *argv: str) -> str:
        done = self.loop.run(self.guest.machine.run(argv, deadline=Deadline.after(60)))
        assert done.ok, done.error_text
        return done.text.strip()


@pytest.fixture(scope="module")
def up(loop: Loop, image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("guest")
    stages: list[str] = []
    host_key = make_key("host")
    client, client_file = lab_key(folder, "client")

    async def boot() -> tuple[Hypervisor, Guest]:
        host = await promote(LocalMachine(), "tcg", ours=False, deadline=Deadline.after(60))
        plan = GuestPlan(
            lab=LAB,
            path="c1",
            arch="x86_64",
            accelerator=host.accelerator,
            vcpus=2,
            memory=1024 * MIB,
            image=base_image(image),
            network=NETWORK,
            folder=str(folder / "c1"),
            sockets=str(tmp_path_factory.mktemp("s")),
            disk=DISK,
            handed=(base_image(image),),
            disks=(ScratchDisk(1 * GIB, "volumes"), ScratchDisk(1 * GIB)),
            devices=(str(image.folder / "image.json"),),
        )
        seed = Seed(
            hostname=plan.hostname,
            machine_id=MACHINE_ID,
            host_key=host_key.private,
            host_key_public=host_key.public,
            authorized_key=client.public,
            network=NETWORK,
        )
        order = Order(
            plan=plan,
            seed=seed,
            login=Login("root", client_file, host_key.public),
            evidence=folder / "evidence",
            stage=stages.append,
            deadline=Deadline.after(480),
            kept=lambda: True,
        )
        async with host.boot(order) as booted:
            pid, port = booted.pid, booted.ssh_port
        # as another nestlab finds it: the monitor takes one client at a time
        return host, await host.adopt(order, pid, port)

    try:
        up = Up(loop, *loop.run(boot()), host_key.public, stages)
        yield up
        loop.run(up.guest.machine.close())
        console = Path(Files(up.guest.plan).console_log).read_text("utf-8", "replace")
    finally:
        deadline = Deadline.after(60)
        loop.run(end(LocalMachine(), f"nestlab-{LAB}-c1", patience=3, deadline=deadline))
    assert "nestlab: ready" in console, "it was not the ready line that let us in"


def test_it_is_entered_with_the_keys_that_it_was_given(up: Up) -> None:
    assert (
        up.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2] == (up.host_key.split()[:2])
    )
    assert up.run("id", "-un") == "root"
    assert up.guest.machine.path == "c1"


def test_the_image_s_own_user_can_log_in_too(up: Up) -> None:
    keys = up.run("sh", "-c", "cat ~debian/.ssh/authorized_keys")
    assert "client" in keys
    assert up.run("sudo", "-u", "debian", "sudo", "-n", "id", "-un") == "root"


def test_it_has_its_name_and_its_address(up: Up) -> None:
    assert up.run("hostname") == "c1"
    addresses = up.run("ip", "-o", "-4", "address", "show", "dev", "eth0")
    assert f" {NETWORK.guest} " in addresses
    assert f"default via {NETWORK.gateway} dev eth0" in up.run("ip", "route")


def test_its_root_fills_the_disk(up: Up) -> None:
    size = int(up.run("df", "--output=size", "-B1", "/").split()[-1])
    assert size > 3 * GIB


def test_its_disks_have_names(up: Up) -> None:
    for name in ("virtio-volumes", "virtio-d1", "virtio-dev0"):
        assert up.run("readlink", "-f", f"/dev/disk/by-id/{name}").startswith("/dev/vd")
    assert up.run("blockdev", "--getsize64", "/dev/disk/by-id/virtio-volumes") == str(GIB)
    assert up.run("blockdev", "--getro", "/dev/disk/by-id/virtio-dev0") == "1"


def test_it_was_handed_its_own_image(up: Up, image: Image) -> None:
    with image.disk.open("rb") as file:
        head = file.read(4 * MIB)
    digest = up.run(
        "sh", "-c", f"head -c {len(head)} /dev/disk/by-id/virtio-base0 | sha256sum"
    ).split()[0]
    assert digest == hashlib.sha256(head).hexdigest()
    assert (
        int(up.run("blockdev", "--getsize64", "/dev/disk/by-id/virtio-base0"))
        >= image.manifest.disk_size
    )


def test_cloud_init_has_no_complaint(up: Up) -> None:
    up.run("sh", "-c", "cloud-init status --wait; true")
    result = json.loads(up.run("cat", "/run/cloud-init/result.json"))["v1"]
    assert result["errors"] == [], up.run(
        "grep", "-E", "WARN|Traceback|Error", "/var/log/cloud-init.log"
    )
    assert "NoCloud" in result["datasource"]
    assert MACHINE_ID in up.run("cat", "/var/lib/cloud/data/instance-id")


def test_its_root_grows_while_it_runs(up: Up) -> None:
    """Disk, partition, file system."""
    larger = dataclasses.replace(up.guest.plan, disk=DISK + 2 * GIB)
    deadline = Deadline.after(120)
    up.loop.run(up.host.grow(larger, up.guest.pid, deadline=deadline))
    up.loop.run(fill_disk(larger, up.guest.machine, deadline=deadline))
    assert int(up.run("df", "--output=size", "-B1", "/").split()[-1]) > 5 * GIB
    # a second time there is nothing to do, and a smaller plan takes nothing away
    up.loop.run(fill_disk(larger, up.guest.machine, deadline=deadline))
    up.loop.run(up.host.grow(up.guest.plan, up.guest.pid, deadline=deadline))
    assert int(up.run("blockdev", "--getsize64", "/dev/vda")) == DISK + 2 * GIB
