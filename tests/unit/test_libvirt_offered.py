"""What `hypervisor: libvirt` cannot do is said when the lab file is read, before anything boots."""

from pathlib import Path

import pytest

from nestlab.errors import HostError, UsageError
from nestlab.hypervisor.libvirt.offered import feature_of, must_be_new_enough
from nestlab.hypervisor.plan import GuestPlan
from nestlab.lab.wanted.from_file import guests_of
from nestlab.libvirt.version import Version
from nestlab.spec.load import parse
from plan_examples import L1, L2

LAB = """name: a
networks: {{lan: {{}}}}
guests:
  - name: l1
    {l1}
    guests:
      - {{name: l2, disk: 8GiB, {l2}}}
"""


def refused(l1: str = "vcpus: 2", l2: str = "vcpus: 1") -> UsageError:
    with pytest.raises(UsageError) as caught:
        guests_of(parse(LAB.format(l1=l1, l2=l2)), Path("lab.yaml"))
    assert "hypervisor: qemu" in str(caught.value.hint)
    return caught.value


def test_a_cpu_option_that_is_no_feature_is_refused_at_any_level() -> None:
    problem = refused(l2='hypervisor: libvirt, cpu: "host,svm=on,phys-bits=40"')
    assert problem.code == "libvirt.cpu-option"
    assert problem.message.startswith("l1/l2: `phys-bits=40`")


def test_a_lab_network_at_l0_is_refused() -> None:
    problem = refused(l1="hypervisor: libvirt\n    networks: [lan]")
    assert problem.code == "libvirt.not-offered"
    assert problem.message.startswith("l1: ")


def test_what_it_offers_is_not_refused() -> None:
    """In guests, networks are bridges; and with QEMU alone any option goes."""
    for l2 in (
        'hypervisor: libvirt, networks: [lan], cpu: "host,+svm,avic=off"',
        'cpu: "host,phys-bits=40"',
    ):
        (guest,) = guests_of(parse(LAB.format(l1="vcpus: 2", l2=l2)), Path("lab.yaml"))
        assert guest.guests[0].cpu


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("svm", ("svm", True)),
        ("+svm", ("svm", True)),
        ("-svm", ("svm", False)),
        ("svm=off", ("svm", False)),
        ("vmx-ept=yes", ("vmx-ept", True)),
    ],
)
def test_features(option: str, found: tuple[str, bool]) -> None:
    assert feature_of(option, "l1") == found


@pytest.mark.parametrize(
    ("plan", "version", "refused"),
    [(L1, (7, 0, 0), True), (L1, (8, 0, 0), False), (L1, None, False), (L2, (6, 0, 0), False)],
    ids=["old", "new-enough", "unknown", "not-emulated"],
)
def test_a_libvirt_that_is_too_old_is_refused(
    plan: GuestPlan, version: Version | None, refused: bool
) -> None:
    if not refused:
        return must_be_new_enough(plan, version)
    with pytest.raises(HostError) as caught:
        must_be_new_enough(plan, version)
    assert caught.value.code == "libvirt.too-old"
    assert "7.0.0" in caught.value.message
    assert "8.0.0" in (caught.value.hint or "")
    return None
