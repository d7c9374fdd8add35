"""What is true of every verdict, whatever is known of a machine."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from facts_examples import cpu, dropped, full, kvm, modules
from nestlab.check.links import offers
from nestlab.check.verdict import Verdict, judge
from nestlab.facts.model import Facts
from test_accelerator import BROKEN
from test_check_verdict import CASES

FIELDS = sorted(set(Facts.model_fields) - {"schema_", "unknown"})
# Without these nobody knows what is wrong: what happened when KVM was used, who may open it, and
# the firmware's lock, which leaves a trace nowhere else.
EVIDENCE = {
    "kvm",
    "user",
    "kernel_log",
    "feature_control",
    "kernel",
    "kernel_build",
    "cmdline",
    "arch",
}
MACHINES = [found for found, *_ in CASES.values()] + [found for found, *_ in BROKEN.values()]
DEVICES = st.builds(
    kvm,
    device=st.sampled_from(["char", "absent", "other", None]),
    open=st.sampled_from([True, False, None]),
    guest_ran=st.sampled_from([True, False, None]),
    vmx=st.sampled_from([True, False, None]),
    svm=st.sampled_from([True, False, None]),
    problem=st.sampled_from([None, "[Errno 13] Permission denied", "[Errno 6] No such device"]),
    mode=st.sampled_from([None, 0o600, 0o660, 0o666]),
    uid=st.sampled_from([None, 0, 1000]),
    gid=st.sampled_from([None, 0, 36, 104]),
    capabilities=st.dictionaries(st.sampled_from(["ARM_EL2", "PPC_NESTED_HV"]), st.integers(0, 1)),
)
STATES = st.sampled_from(["loaded", "builtin", "available", "absent"])
KVM_NAMES = ["kvm", "kvm_amd", "kvm_intel", "kvm_hv", "kvm_pvm"]


@st.composite
def machines(draw: st.DrawFn) -> Facts:
    """Any mixture of what concerns the chain, consistent or not."""
    names = draw(st.lists(st.sampled_from(FIELDS), unique=True))
    changes: dict[str, Any] = {
        "arch": draw(st.sampled_from(["x86_64", "aarch64", "s390x", "ppc64le", "riscv64"])),
        "cpu": cpu(*draw(st.lists(st.sampled_from(["vmx", "svm", "sie", "ept", "npt"])))),
        "kvm": draw(DEVICES).model_dump(),
        "modules": modules(**draw(st.dictionaries(st.sampled_from(KVM_NAMES), STATES))),
        "nested": draw(
            st.dictionaries(st.sampled_from(KVM_NAMES), st.sampled_from("YN10?"), max_size=1)
        ),
        "kernel": draw(st.sampled_from(["4.15.0-38-generic", "6.1.0", "6.18.1", "nonsense"])),
        "cmdline": draw(st.lists(st.sampled_from(["kvm-arm.mode=nested", "kvm_amd.nested=0"]))),
        "feature_control": draw(st.sampled_from([None, 0, 1, 5])),
        "kernel_log": draw(
            st.lists(
                st.sampled_from(["kvm: disabled by bios", "HYP mode not available", "VHE+NV2"])
            )
        ),
        "modprobe": draw(
            st.lists(
                st.sampled_from(
                    ["blacklist kvm_amd", "install kvm /bin/false", "options", "'"]
                ).map(lambda text: {"file": "/etc/modprobe.d/a.conf", "line": 1, "text": text})
            )
        ),
        "parameters": draw(st.sampled_from([{}, {"kvm_amd": {"nested": "0"}}])),
    }
    if changes["arch"] != "x86_64":  # elsewhere nobody asks for them
        changes["kvm"] |= {"vmx": None, "svm": None}
    return dropped(full(**changes), *names)


@given(found=machines())
def test_a_machine_is_ready_or_it_is_said_what_is_broken(found: Facts) -> None:
    verdict = judge(found)
    assert verdict.ready == (verdict.broken_link is None)
    assert verdict.verdict.startswith(("ready: ", "ready, emulated only: ", "not ready: "))
    assert json.loads(json.dumps(verdict.as_json()))["ready"] == verdict.ready


@given(found=machines())
def test_kvms_own_word_decides(found: Facts) -> None:
    said = offers(found)
    if said is not None:
        assert judge(found).ready == said


@given(
    found=st.one_of(st.sampled_from(MACHINES), machines()),
    names=st.lists(st.sampled_from(FIELDS), unique=True),
)
def test_knowing_less_never_makes_a_proof(found: Facts, names: list[str]) -> None:
    before, after = judge(found), judge(dropped(found, *names))
    assert proof(before) or not proof(after)


@given(
    found=st.sampled_from(MACHINES),
    names=st.lists(st.sampled_from(sorted(set(FIELDS) - EVIDENCE)), unique=True),
)
def test_knowing_less_never_makes_a_machine_ready(found: Facts, names: list[str]) -> None:
    assert judge(found).ready or not judge(dropped(found, *names)).ready


def proof(verdict: Verdict) -> bool:
    return verdict.ready and verdict.proved
