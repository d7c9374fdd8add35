"""The domain of a plan, word for word, and valid by libvirt's own schema.

After a wanted change the golden files are written again with
`python tests/unit/test_libvirt_domain.py`; read their diff.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from nestlab.errors import HostError, UsageError
from nestlab.hypervisor.libvirt.define import is_of
from nestlab.hypervisor.libvirt.domain import domain_xml
from nestlab.hypervisor.plan import GuestPlan, ScratchDisk
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.units import GIB
from plan_examples import ARM, CLOUD, DEBIAN, L1, L1_LANS, L2, L2_LANS, SAVED, TCG

GOLDEN = Path(__file__).parents[1] / "golden" / "libvirt"
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
QBOOT = "/usr/share/qemu/qboot.rom"
OWNER = "+0:+0"


def libvirt(plan: GuestPlan, **changes: Any) -> GuestPlan:
    """The same guest, as a lab plans it for libvirt."""
    initrd = "/cache/debian-12-0123/initrd"
    image = (
        plan.image if plan.image.kernel is None else dataclasses.replace(plan.image, initrd=initrd)
    )
    found = dataclasses.replace(plan, hypervisor="libvirt", storage="virtio", image=image)
    return dataclasses.replace(found, **changes)


WHOLE = dataclasses.replace(DEBIAN, initrd="/cache/debian-12-0123/initrd")
DISKS = (ScratchDisk(10 * GIB, "volumes", iops=500), ScratchDisk(1 * GIB))
CASES: dict[str, tuple[GuestPlan, str | None, str | None]] = {
    "l1-tcg": (libvirt(L1, handed=(WHOLE,)), QBOOT, OWNER),
    "l1-tcg-session": (libvirt(L1), None, None),
    "l2-kvm": (libvirt(L2), QBOOT, OWNER),
    "l2-kvm-networks": (libvirt(L2_LANS), QBOOT, OWNER),
    "l2-disks": (libvirt(L2, disks=DISKS, devices=("/dev/sdb", "/srv/a&b.img")), QBOOT, OWNER),
    "l2-cpu": (libvirt(L2, cpu="EPYC,svm=on,-x2apic,+npt"), QBOOT, OWNER),
    "cloud-tcg": (libvirt(CLOUD), None, OWNER),
    "aarch64-tcg": (libvirt(ARM), None, OWNER),
}


def text(case: str) -> str:
    plan, firmware, owner = CASES[case]
    return domain_xml(plan, firmware=firmware, owner=owner).decode()


def parsed(plan: GuestPlan) -> etree._Element:
    return etree.fromstring(domain_xml(plan, firmware=None, owner=OWNER))


@pytest.mark.parametrize("case", CASES)
def test_the_domain_is_the_golden_one(case: str) -> None:
    assert text(case) == (GOLDEN / f"{case}.xml").read_text()


@pytest.fixture(scope="module")
def schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(SCHEMA)))


@pytest.mark.skipif(not SCHEMA.exists(), reason="libvirt's schemas are not installed here")
@pytest.mark.parametrize("case", CASES)
def test_libvirt_s_schema_allows_it(case: str, schema: etree.RelaxNG) -> None:
    schema.assertValid(etree.fromstring(text(case).encode()))


NAMES = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"]), min_size=1)


@given(folder=NAMES, word=NAMES, device=NAMES)
def test_no_path_or_word_can_become_xml(folder: str, word: str, device: str) -> None:
    found = libvirt(L2, folder=f"/{folder}", kernel=(word,), devices=(f"/{device}",))
    domain = parsed(found)
    assert [each.tag for each in domain] == [
        each.tag for each in parsed(libvirt(L2, devices=("/a",)))
    ]
    assert domain.findtext("os/kernel") == f"/{folder}/kernel"
    assert str(domain.findtext("os/cmdline")).endswith(f" {word}")
    sources = [each.find("source") for each in domain.iter("disk")]
    last = sources[-1]
    assert last is not None
    assert (last.get("file") or last.get("dev")) == f"/{device}"


def test_disks_are_those_of_qemu_in_the_same_order() -> None:
    plan, firmware, _ = CASES["l1-tcg"]
    words = qemu_argv(plan, firmware=firmware)
    drives = [word.split("file=")[1].split(",")[0] for word in words if word.startswith("if=none,")]
    sources = [each.find("source") for each in parsed(plan).iter("disk")]
    assert [s.get("file") or s.get("dev") for s in sources if s is not None] == drives
    targets = [each.get("dev") for each in parsed(plan).iter("target") if each.get("dev")]
    assert targets == ["vda", "vdb", "vdc", "vdd", "vde"]


def test_it_says_whose_it_is() -> None:
    xml = text("l1-tcg").encode()
    assert is_of(L1.lab, xml)
    assert not is_of("ffffffffff", xml)
    assert not is_of(L1.lab, b"<domain><metadata/></domain>")
    assert not is_of(L1.lab, b"<domain>")


BOMB = b"""<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><domain><name>&b;</name></domain>"""


def test_entities_of_a_foreign_domain_are_not_expanded() -> None:
    assert not is_of(L1.lab, BOMB)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nat": "passt"}, "libvirt.not-offered"),
        ({"saved": SAVED}, "libvirt.not-offered"),
        ({"ports": L1_LANS.ports}, "libvirt.not-offered"),
        ({"cpu": "host,phys-bits=40"}, "libvirt.cpu-option"),
        ({"disks": tuple(ScratchDisk(GIB) for _ in range(25))}, "libvirt.too-many-disks"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(libvirt(L1, **changes))
    assert caught.value.code == code
    assert "l1" in caught.value.message


def test_a_kernel_needs_its_initrd() -> None:
    with pytest.raises(HostError) as caught:
        parsed(libvirt(L1, image=DEBIAN))
    assert caught.value.code == "image.no-initrd"


def test_an_emulated_guest_has_svm_and_a_nested_one_the_cpu_of_its_parent() -> None:
    assert L1.accelerator == TCG
    emulated, nested = parsed(libvirt(L1)), parsed(libvirt(L2))
    assert (emulated.get("type"), nested.get("type")) == ("qemu", "kvm")
    cpu = emulated.find("cpu")
    assert cpu is not None
    feature = cpu.find("feature")
    assert feature is not None
    assert cpu.get("mode") == "maximum"
    assert (feature.get("policy"), feature.get("name")) == ("require", "svm")
    other = nested.find("cpu")
    assert other is not None
    assert other.get("mode") == "host-passthrough"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in CASES:
        (GOLDEN / f"{name}.xml").write_text(text(name))
