"""What a plan must know of a machine beyond its facts: nestlab's own file and journal there."""

from dataclasses import dataclass, field

from nestlab.deadline import Deadline
from nestlab.enable.elevation import Elevation, as_root, authorize
from nestlab.enable.files import FileState, Paths, RootFiles
from nestlab.enable.journal import Journal, parse
from nestlab.facts.kernel import Initramfs
from nestlab.machine.protocol import Machine

_LISTERS = {"update-initramfs": "lsinitramfs", "dracut": "lsinitrd", "mkinitcpio": "lsinitcpio"}

# lister, image
_LIST = r"""
names=$("$1" "$2" 2>/dev/null </dev/null) && [ "$names" ] || { echo unknown; exit; }
if printf '%s\n' "$names" | grep -Eq '(^|/)kvm[^/]*\.ko'; then echo yes; else echo no; fi
"""


@dataclass(frozen=True)
class Present:
    """What is there now.

    options       nestlab's file in modprobe.d; None: not there
    journal       what enable wrote down; None: nothing to undo
    journal_text  the journal's bytes
    in_initramfs  whether root saw a KVM module in the initramfs; None: not looked, or unreadable
    """

    options: FileState | None = None
    journal: Journal | None = None
    journal_text: bytes | None = None
    in_initramfs: bool | None = None
    paths: Paths = field(default_factory=Paths)


async def look(
    machine: Machine,
    elevate: Elevation,
    *,
    deadline: Deadline,
    initramfs: Initramfs | None = None,
    paths: Paths | None = None,
) -> Present:
    """Become root and look; changes nothing.

    initramfs   what the facts say about it (for `enable`): where they do not know whether KVM is
                inside, since the probe is not root or did not need to know, root looks; it takes
                about a second

    Raises HostError: `enable.needs-root`, `enable.not-a-file`, `enable.unreadable`;
    StoredDataError: `enable.journal-damaged`, `enable.journal-too-new`; and what `run` raises.
    """
    await authorize(machine, elevate, deadline=deadline)
    at = paths or Paths()
    files = RootFiles(machine, elevate, deadline)
    options, saved = await files.read(at.options), await files.read(at.journal)
    text = saved.content if saved else None
    where = f"{machine.path}, while reading what nestlab changed there"
    journal = None if text is None else parse(text, at, where)
    inside = await _inside(machine, elevate, initramfs, deadline)
    return Present(options, journal, text, inside, at)


async def _inside(
    machine: Machine, elevate: Elevation, initramfs: Initramfs | None, deadline: Deadline
) -> bool | None:
    """Whether a KVM module is in the initramfs, by the lister of the tool that made it."""
    if initramfs is None or initramfs.has_kvm is not None:
        return None
    lister = _LISTERS.get(initramfs.tool or "")
    if lister is None or initramfs.image is None:
        return None
    done = await as_root(machine, elevate, _LIST, lister, initramfs.image, deadline=deadline)
    return {"yes": True, "no": False}.get(done.text.strip())
