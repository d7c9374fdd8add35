"""Checks of /dev/kvm."""

from typing import Any

import pytest

from check_cases import Strike, Strikes, check, content, each
from facts_examples import absent, cpu, facts, full, intel, kvm, line, modules, outer
from nestlab.facts.model import Facts

DEAF = kvm(vmx=False, svm=False).model_dump()


def refused(problem: str = "[Errno 13] Permission denied", **changes: Any) -> dict[str, Any]:
    """A device that was there and could not be opened."""
    return absent(device="char", open=False, problem=problem, **changes)


STRIKES: Strikes = {
    "kvm.no-device": (
        Strike(full(kvm=absent(), modules=None), "error", "has SVM", "sudo modprobe kvm_amd"),
        Strike(
            full(**intel(kvm=absent(), modules=None)), "error", "has VMX", "sudo modprobe kvm_intel"
        ),
        Strike(
            full(kvm=None, modules=modules(kvm_amd="available")), "error", "kvm_amd is not loaded"
        ),
        Strike(
            full(kvm=absent(), outer=outer(container="docker")),
            "error",
            "no /dev/kvm",
            "start the container with `--device /dev/kvm`",
        ),
        Strike(
            full(kvm=absent(), outer=outer(container="docker"), modules=None),
            "error",
            "no /dev/kvm",
            "on the host, load the module",
        ),
        Strike(full(kvm=absent()), "error", "no /dev/kvm", "dmesg"),
        Strike(
            full(
                arch="ppc64le",
                cpu=cpu(),
                modules=modules(kvm_hv="available"),
                kvm=absent(),
                outer=outer(firmware="linux,kvm"),
            ),
            "error",
            "no /dev/kvm",
            "cap-nested-hv=on",
        ),
    ),
    "kvm.not-a-device": (
        Strike(
            full(kvm=absent(device="other")),
            "error",
            "not a character device",
            "mknod -m 660 /dev/kvm c 10 232",
        ),
    ),
    "kvm.not-openable": (
        Strike(full(kvm=refused()), "error", "Permission denied", "sudo usermod -aG kvm $USER"),
        Strike(
            full(kvm=refused(mode=0o660, gid=36, group="qemu")),
            "error",
            "(mode 0660, group qemu)",
            "join its group: `sudo usermod -aG qemu $USER`",
        ),
        Strike(
            full(kvm=refused(mode=0o600, gid=0)),
            "error",
            "0600",
            "udevadm trigger --name-match=kvm",
        ),
        Strike(full(kvm=refused(mode=0o660, gid=104)), "error", "cannot", "device cgroup"),
        Strike(
            full(kvm=refused(mode=0o660, gid=104), outer=outer(container="podman")),
            "error",
            "cannot",
            "--device /dev/kvm --group-add 104",
        ),
        Strike(
            full(kvm=refused(problem="[Errno 1] Operation not permitted")),
            "error",
            "Errno 1",
            "10:232",
        ),
        Strike(
            full(kvm=refused(problem="[Errno 6] No such device or address")),
            "error",
            "Errno 6",
            "modprobe kvm_amd",
        ),
        # nobody tried: the permissions tell
        Strike(
            full(kvm=absent(device="char", mode=0o660, gid=36)),
            "error",
            "group 36",
            "usermod -aG 36",
        ),
        Strike(
            full(kvm=absent(device="char", mode=0o600, gid=0, uid=0), user=None),
            "error",
            "0600",
            "udev",
        ),
    ),
    "kvm.no-guest": (
        Strike(
            full(
                kvm=kvm(guest_ran=False, problem="[Errno 16] busy").model_dump(),
                modules=modules(vboxdrv="loaded"),
            ),
            "error",
            "runs no guest: [Errno 16] busy",
            "vboxdrv is loaded",
        ),
    ),
    "kvm.software": (
        Strike(
            full(kvm=DEAF, cpu=cpu("hypervisor"), modules=modules(kvm_pvm="loaded")),
            "error",
            "by kvm_pvm",
            "leave out --accel kvm",
        ),
        Strike(full(kvm=DEAF, cpu=cpu("hypervisor"), modules=None), "error", "without VMX or SVM"),
    ),
    "kvm.cannot-nest": (
        Strike(full(kvm=DEAF), "error", "neither VMX nor SVM", "leave out --accel kvm"),
        Strike(full(kvm=DEAF, nested={}, parameters={}), "error", "neither VMX nor SVM"),
        Strike(
            full(
                arch="aarch64",
                kernel="6.18.0",
                cmdline=["kvm-arm.mode=nested"],
                nested={},
                kvm=kvm(vmx=None, svm=None, capabilities={"ARM_EL2": 0}).model_dump(),
            ),
            "error",
            "no EL2",
        ),
    ),
    "kvm.unknown": (
        Strike(facts(kvm=None), "error", "could not be probed", "ls -ld /dev /dev/kvm"),
        Strike(
            facts(kvm=None, unknown={"kvm": "no answer"}), "error", "could not be probed: no answer"
        ),
        Strike(full(kvm=absent(device=None, problem="no /dev")), "error", "no /dev", "ls -ld"),
        Strike(
            full(modules=None, kvm=absent(device="char", open=True)), "error", "could not be asked"
        ),
        Strike(
            full(kvm=absent(device="char", mode=0o666)),
            "info",
            "no guest was run",
            "nestlab doctor",
        ),
    ),
    "kvm.proved": (
        Strike(full(), "ok", "a guest ran with KVM and is offered SVM"),
        Strike(full(**intel()), "ok", "VMX"),
        Strike(
            full(
                arch="ppc64le",
                kvm=kvm(
                    vmx=None, svm=None, guest_ran=None, capabilities={"PPC_NESTED_HV": 1}
                ).model_dump(),
            ),
            "ok",
            "KVM says that guests are offered nested HV",
        ),
    ),
}


@pytest.mark.parametrize(("code", "strike"), each(STRIKES))
def test_it_strikes(code: str, strike: Strike) -> None:
    check(code, strike)


@pytest.mark.parametrize("code", STRIKES)
def test_a_good_machine_passes(code: str) -> None:
    assert content(code)


PASSES = [
    ("kvm.software", full(modules=modules(kvm_pvm="loaded"))),
    ("kvm.not-openable", full(kvm=absent(device="char", mode=0o600, uid=1000, gid=0))),
    (
        "kvm.not-openable",
        full(kvm=absent(device="char", mode=0o600, uid=0, gid=0), user={"uid": 0, "gids": [0]}),
    ),
    (
        "kvm.no-device",
        full(
            kvm=absent(), modules=modules(kvm_amd="available"), modprobe=[line("blacklist kvm_amd")]
        ),
    ),
]


@pytest.mark.parametrize(("code", "found"), PASSES)
def test_it_passes(code: str, found: Facts) -> None:
    assert content(code, found)
