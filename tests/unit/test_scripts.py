"""What the shell scripts decide, with stubs in the place of what they would install."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

OS_RELEASES = {
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    "ubuntu": 'PRETTY_NAME="Ubuntu 24.04 LTS"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
    "mint": 'PRETTY_NAME="Linux Mint 22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "fedora": 'PRETTY_NAME="Fedora Linux 42"\nID=fedora\nVERSION_ID=42\n',
    "nobara": 'PRETTY_NAME="Nobara 41"\nID=nobara\nID_LIKE="rhel centos fedora"\n',
    "tumbleweed": 'PRETTY_NAME="openSUSE Tumbleweed"\nID="opensuse-tumbleweed"\n'
    'ID_LIKE="opensuse suse"\nVERSION_ID="20250601"\n',
    "leap": 'PRETTY_NAME="openSUSE Leap 15.6"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\n'
    'VERSION_ID="15.6"\n',
    "arch": 'PRETTY_NAME="Arch Linux"\nID=arch\n',
    "manjaro": 'PRETTY_NAME="Manjaro Linux"\nID=manjaro\nID_LIKE=arch\n',
    "rocky": 'PRETTY_NAME="Rocky Linux 9.4"\nID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "alpine": 'PRETTY_NAME="Alpine Linux v3.20"\nID=alpine\n',
}
PROGRAMS = (
    *("qemu-system-x86_64", "qemu-img", "mmdebstrap", "mkfs.ext4", "fio", "sysbench", "ssh"),
    *("sshd", "flock", "ip", "ps", "python3", "git", "shellcheck", "newuidmap"),
)
DEBIAN_PACKAGES = (
    *("qemu-system-x86", "qemu-utils", "mmdebstrap", "gpg", "debian-archive-keyring", "e2fsprogs"),
    *("fio", "sysbench", "openssh-client", "openssh-server", "util-linux", "iproute2", "procps"),
    *("ca-certificates", "python3", "python3-venv", "git", "shellcheck"),
)
FEDORA_COMMAND = (
    "dnf install qemu-system-x86-core qemu-img mmdebstrap apt debian-keyring e2fsprogs fio "
    "sysbench openssh-clients openssh-server util-linux iproute procps-ng python3 git ShellCheck"
)
SUSE_COMMAND = (
    "zypper install qemu-x86 qemu-tools e2fsprogs fio sysbench openssh-clients openssh-server "
    "util-linux iproute2 procps git ShellCheck"
)
ARCH_PACKAGES = (
    "qemu-system-x86 qemu-img e2fsprogs fio sysbench openssh util-linux iproute2 procps-ng "
    "python git shellcheck"
)


@dataclass
class Host:
    """A made-up host: a checkout, what is installed, and a log of the programs started."""

    root: Path
    programs: Path
    overrides: Path
    log: Path
    packages: Path
    os_release: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "nestlab-setup.done"

    def is_a(self, distribution: str) -> None:
        self.os_release.write_text(OS_RELEASES[distribution])

    def has(self, *programs: str) -> None:
        for name in programs:
            write_script(self.programs / name, "exit 0")

    def has_packages(self, *packages: str, status: str = "installed") -> None:
        with self.packages.open("a") as file:
            file.writelines(f"{package} {status}\n" for package in packages)

    def override(self, program: str, script: str) -> None:
        """Put a script before the real program, for the scripts under test."""
        write_script(self.overrides / program, script)

    def has_uv(self, script: str = "exit 0") -> None:
        """Have a uv that makes real but empty environments, and runs a script to fill them."""
        write_script(
            self.programs / "uv",
            f"""echo "uv $*" >>{quoted(self.log)}
            for last; do :; done
            case "$1" in
                venv) exec {quoted(Path(sys.executable))} -m venv --without-pip "$last" ;;
                *) {script} ;;
            esac""",
        )

    def is_complete(self) -> None:
        """Lack nothing but the environment."""
        self.is_a("fedora")
        self.has(*PROGRAMS)
        self.has_uv()

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.overrides}:{os.environ['PATH']}",
            "NESTLAB_OS_RELEASE": str(self.os_release),
            "NESTLAB_PROGRAM_PATH": str(self.programs),
        }

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / script), *arguments],
            env=self.environment,
            cwd="/",
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def plan(self) -> tuple[int, dict[str, str]]:
        done = self.run("scripts/setup", "--plan")
        assert done.stderr == ""
        fields = dict(line.split(": ", 1) for line in done.stdout.splitlines())
        return done.returncode, fields


@pytest.fixture
def host(checkout: Path, tmp_path: Path) -> Host:
    root = tmp_path / "a checkout"
    shutil.copytree(checkout / "scripts", root / "scripts")
    shutil.copytree(checkout / ".ci", root / ".ci")
    (root / "requirements.lock").write_text("uv==0.0 \\\n    --hash=sha256:00\n")
    (root / "pyproject.toml").write_text("[project]\n")
    made = Host(
        root=root,
        programs=tmp_path / "programs",
        overrides=tmp_path / "overrides",
        log=tmp_path / "log",
        packages=tmp_path / "packages",
        os_release=tmp_path / "os-release",
    )
    made.programs.mkdir()
    made.overrides.mkdir()
    made.packages.touch()
    made.override("id", "echo 0")
    made.override("sleep", "exit 0")
    made.override("dpkg-query", f"cat {quoted(made.packages)}")
    made.override("apt-get", f'echo "apt-get $*" >>{quoted(made.log)}')
    # For any service manager or installer that a stub forgot: never the host's own.
    made.override("sudo", f'echo "sudo $*" >>{quoted(made.log)}; exec "$@"')
    return made


def quoted(path: Path) -> str:
    return shlex.quote(str(path))


def write_script(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def is_error(text: str, code: str) -> re.Match[str]:
    """Take an error in the shape that all of nestlab's have apart."""
    shape = rf"error\[{re.escape(code)}\]: (?P<what>.+)\n  where: .+\nhint: (?P<hint>.+)\n\Z"
    found = re.search(shape, text)
    assert found, text
    return found


# --- which distribution, and what it lacks ---


@pytest.mark.parametrize(
    ("distribution", "family", "command"),
    [
        ("fedora", "fedora", FEDORA_COMMAND),
        ("nobara", "fedora", FEDORA_COMMAND),
        ("tumbleweed", "suse", f"{SUSE_COMMAND} python3"),
        ("leap", "suse", f"{SUSE_COMMAND} python311"),
        ("arch", "arch", f"pacman -S --needed {ARCH_PACKAGES}"),
        ("manjaro", "arch", f"pacman -S --needed {ARCH_PACKAGES}"),
    ],
)
def test_a_bare_host_is_given_one_command(
    host: Host, distribution: str, family: str, command: str
) -> None:
    host.is_a(distribution)
    status, plan = host.plan()
    assert status == 3
    assert plan["family"] == family
    assert plan["command"] == command

    done = host.run("scripts/setup")
    assert done.returncode == 3
    assert done.stdout == ""
    assert is_error(done.stderr, "setup.packages")["hint"] == f"run `{command}`, then this again"
    assert not host.venv.exists()


def test_the_command_names_only_what_is_missing(host: Host) -> None:
    host.is_a("fedora")
    host.has(*(set(PROGRAMS) - {"fio", "sshd"}))
    assert host.plan()[1]["command"] == "dnf install fio openssh-server"


def test_a_user_is_told_to_use_sudo_and_needs_the_id_maps(host: Host) -> None:
    host.override("id", "echo 1000")
    host.is_a("fedora")
    host.has(*(set(PROGRAMS) - {"fio", "newuidmap"}))
    assert host.plan()[1]["command"] == "sudo dnf install fio shadow-utils"


@pytest.mark.parametrize("distribution", ["fedora", "leap", "arch", "rocky", "alpine"])
def test_a_host_with_every_program_goes_on(host: Host, distribution: str) -> None:
    host.is_a(distribution)
    host.has(*PROGRAMS)
    status, plan = host.plan()
    assert status == 0
    assert plan["missing"] == ""
    assert plan["environment"] == "create"


@pytest.mark.parametrize("distribution", ["tumbleweed", "arch"])
def test_what_no_command_brings_does_not_stop_the_set_up(host: Host, distribution: str) -> None:
    host.is_a(distribution)
    host.has(*(set(PROGRAMS) - {"mmdebstrap"}))
    host.has_uv()
    assert host.plan()[0] == 0
    done = host.run("scripts/setup")
    assert done.returncode == 0, done.stderr
    assert "note: mmdebstrap is missing" in done.stderr
    assert host.stamp.exists()


def test_on_arch_a_helper_brings_mmdebstrap(host: Host) -> None:
    host.is_a("arch")
    host.has(*(set(PROGRAMS) - {"mmdebstrap", "fio"}), "yay")
    status, plan = host.plan()
    assert status == 3
    assert plan["command"] == "yay -S --needed fio mmdebstrap apt debian-archive-keyring"


@pytest.mark.parametrize("distribution", ["alpine", "rocky"])
def test_an_unknown_distribution_is_told_the_programs(host: Host, distribution: str) -> None:
    host.is_a(distribution)
    host.has(*(set(PROGRAMS) - {"qemu-img", "ssh"}))
    done = host.run("scripts/setup")
    assert done.returncode == 3
    assert is_error(done.stderr, "setup.packages")["what"].endswith(": qemu-img ssh")


def test_an_old_python_does_not_count(host: Host) -> None:
    host.is_a("fedora")
    host.has(*(set(PROGRAMS)))
    write_script(host.programs / "python3", "exit 1")
    assert host.plan()[1]["missing"] == "python3"
    host.has_uv()
    assert host.plan()[1]["missing"] == ""


def test_unknown_arguments_are_a_usage_error(host: Host) -> None:
    done = host.run("scripts/setup", "--pln")
    assert done.returncode == 2
    assert done.stderr.startswith("error[setup.usage]: unknown arguments: --pln\nhint: ")


# --- Debian and Ubuntu ---


@pytest.mark.parametrize("distribution", ["debian", "ubuntu", "mint"])
def test_on_debian_only_the_missing_are_installed(host: Host, distribution: str) -> None:
    host.is_a(distribution)
    host.has_packages(*(set(DEBIAN_PACKAGES) - {"fio", "git"}))
    host.has_packages("fio", status="config-files")
    host.has_uv()
    assert host.plan() == (
        0,
        {
            "family": "debian",
            "missing": "fio git",
            "unpackaged": "",
            "command": "apt-get install -y --no-install-recommends fio git",
            "environment": "create",
        },
    )
    host.override(
        "apt-get",
        f"""echo "apt-get $*" >>{quoted(host.log)}
        case "$*" in *install*) printf '%s installed\\n' fio git >>{quoted(host.packages)} ;; esac
        echo 'Reading package lists...'""",
    )
    done = host.run("scripts/setup")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    update, install = [call for call in host.calls() if call.startswith("apt-get")]
    assert update.endswith(" update")
    assert " --no-install-recommends " in install
    assert install.endswith(" install fio git")


def test_on_debian_nothing_is_asked_of_apt_when_nothing_is_missing(host: Host) -> None:
    host.is_a("debian")
    host.has_packages(*DEBIAN_PACKAGES)
    host.has_uv()
    done = host.run("scripts/setup")
    assert done.returncode == 0, done.stderr
    assert [call.split()[0] for call in host.calls()] == ["uv", "uv", "uv"]


LIBVIRT = "libvirt-daemon-system libvirt-clients libxml2-utils dnsmasq-base"


@pytest.mark.parametrize(
    ("distribution", "missing"),
    [("debian", f"chromium libatomic1 {LIBVIRT}"), ("ubuntu", LIBVIRT)],
)
def test_only_the_tests_need_a_browser_and_libvirt(
    host: Host, distribution: str, missing: str
) -> None:
    host.is_a(distribution)
    host.has_packages(*DEBIAN_PACKAGES)
    host.has_uv()
    assert host.plan()[1]["missing"] == ""
    planned = host.run("scripts/setup", "--tests", "--plan").stdout.splitlines()
    assert f"missing: {missing}" in planned


def test_the_tests_set_themselves_up_with_it(host: Host) -> None:
    write_script(host.root / "scripts" / "setup", f'echo "setup $*" >>{quoted(host.log)}; exit 3')
    assert host.run("scripts/test").returncode == 3
    assert host.run("scripts/demo").returncode == 3
    assert host.calls() == ["setup --tests", "setup "]


def test_apt_is_tried_twice_and_then_named(host: Host) -> None:
    host.is_a("debian")
    host.has_packages(*(set(DEBIAN_PACKAGES) - {"fio"}))
    host.override("apt-get", f'echo "apt-get $*" >>{quoted(host.log)}; exit 100')
    done = host.run("scripts/setup")
    assert done.returncode == 3
    assert "fio" in is_error(done.stderr, "setup.apt")["what"]
    assert [call.rsplit(maxsplit=1)[1] for call in host.calls()] == ["update", "fio"] * 2
    assert not host.venv.exists()


def test_apt_that_installs_nothing_is_not_believed(host: Host) -> None:
    host.is_a("debian")
    host.has_packages(*(set(DEBIAN_PACKAGES) - {"fio"}))
    done = host.run("scripts/setup")
    assert done.returncode == 3
    assert "not installed: fio" in is_error(done.stderr, "setup.apt")["what"]


def test_a_user_on_debian_installs_with_sudo(host: Host) -> None:
    host.override("id", "echo 1000")
    host.is_a("debian")
    host.has_packages(*DEBIAN_PACKAGES)
    done = host.run("scripts/setup")
    assert done.returncode == 3, "the stub installs nothing"
    installs = [call for call in host.calls() if "install" in call]
    assert installs[0].startswith("sudo env DEBIAN_FRONTEND=noninteractive ")
    assert host.calls()[-1].endswith(" install uidmap fakeroot")


def test_a_user_whom_sudo_refuses_is_told_what_root_must_run(host: Host) -> None:
    host.override("id", "echo 1000")
    host.override("sudo", "exit 1")
    host.is_a("debian")
    host.has_packages(*DEBIAN_PACKAGES)
    done = host.run("scripts/setup")
    assert done.returncode == 3
    hint = is_error(done.stderr, "setup.no-sudo")["hint"]
    assert hint.startswith(
        "run as root `apt-get install -y --no-install-recommends uidmap fakeroot`"
    )


def test_a_user_without_sudo_is_told_what_root_must_run(host: Host) -> None:
    host.override("id", "echo 1000")
    host.is_a("debian")
    host.has_packages(*DEBIAN_PACKAGES)
    (host.overrides / "sudo").unlink()
    bare = host.overrides.parent / "bare"
    bare.mkdir()
    for name in ("sh", "readlink", "dirname", "id", "sed", "tr", "cat", "rm", "flock"):
        real = shutil.which(name)
        assert real
        (bare / name).symlink_to(real)
    done = subprocess.run(
        [str(host.root / "scripts/setup")],
        env={**host.environment, "PATH": f"{host.overrides}:{bare}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    hint = is_error(done.stderr, "setup.no-sudo")["hint"]
    assert hint.startswith(
        "run as root `apt-get install -y --no-install-recommends uidmap fakeroot`"
    )


# --- the environment ---


def test_the_second_time_nothing_is_done(host: Host) -> None:
    host.is_complete()
    first = host.run("scripts/setup")
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    calls = host.calls()
    assert any("--require-hashes -r" in call for call in calls)
    assert calls[-1].endswith(f"--no-build-isolation --no-deps -e {host.root}")

    second = host.run("scripts/setup")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert host.calls() == calls
    assert host.plan()[1]["environment"] == "ready"


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_new_requirements_update_the_environment(host: Host, name: str) -> None:
    host.is_complete()
    host.run("scripts/setup")
    (host.root / name).write_text("changed\n")
    assert host.plan()[1]["environment"] == "update"
    host.log.unlink()
    assert host.run("scripts/setup").returncode == 0
    assert [call.split()[1] for call in host.calls()] == ["pip", "pip"]
    assert host.plan()[1]["environment"] == "ready"


def test_a_failed_set_up_leaves_no_stamp_and_is_begun_anew(host: Host) -> None:
    host.is_complete()
    host.has_uv("echo no network >&2; exit 2")
    done = host.run("scripts/setup")
    assert done.returncode == 3
    assert "no network" in done.stderr
    is_error(done.stderr, "setup.environment")
    assert not host.stamp.exists()
    (host.venv / "half").touch()

    host.has_uv()
    assert host.plan()[1]["environment"] == "rebuild"
    assert host.run("scripts/setup").returncode == 0
    assert host.stamp.exists()
    assert not (host.venv / "half").exists()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_interrupted_update_leaves_no_stamp(host: Host, number: int, status: int) -> None:
    host.is_complete()
    host.run("scripts/setup")
    (host.root / "requirements.lock").write_text("changed\n")
    started = host.root / "started"
    host.has_uv(f"touch {quoted(started)}; exec tail -f /dev/null")
    with subprocess.Popen(
        [str(host.root / "scripts/setup")],
        env=host.environment,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(started)
        os.killpg(process.pid, number)
        assert process.wait(timeout=30) == status
    assert not host.stamp.exists()
    assert host.plan()[1]["environment"] == "rebuild"


def test_an_environment_that_was_moved_is_made_anew(host: Host) -> None:
    host.is_complete()
    host.run("scripts/setup")
    host.root = host.root.rename(host.root.with_name("moved"))
    assert host.plan()[1]["environment"] == "rebuild"
    assert host.run("scripts/setup").returncode == 0
    assert host.plan()[1]["environment"] == "ready"


def test_an_environment_without_its_python_is_made_anew(host: Host) -> None:
    host.is_complete()
    host.run("scripts/setup")
    (host.venv / "bin" / "python").unlink()
    assert host.plan()[1]["environment"] == "rebuild"


def test_an_environment_that_somebody_made_is_filled(host: Host) -> None:
    host.is_complete()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(host.venv)], check=True)
    (host.venv / "theirs").touch()
    assert host.plan()[1]["environment"] == "update"
    assert host.run("scripts/setup").returncode == 0
    assert (host.venv / "theirs").exists()


def test_two_at_once_make_one_environment(host: Host) -> None:
    host.is_complete()
    started, go_on = host.root / "started", host.root / "go on"
    host.has_uv(f"touch {quoted(started)}; until [ -e {quoted(go_on)} ]; do env sleep 0.02; done")
    host.override("sleep", "exec /bin/sleep 0.02")
    command = [str(host.root / "scripts/setup")]
    with subprocess.Popen(command, env=host.environment, stderr=subprocess.PIPE) as first:
        wait_for(started)
        with subprocess.Popen(
            command, env=host.environment, stderr=subprocess.PIPE, text=True
        ) as second:
            assert second.stderr
            assert second.stderr.readline().startswith("setup: waiting for another set-up")
            go_on.touch()
            assert second.wait(timeout=30) == 0
        assert first.wait(timeout=30) == 0
    assert sum(call.startswith("uv venv") for call in host.calls()) == 1


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come to be"
        time.sleep(0.01)


# --- scripts/test, scripts/demo, .ci/run ---


def with_stub_environment(host: Host, statuses: Sequence[int] = (0,)) -> None:
    """Make the set-up a no-op, and the programs of .venv log their arguments."""
    write_script(host.root / "scripts" / "setup", f"echo setup >>{quoted(host.log)}")
    counter = host.root / "counter"
    counter.write_text("\n".join(str(status) for status in statuses))
    write_script(
        host.venv / "bin" / "python",
        f"""echo "$(pwd): $*" >>{quoted(host.log)}
        status=$(head -n 1 {quoted(counter)})
        sed -i 1d {quoted(counter)}
        exit "$status\"""",
    )
    write_script(
        host.venv / "bin" / "nestlab",
        f'echo "$(pwd): nestlab" >>{quoted(host.log)}; printf "%s\\n" "$@"',
    )


FAST, LONG = "-n auto -m not vm and not slow", "--reruns 3 -m vm or slow"


@pytest.mark.parametrize(
    ("arguments", "statuses", "runs", "status"),
    [
        ([], [0, 0], [FAST, LONG], 0),
        ([], [1], [FAST], 1),
        ([], [0, 1], [FAST, LONG], 1),
        ([], [5], [FAST], 5),
        ([], [0, 5], [FAST, LONG], 5),
        (["--fast"], [0], [FAST], 0),
        (["--fast"], [5], [FAST], 5),
        (["--fast", "-k", "a b"], [1], [f"{FAST} -k a b"], 1),
        (
            ["-k", "x"],
            [0, 0],
            [f"{FAST} -k x", f"{LONG} -k x"],
            0,
        ),
        (
            ["-k", "x"],
            [5, 0],
            [f"{FAST} -k x", f"{LONG} -k x"],
            0,
        ),
        (
            ["-k", "x"],
            [0, 5],
            [f"{FAST} -k x", f"{LONG} -k x"],
            0,
        ),
        (
            ["-k", "x"],
            [5, 5],
            [f"{FAST} -k x", f"{LONG} -k x"],
            5,
        ),
        (
            ["-k", "x"],
            [0, 2],
            [f"{FAST} -k x", f"{LONG} -k x"],
            2,
        ),
        (["-k", "x"], [2], [f"{FAST} -k x"], 2),
        (["-x", "-m", "vm"], [1], ["-x -m vm"], 1),
    ],
)
def test_the_tests_run_in_halves(
    host: Host, arguments: list[str], statuses: list[int], runs: list[str], status: int
) -> None:
    with_stub_environment(host, statuses)
    assert host.run("scripts/test", *arguments).returncode == status
    assert host.calls() == ["setup", *(f"{host.root}: -m pytest {run}" for run in runs)]


@pytest.mark.parametrize("shell", [[], ["sh"], ["bash"]])
def test_ci_runs_all_tests(host: Host, shell: list[str]) -> None:
    with_stub_environment(host, [0, 3])
    done = subprocess.run([*shell, str(host.root / ".ci" / "run")], check=False, cwd="/")
    assert done.returncode == 3
    assert [call.partition(" ")[2] for call in host.calls()[-2:]] == [
        "checkout: -m pytest -n auto -m not vm and not slow",
        "checkout: -m pytest --reruns 3 -m vm or slow",
    ]


def test_demo_hands_its_arguments_on_and_stays_where_it_is(host: Host) -> None:
    with_stub_environment(host)
    done = host.run("scripts/demo", "--depth", "3", "a b", "")
    assert done.returncode == 0
    assert done.stdout == "demo\n--depth\n3\na b\n\n"
    assert host.calls() == ["setup", "/: nestlab"]


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test", ".ci/run"])
def test_nothing_is_run_when_the_set_up_fails(host: Host, script: str) -> None:
    with_stub_environment(host)
    write_script(host.root / "scripts" / "setup", "exit 3")
    assert host.run(script).returncode == 3
    assert host.calls() == []


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test", ".ci/run"])
def test_scripts_work_through_a_link(host: Host, script: str) -> None:
    with_stub_environment(host, [0, 0])
    link = host.overrides / "link"
    link.symlink_to(host.root / script)
    assert subprocess.run([str(link)], check=False).returncode == 0
    assert host.calls()[0] == "setup"
    assert len(host.calls()) > 1


def test_setup_works_through_a_link(host: Host) -> None:
    host.is_complete()
    link = host.overrides / "link"
    link.symlink_to(host.root / "scripts" / "setup")
    assert subprocess.run([str(link)], env=host.environment, check=False).returncode == 0
    assert host.stamp.exists()
