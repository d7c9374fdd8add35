"""`accel` of a single machine: what it gets, what a plan says of it, what a change does."""

import dataclasses
from pathlib import Path

import pytest

from facts_examples import facts, kvm
from lab_examples import L1
from nestlab.errors import HostError, UsageError
from nestlab.facts.model import Facts
from nestlab.hypervisor.accelerator import Accelerator, Wanted, guest_accelerator
from nestlab.hypervisor.qemu.argv import qemu_argv
from nestlab.lab.build.decide import Decision, Seen, Step, decide
from nestlab.lab.build.lost import may_be_lost
from nestlab.lab.build.plan import inner_wish
from nestlab.lab.build.wish import accelerated
from nestlab.lab.wanted.forecast import forecast
from nestlab.lab.wanted.from_file import guests_of
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.spec.load import parse
from nestlab.units import GIB
from plan_examples import KVM, L2, TCG, plan

ABLE = facts()
UNABLE = facts(kvm=kvm(vmx=False, svm=False).model_dump())
SPEC = GuestSpec("l1", vcpus=2, memory=GIB)


def inside(accel: Wanted) -> tuple[GuestSpec, ...]:
    return (dataclasses.replace(SPEC, name="l2", accel=accel),)


def lab(text: str) -> GuestSpec:
    (guest,) = guests_of(parse(text), Path("lab.yaml"))
    return guest


def test_it_stands_in_the_file_and_in_defaults() -> None:
    guest = lab("name: a\ndefaults: {accel: tcg}\nguests:\n"
                "  - {name: l1, accel: kvm, guests: [{name: l2, disk: 8GiB}]}\n")  # fmt: skip
    assert (guest.accel, guest.guests[0].accel) == ("kvm", "tcg")


def test_the_host_s_own_cpu_is_not_emulated() -> None:
    text = 'name: a\nguests: [{{name: l1, accel: {accel}, cpu: "{cpu}"}}]\n'
    with pytest.raises(UsageError) as caught:
        lab(text.format(accel="tcg", cpu="host,svm=on"))
    assert caught.value.code == "lab.cpu-not-emulated"
    assert "l1: `cpu: host,svm=on`" in caught.value.message
    assert lab(text.format(accel="kvm", cpu="host")).cpu == "host"
    assert lab(text.format(accel="tcg", cpu="max,svm=on")).cpu == "max,svm=on"


def test_a_guest_s_own_wish_counts_before_the_lab_s() -> None:
    assert guest_accelerator("auto", TCG, ABLE, path="l0") is TCG
    own = guest_accelerator("tcg", KVM, ABLE, path="l0")
    assert (own.name, own.wanted) == ("tcg", "tcg")
    assert guest_accelerator("kvm", TCG, ABLE, path="l0").name == "kvm"


def test_kvm_fails_rather_than_fall_back() -> None:
    with pytest.raises(HostError) as caught:
        guest_accelerator("kvm", TCG, UNABLE, path="l0")
    assert caught.value.code.startswith("kvm.")


@pytest.mark.parametrize(
    ("host", "outer", "emulated"), [(ABLE, "kvm", False), (UNABLE, "tcg", True)]
)
def test_a_plan_says_which_and_why(host: Facts, outer: str, *, emulated: bool) -> None:
    guests = (dataclasses.replace(SPEC, guests=inside("auto")),)
    found = forecast(guests, host, "auto")
    assert {path: each.accelerator.name for path, each in found.items()} == {
        "l1": outer,
        "l1/l2": "kvm",
    }
    assert [each.emulated for each in found.values()] == [emulated, emulated]
    assert found["l1/l2"].accelerator.why == "l1 has to offer KVM to its guests"


def test_a_plan_says_what_starts_each() -> None:
    inner = (dataclasses.replace(inside("auto")[0], hypervisor="libvirt"),)
    found = forecast((dataclasses.replace(SPEC, guests=inner),), ABLE, "auto")
    assert {path: each.hypervisor for path, each in found.items()} == {
        "l1": "qemu",
        "l1/l2": "libvirt",
    }


def test_a_plan_of_guests_that_ask_for_something_else() -> None:
    guests = (
        dataclasses.replace(SPEC, guests=inside("tcg")),
        dataclasses.replace(SPEC, name="slow", accel="tcg", guests=inside("auto")),
    )
    found = forecast(guests, ABLE, "auto")
    assert {path: (each.accelerator.name, each.emulated) for path, each in found.items()} == {
        "l1": ("kvm", False),
        "l1/l2": ("tcg", True),
        "slow": ("tcg", True),
        "slow/l2": ("kvm", True),
    }
    assert found["slow"].accelerator.why == "TCG was asked for"


def test_a_plan_whose_kvm_cannot_be_fails_as_up_would() -> None:
    with pytest.raises(HostError):
        forecast((dataclasses.replace(SPEC, accel="kvm"),), UNABLE, "auto")


def test_an_l2_under_tcg_is_emulated_in_l1_which_needs_no_kvm_for_it() -> None:
    argv = qemu_argv(dataclasses.replace(L2, accelerator=TCG), firmware=None)
    assert argv[argv.index("-accel") + 1].startswith("tcg,")
    assert argv[argv.index("-cpu") + 1] == "max,svm=on"
    assert inner_wish(dataclasses.replace(SPEC, guests=inside("tcg"))) == "tcg"
    assert inner_wish(dataclasses.replace(SPEC, guests=inside("auto"))) == "kvm"
    both = (*inside("tcg"), *inside("auto"))
    assert inner_wish(dataclasses.replace(SPEC, guests=both)) == "kvm"


def test_a_change_takes_a_new_start() -> None:
    record = L1.model_copy(update={"spec": SPEC, "ready": True})
    changed = dataclasses.replace(SPEC, accel="tcg")
    assert decide(changed, record, Seen(4711, disk=True)) == Decision(
        Step.RESTART, "accel auto → tcg"
    )


KEEP = Decision(Step.KEEP, "it runs")


def test_what_runs_is_labelled_by_what_it_runs_with() -> None:
    record = L1.model_copy(update={"accelerator": "kvm"})
    decision, found = accelerated(KEEP, record, plan(accelerator=TCG))
    assert decision == KEEP
    assert found.accelerator == Accelerator("kvm", "it was started with it")
    assert accelerated(KEEP, record, plan(accelerator=KVM)) == (KEEP, plan(accelerator=KVM))


def test_what_runs_with_something_that_nobody_asked_for_starts_again() -> None:
    record = L1.model_copy(update={"accelerator": "kvm"})
    asked = plan(accelerator=Accelerator("tcg", "TCG was asked for", "tcg"))
    decision, found = accelerated(KEEP, record, asked)
    assert decision == Decision(Step.RESTART, "accelerator kvm → tcg")
    assert found == asked
    started = Decision(Step.START, "it does not run")
    assert accelerated(started, record, asked)[0] == started


@pytest.mark.parametrize(
    ("path", "accel", "emulated", "may"),
    [
        ("l1", "auto", True, False),
        ("l1/l2", "auto", True, True),
        ("l1/l2", "auto", False, False),
        ("l1/l2", "tcg", True, False),
    ],
)
def test_emulation_loses_guests_that_it_enters(
    path: str, accel: Wanted, *, emulated: bool, may: bool
) -> None:
    spec = dataclasses.replace(SPEC, accel=accel)
    assert may_be_lost(spec, path, emulated=emulated) is may
