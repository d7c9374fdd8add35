"""Where a Debian image's packages come from: the host's own apt configuration, if it is Debian."""

from dataclasses import dataclass

from nestlab.deadline import Deadline
from nestlab.errors import MachineError
from nestlab.machine.protocol import Machine

_FORMAT = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)"
_SUFFIXES = ("", "-updates", "-security")


@dataclass(frozen=True)
class Source:
    """One line of a sources.list."""

    uri: str
    suite: str

    @property
    def line(self) -> str:
        """`deb URI SUITE main`; main is all that the recipes use."""
        return f"deb {self.uri} {self.suite} main"


def parse_targets(text: str, suite: str) -> tuple[Source, ...]:
    """Sources for `suite` from `apt-get indextargets` in our format (pure).

    Only archives that call themselves Debian count, so a third-party repository of the host never
    gets into an image. A host of another release has the same mirrors: the code name is replaced
    and its suffix (-updates, -security) kept.
    """
    found: dict[Source, None] = {}
    for line in text.splitlines():
        origin, uri, codename, component = (line.split("|") + [""] * 4)[:4]
        suffix = codename[codename.find("-") :] if "-" in codename else ""
        if origin == "Debian" and component == "main" and suffix in _SUFFIXES:
            found[Source(uri, suite + suffix)] = None
    # without the release itself the others are of no use
    return tuple(found) if any(source.suite == suite for source in found) else ()


async def host_sources(machine: Machine, suite: str, *, deadline: Deadline) -> tuple[Source, ...]:
    """The machine's Debian mirrors; empty where it is no Debian: mmdebstrap's default is used."""
    argv = ("apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages")
    try:
        done = await machine.run(argv, deadline=deadline)
    except MachineError as problem:
        if problem.code == "machine.no-such-program":
            return ()
        raise
    return parse_targets(done.text, suite) if done.ok else ()
