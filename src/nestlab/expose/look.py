"""A domain as libvirt has it now."""

from dataclasses import dataclass
from typing import Final

from nestlab.deadline import Deadline
from nestlab.domain.domain import read_domain
from nestlab.errors import UsageError
from nestlab.libvirt.virsh import Virsh

OFF: Final = "shut off"


@dataclass(frozen=True)
class Look:
    """What libvirt says of one domain.

    state         `running`, `shut off`, `paused` …
    persistent    False: it has no stored definition, and is gone when it stops
    managed_save  whether its memory is saved and comes back at the next start
    stored        the XML of its next start, with passwords; None for a transient domain
    live          the XML that it runs with; None when it does not run
    """

    uuid: str
    name: str
    state: str
    persistent: bool
    managed_save: bool
    stored: bytes | None
    live: bytes | None

    @property
    def runs(self) -> bool:
        """Whether a QEMU process is there."""
        return self.live is not None

    @property
    def kind(self) -> str | None:
        """The domain type, such as `kvm`; None where its XML cannot be used."""
        try:
            return read_domain(self.stored or self.live or b"", self.title).type
        except UsageError:
            return None

    @property
    def title(self) -> str:
        """For errors that concern its XML."""
        return f"domain {self.name}"


async def look(virsh: Virsh, domain: str) -> Look:
    """Ask for one domain by name, id or UUID. Raises what `Virsh.said` raises."""
    # not `domuuid`, which knows names and ids but no UUIDs
    told = _table(await virsh.said("dominfo", f"--domain={domain}"))
    uuid = told.get("UUID", domain)
    persistent = told.get("Persistent") != "no"
    runs = told.get("State") != OFF
    stored = await dump_stored(virsh, uuid) if persistent else None
    live = await virsh.said("dumpxml", f"--domain={uuid}") if runs else None
    return Look(
        uuid=uuid,
        name=told.get("Name", domain),
        state=told.get("State", "unknown"),
        persistent=persistent,
        managed_save=told.get("Managed save") == "yes",
        stored=stored,
        live=live,
    )


async def dump_stored(virsh: Virsh, uuid: str) -> bytes:
    """The definition for the next start, with its passwords, which would be lost otherwise."""
    return await virsh.said("dumpxml", "--inactive", "--security-info", f"--domain={uuid}")


async def define(virsh: Virsh, xml: bytes) -> None:
    """Store a definition. Raises what `Virsh.said` raises."""
    await virsh.said("define", "/dev/stdin", stdin=xml)


async def state_of(virsh: Virsh, uuid: str, deadline: Deadline | None = None) -> str:
    """`running`, `shut off` …. Raises what `Virsh.said` raises."""
    return (await virsh.said("domstate", f"--domain={uuid}", deadline=deadline)).decode().strip()


def _table(text: bytes) -> dict[str, str]:
    """Lines `Key:   value`."""
    lines = (line.partition(":") for line in text.decode("utf-8", "backslashreplace").split("\n"))
    return {key.strip(): value.strip() for key, colon, value in lines if colon}
