"""Domain XML for tests: known ones, and any that libvirt's schema takes."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lxml import etree

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"

HASWELL = (
    "<cpu mode='custom' match='exact' check='partial'>"
    "<model fallback='allow'>Haswell-noTSX-IBRS</model></cpu>"
)


def domain_xml(
    cpu: str = HASWELL, *, kind: str = "kvm", rest: str = "", arch: str = "x86_64"
) -> str:
    """A small domain as `virsh dumpxml` writes it."""
    return f"""<domain type='{kind}' xmlns:qemu='{QEMU}'>
  <name>centos7</name>
  <uuid>{UUID}</uuid>
  <memory unit='KiB'>65536</memory>
  <vcpu placement='static'>1</vcpu>
  <os>
    <type arch='{arch}' machine='pc'>hvm</type>
  </os>
  <features>
    <acpi/>
  </features>
  {cpu}
  <clock offset='utc'/>
  <devices>
    <serial type='pty'/>
  </devices>
{rest}</domain>
"""


@cache
def schema() -> etree.RelaxNG:
    """libvirt's own, of the package libvirt0 or libvirt-common."""
    return etree.RelaxNG(etree.parse(SCHEMA))


Draw = Callable[[st.SearchStrategy[Any]], Any]

_comments = st.text(
    st.characters(codec="utf-8", exclude_characters="-", exclude_categories=("Cc", "Cs")),
    max_size=8,
).map(lambda text: f"<!--{text}-->")
_asides = st.one_of(
    _comments,
    st.sampled_from(["<?keep this?>", "<!-- <cpu mode='custom'/> -->", "<!--\n  two lines\n-->"]),
)
_between = st.one_of(
    st.sampled_from(["", "\n", "\n  ", "\n    ", "\r\n\t", "   "]), _asides,
    _asides.map(lambda aside: f"\n  {aside}\n  "),
)  # fmt: skip
_FEATURES = ("svm", "vmx", "vmx-ept", "npt", "pcid", "hle", "invtsc", "x2apic", "nrip-save")
_POLICIES = ("force", "require", "optional", "disable", "forbid")


def tag(draw: Draw, name: str, attributes: dict[str, str], *children: str) -> str:
    """An element in some spelling, with comments and blanks in odd places."""
    words = name
    for key, value in draw(st.permutations(sorted(attributes.items()))):
        quote = draw(st.sampled_from("'\""))
        space, equals = (
            draw(st.sampled_from([" ", "  ", "\n   "])),
            draw(st.sampled_from(["=", " = "])),
        )
        words += f"{space}{key}{equals}{quote}{value}{quote}"
    if not children and draw(st.sampled_from("yn")) == "y":
        return f"<{words}{draw(st.sampled_from(['', ' ']))}/>"
    content = "".join(draw(_between) + child for child in children) + draw(_between)
    return f"<{words}>{content}</{name}{draw(st.sampled_from(['', ' ']))}>"


@st.composite
def cpus(draw: Draw) -> str:
    """Any <cpu> of a guest that the schema takes (cputypes.rng, guestcpu)."""
    flag = st.sampled_from([True, False])
    chosen = {
        "mode": ["custom", "host-model", "host-passthrough", "maximum"],
        "match": ["minimum", "exact", "strict"], "check": ["none", "partial", "full"],
        "migratable": ["on", "off"],
    }  # fmt: skip
    attributes = {
        key: draw(st.sampled_from(values)) for key, values in chosen.items() if draw(flag)
    }
    parts: list[str] = []
    if draw(flag):
        vendor = {"vendor_id": "KVMKVMKVMKVM"} if draw(flag) else {}
        names = [
            "Haswell-noTSX-IBRS",
            "EPYC",
            "qemu64",
            "<![CDATA[Nehalem]]>",
            "Ne<!-- in -->halem",
            "",
        ]
        fallback = {"fallback": "allow"} if draw(flag) else {}
        text = draw(st.sampled_from(names))
        words = "".join(f' {key}="{value}"' for key, value in {**vendor, **fallback}.items())
        parts.append(f"<model{words}>{text}</model>")
    if draw(flag):
        parts.append(f"<vendor>Intel{draw(st.sampled_from(['', '<!-- v -->']))}</vendor>")
    if draw(flag):
        dies = {"dies": "1"} if draw(flag) else {}
        parts.append(tag(draw, "topology", {"sockets": "1", "cores": "2", "threads": "1", **dies}))
    parts += draw(_cache_and_address)
    named = draw(st.lists(st.sampled_from(_FEATURES), max_size=4))
    parts += [
        tag(draw, "feature", {"policy": draw(st.sampled_from(_POLICIES)), "name": name})
        for name in named
    ]
    if draw(flag):
        cell = tag(draw, "cell", {"id": "0", "cpus": "0-1", "memory": "65536", "unit": "KiB"},
                   "<distances><sibling id='0' value='10'/></distances>")  # fmt: skip
        parts.append(tag(draw, "numa", {}, cell))
    return tag(draw, "cpu", attributes, *draw(st.permutations(parts)))


_cache_and_address = st.lists(
    st.sampled_from([
        "<cache mode='passthrough'/>", "<cache level='3' mode='emulate'/>",
        "<maxphysaddr mode='passthrough'/>", "<maxphysaddr mode='emulate' bits='42'/>",
    ]),
    max_size=2, unique_by=lambda text: text[:4],
)  # fmt: skip

_metadata = st.sampled_from([
    "<metadata><app:cpu xmlns:app='urn:a'><cpu mode='custom' xmlns=''/></app:cpu></metadata>",
    "<metadata><x:a xmlns:x='urn:x' x:b='1 &lt; 2'>é <x:c/><![CDATA[<cpu/>]]></x:a></metadata>",
    "<title>a &amp; b &#233; ü</title>", "<description>two\n  lines</description>",
    "<sysinfo type='smbios'/>", "<pm><suspend-to-mem enabled='no'/></pm>",
    "<features><acpi/><kvm><hidden state='on'/></kvm></features>", "<clock offset='utc'/>",
    "<on_crash>destroy</on_crash>", "<seclabel type='none'/>", f"<uuid>{UUID}</uuid>",
    "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><serial type='pty'/></devices>",
])  # fmt: skip
_ARGUMENTS = ("-cpu", "--cpu", "-device", "pci-testdev", "Haswell,-vmx", "host", "max,+svm",
              "EPYC,svm=off,pmu=on", "qemu64,svm")  # fmt: skip


@st.composite
def domains(draw: Draw) -> str:
    """Any domain of type kvm or qemu, as far as nesting is concerned, that the schema takes."""
    parts = [
        "<name>a &gt; b</name>", "<memory unit='KiB'>65536</memory>",
        tag(draw, "os", {}, tag(draw, "type", {"arch": "x86_64"}, "hvm").replace(" hvm", "hvm")),
        *draw(st.lists(_metadata, unique_by=lambda text: text.split(" ")[0].split(">")[0])),
    ]  # fmt: skip
    if draw(st.sampled_from("yyyn")) == "y":
        parts.append(draw(cpus()))
    prefix = draw(st.sampled_from(["qemu", "q"]))
    arguments = draw(st.lists(st.sampled_from(_ARGUMENTS), max_size=4))
    if arguments:
        words = [tag(draw, f"{prefix}:arg", {"value": word}) for word in arguments]
        parts.append(tag(draw, f"{prefix}:commandline", {}, *words))
    attributes = {"type": draw(st.sampled_from(["kvm", "qemu"])), f"xmlns:{prefix}": QEMU}
    root = tag(draw, "domain", attributes, *draw(st.permutations(parts)))
    head = draw(st.sampled_from(["", "<?xml version='1.0'?>\n", "<!-- of virsh edit -->\n\n"]))
    tail: str = draw(st.sampled_from(["", "\n", "\n<!-- end -->"]))
    return f"{head}{root}{tail}"
