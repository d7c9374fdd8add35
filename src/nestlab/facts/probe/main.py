"""All facts, by the command line."""

import json
import os
import sys

from nestlab.facts.probe.conditions import clocksource, entropy, load
from nestlab.facts.probe.devices import dmi, iommu, queues
from nestlab.facts.probe.holders import holders
from nestlab.facts.probe.initramfs import initramfs
from nestlab.facts.probe.kernel import cmdline, kernel, kernel_build, vulnerabilities
from nestlab.facts.probe.kvm import kvm
from nestlab.facts.probe.log import kernel_log
from nestlab.facts.probe.memory import memory, paging
from nestlab.facts.probe.modprobe import modprobe
from nestlab.facts.probe.modules import modules, nested, parameters
from nestlab.facts.probe.network import interfaces, routes
from nestlab.facts.probe.outer import outer
from nestlab.facts.probe.processor import arch, cpu, feature_control
from nestlab.facts.probe.programs import start_programs
from nestlab.facts.probe.report import Facts
from nestlab.facts.probe.software import lsm, os_release, tools
from nestlab.facts.probe.source import Source
from nestlab.facts.probe.users import user

READERS = (
    kernel, arch, cpu, os_release, clocksource, memory, routes, nested, dmi, queues, load,
    kernel_build, cmdline, vulnerabilities, feature_control, kernel_log, modules, parameters,
    modprobe, user, paging, iommu, interfaces, entropy, lsm, holders,
)  # fmt: skip


def collect(source: "Source | None" = None) -> "dict[str, object]":
    """All facts as one JSON-able object, `nestlab.facts/1`."""
    place = source or Source()
    facts = Facts()
    programs = start_programs(place)
    try:
        for reader in READERS:
            facts.add(reader.__name__, lambda read=reader: read(place))  # type: ignore[misc]
        facts.add("kvm", lambda: kvm(source=place))
        lines = facts.values.get("modprobe")
        facts.add("initramfs", lambda: initramfs(place, lines))  # type: ignore[arg-type]
        facts.add("outer", lambda: outer(place, programs))
        facts.add("tools", lambda: tools(place, programs))
    finally:
        for program in programs.values():
            program.end(0)
    return dict(facts.values, schema="nestlab.facts/1", unknown=facts.unknown)


def main(argv: "list[str]") -> "int":
    """Print the facts; 2 when the words of the command line make no sense."""
    root = None
    words = argv[::-1]
    given = set()  # type: set[str]
    while words:
        said = words.pop()
        if said == "--root" and words:
            root = words.pop()
        elif said in {"--no-probe", "--no-programs", "--anonymous"}:
            given.add(said)
        else:
            sys.stderr.write(
                "usage: probe.py [--root DIR] [--no-probe] [--no-programs] [--anonymous]\n"
            )
            return 2
    if root is not None and not os.path.isdir(root):
        sys.stderr.write("probe.py: %s is not a folder\n" % root)
        return 2
    source = Source(
        root,
        functional="--no-probe" not in given,
        anonymous="--anonymous" in given,
        programs="--no-programs" not in given,
    )
    json.dump(collect(source), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
