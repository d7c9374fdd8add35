"""The change to a domain's XML: only what decides, and right whatever was there before."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from domain_examples import HASWELL, QEMU, domain_xml, domains, schema
from nestlab.domain.advice import advice
from nestlab.domain.change import Change, Mode, Wish, expose
from nestlab.domain.cpu import EXTENSIONS, Offer, read_cpu
from nestlab.domain.domain import Domain, read_domain
from nestlab.errors import UsageError

WISHES = [Wish(mode, ext) for mode in (None, *Mode) for ext in (None, *EXTENSIONS)]


def read(text: str) -> Domain:
    return read_domain(text.encode(), "guest.xml")


def changed(cpu: str, wish: Wish = Wish(), **options: str) -> str:  # noqa: B008
    """The lines of <cpu> after the change, checked to be all that changed."""
    text = domain_xml(cpu, **options)
    after = expose(read(text), wish).after.document.as_bytes().decode()
    head, tail = text.split(cpu)
    assert after.startswith(head)
    assert after.endswith(tail)
    return after.removeprefix(head).removesuffix(tail)


def without_cpu(text: str) -> bytes:
    """The document without what decides about the CPU, in canonical form with comments."""
    domain = read(text)
    for line in domain.root.findall(f"{{{QEMU}}}commandline"):
        for arg in line.findall(f"{{{QEMU}}}arg"):
            arg.set("value", "")
    cpu = domain.root.find("cpu")
    if cpu is not None:
        cpu.tail = None
        domain.root.remove(cpu)
    for each in domain.root.iter(etree.Element):
        each.tail = (each.tail or "").strip()
    for each in domain.root.iter(etree.Comment):
        each.tail = (each.tail or "").strip()
    domain.root.text = (domain.root.text or "").strip()
    return etree.tostring(domain.root.getroottree(), method="c14n")


def asides(text: str) -> list[str]:
    root = read(text).root.getroottree()
    nodes = root.xpath("//comment()|//processing-instruction()")
    assert isinstance(nodes, list)
    return [str(node) for node in nodes]


TWICE = (
    "<cpu match='minimum' mode='custom'><feature name='vmx' policy='require'/>"
    "<feature name='vmx' policy='force'/></cpu>"
)


def exposed(text: str, wish: Wish) -> Change | None:
    """None where vmx is wanted of emulation, or the extension would have to be known."""
    try:
        return expose(read(text), wish)
    except UsageError as refused:
        if refused.code not in {"expose.not-emulated", "expose.which-extension"}:
            raise
        return None


@settings(deadline=None, max_examples=50)
@given(domains(), st.sampled_from(WISHES))
@example(domain_xml("<cpu><topology sockets='1' cores='1' threads='1'/></cpu>"), Wish())
def test_whatever_the_domain_was_it_offers_the_extension_and_nothing_else_moved(
    text: str, wish: Wish
) -> None:
    change = exposed(text, wish)
    if change is None:
        return
    after = change.after.document.as_bytes().decode()
    assert schema().validate(change.after.root), schema().error_log
    assert change.cpu_after.offer(wish.extension) is Offer.YES
    assert without_cpu(after) == without_cpu(text)
    assert asides(after) == asides(text)
    assert change.nothing_to_do == (after == text)
    again = expose(change.after, wish)
    assert again.nothing_to_do


@settings(deadline=None, max_examples=50)
@given(domains(), st.sampled_from(WISHES))
@example(domain_xml(TWICE), Wish(None, "vmx"))
def test_what_is_not_about_the_extensions_stays_in_the_cpu(text: str, wish: Wish) -> None:
    change = exposed(text, wish)
    if change is None:
        return
    before, after = change.before.root.find("cpu"), change.after.root.find("cpu")
    for what in ("topology", "numa"):
        assert _text(before, what) == _text(after, what)
    kept = [each for each in change.cpu_before.features if each[0] not in EXTENSIONS]
    assert [each for each in change.cpu_after.features if each[0] not in EXTENSIONS] == kept
    assert (
        not any(
            policy != "require"
            for name, policy in change.cpu_after.features
            if name == wish.extension
        )
        or change.cpu_after.override
    )


def _text(cpu: etree._Element | None, tag: str) -> list[bytes]:
    return (
        [] if cpu is None else [etree.tostring(each, with_tail=False) for each in cpu.findall(tag)]
    )


@pytest.mark.parametrize("wish", WISHES[:5], ids=str)
def test_virt_xml_validate_takes_it(tmp_path: Path, wish: Wish) -> None:
    program = shutil.which("virt-xml-validate")
    assert program, "install libvirt-clients, which has virt-xml-validate"
    for number, kind in enumerate(("kvm", "qemu")):
        change = exposed(domain_xml(kind=kind), wish)
        if change is not None:
            file = tmp_path / f"{number}.xml"
            file.write_bytes(change.after.document.as_bytes())
            done = subprocess.run(
                [program, str(file), "domain"], check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr


def test_the_step_that_people_do_by_hand() -> None:
    assert changed(HASWELL) == "<cpu mode='host-passthrough'/>"


def test_a_domain_without_cpu_gets_one_where_libvirt_writes_it() -> None:
    text = domain_xml("")
    after = expose(read(text), Wish()).after.document.as_bytes().decode()
    assert after == text.replace("</features>", "</features>\n  <cpu mode='host-passthrough'/>")


def test_an_emulated_domain_gets_what_emulation_has() -> None:
    cpu = changed(HASWELL, kind="qemu")
    assert cpu == "<cpu mode='maximum'><feature policy='require' name='svm'/></cpu>"


def test_the_extension_is_required_never_optional() -> None:
    cpu = "<cpu mode='host-model'>\n    <feature policy='optional' name='vmx'/>\n  </cpu>"
    after = changed(cpu, Wish(Mode.HOST_MODEL, "vmx"))
    assert after == cpu.replace("optional", "require")


def test_an_empty_host_model_gets_a_line_for_the_feature() -> None:
    after = changed("<cpu mode='host-model' check='partial'/>", Wish(Mode.HOST_MODEL, "svm"))
    assert after == (
        "<cpu mode='host-model' check='partial'>\n"
        "    <feature policy='require' name='svm'/>\n  </cpu>"
    )


def test_the_word_on_the_command_line_is_changed_where_there_is_one() -> None:
    line = "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='{}'/></qemu:commandline>"
    text = domain_xml(rest=line.format("Haswell,-vmx,pmu=off"))
    change = expose(read(text), Wish())
    after = change.after.document.as_bytes().decode()
    assert after == text.replace("Haswell,-vmx,pmu=off", "host,pmu=off")
    assert "wins over <cpu>" in advice(change, None)[0]


@pytest.mark.parametrize(
    "cpu",
    [
        "<cpu mode='host-passthrough'/>",
        "<cpu mode='host-passthrough' check='none' migratable='on'/>",
        "<cpu mode='maximum'/>",
        "<cpu mode='custom'><model>Haswell</model><feature policy='require' name='vmx'/></cpu>",
        "<cpu mode='host-model'><feature name='svm' policy='require'/></cpu>",
    ],
)
def test_a_right_domain_is_left_alone(cpu: str) -> None:
    assert expose(read(domain_xml(cpu)), Wish()).nothing_to_do


@pytest.mark.parametrize(
    ("cpu", "extension", "offer"),
    [
        ("", "vmx", "no"),
        (HASWELL, "vmx", "no"),
        ("<cpu mode='host-model'/>", "svm", "left to the host"),
        ("<cpu mode='host-passthrough'/>", None, "yes"),
        ("<cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>", "svm", "no"),
        ("<cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>", "vmx", "yes"),
        ("<cpu mode='host-passthrough'><feature policy='forbid' name='svm'/></cpu>", None, "no"),
        ("<cpu match='minimum'><model>Nehalem</model></cpu>", "vmx", "left to the host"),
        ("<cpu><model>Nehalem</model><feature name='vmx' policy='optional'/></cpu>", "vmx",
         "left to the host"),
    ],
)  # fmt: skip
def test_what_a_guest_gets(cpu: str, extension: str | None, offer: str) -> None:
    found = read_cpu(read(domain_xml(cpu)))
    assert found.offer(extension) == offer  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cpu", "kind", "offer"),
    [
        ("<cpu mode='maximum'/>", "qemu", "yes"),
        ("<cpu mode='host-passthrough'/>", "qemu", "no"),
        ("<cpu><model>Haswell</model><feature name='svm' policy='require'/></cpu>", "qemu", "no"),
        ("<cpu><model>EPYC</model></cpu>", "qemu", "left to the host"),
        ("", "qemu", "left to the host"),
        ("<cpu><model>EPYC</model><feature name='svm' policy='require'/></cpu>", "qemu", "yes"),
    ],
)  # fmt: skip
def test_what_an_emulated_guest_gets(cpu: str, kind: str, offer: str) -> None:
    assert read_cpu(read(domain_xml(cpu, kind=kind))).offer(None) == offer


def warnings(cpu: str, wish: Wish = Wish(), kind: str = "kvm") -> str:  # noqa: B008
    return "\n".join(advice(expose(read(domain_xml(cpu, kind=kind)), wish), wish.extension))


def test_the_cost_is_said() -> None:
    told = warnings(HASWELL, Wish(extension="svm"))
    assert "migrated live only to hosts with the same CPU" in told
    assert "do not migrate, save or snapshot" in told
    assert "do not migrate, save" not in warnings(HASWELL, Wish(extension="vmx"))
    assert warnings("<cpu mode='host-passthrough'/>") == ""
    assert "emulated" in warnings(HASWELL, kind="qemu")


def test_what_stays_and_weakens_is_said() -> None:
    cpu = "<cpu><model>Haswell</model><feature name='vmx-ept' policy='disable'/></cpu>"
    assert "vmx-ept stays with policy disable" in warnings(cpu)
    cpu = "<cpu><model vendor_id='AuthenticAMD'>Haswell</model></cpu>"
    assert "vendor_id 'AuthenticAMD' goes" in warnings(cpu)
    cpu = "<cpu mode='host-passthrough'><cache mode='passthrough'/></cpu>"
    assert "<cache mode='passthrough'> goes" in warnings(cpu, Wish(Mode.HOST_MODEL, "vmx"))


@pytest.mark.parametrize(
    ("text", "wish", "code"),
    [
        (domain_xml(kind="xen"), Wish(), "expose.not-qemu"),
        (domain_xml(arch="s390x"), Wish(), "expose.architecture"),
        (domain_xml(kind="qemu"), Wish(extension="vmx"), "expose.not-emulated"),
        (domain_xml(), Wish(Mode.HOST_MODEL), "expose.which-extension"),
        (domain_xml("<cpu mode='nonsense'/>"), Wish(), "domain.wrong"),
        (domain_xml("<cpu/>\n<cpu/>"), Wish(), "domain.wrong"),
        (domain_xml("<cpu><feature name='svm' policy='x'/></cpu>"), Wish(), "domain.wrong"),
        ("<network><name>n</name></network>", Wish(), "domain.wrong"),
        ("<domain><name>n</name></domain>", Wish(), "domain.wrong"),
        ("<domain type='kvm'/>", Wish(), "domain.wrong"),
    ],
)
def test_what_cannot_be_changed_is_refused(text: str, wish: Wish, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        expose(read(text), wish)
    assert refused.value.code == code
    assert refused.value.hint


def test_the_line_of_what_is_wrong_is_said() -> None:
    with pytest.raises(UsageError) as refused:
        expose(read(domain_xml("<cpu mode='nonsense'/>")), Wish())
    assert refused.value.where == "guest.xml:12"
