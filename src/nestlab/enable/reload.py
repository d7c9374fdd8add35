"""Unload and load one KVM module, so that KVM is there afterwards whatever happens.

One script does all of it on the machine, so that neither a lost connection nor the end of nestlab
leaves the machine without KVM. `rmmod` and not `modprobe -r`: that would unload `kvm` as well, and
what was set in its parameters would be lost. `rmmod` refuses a module that is in use
(delete_module(2), without O_TRUNC it neither waits nor forces), which settles every race.
"""

from dataclasses import dataclass
from enum import Enum, auto

from nestlab.deadline import Deadline
from nestlab.enable.elevation import Elevation, as_root
from nestlab.enable.files import Paths
from nestlab.enable.settings import is_on
from nestlab.enable.steps import Reload
from nestlab.machine import failures
from nestlab.machine.protocol import Machine

_STAYS = 10
# module, nested as it is (- when the module is not loaded), nested as it shall be, /sys/module
#
# An `install` line of modprobe.d runs a command in place of loading, which may fail, or claim to
# have loaded what is not there; --ignore-install brings back what was there all the same.
_SCRIPT = """
trap '' HUP INT PIPE TERM
exec </dev/null
if [ "$2" != - ]; then rmmod "$1" || exit 10; fi
modprobe "$1" "nested=$3" && [ -d "$4/$1" ] && exit 0
[ "$2" = - ] && exit 11
for how in "$1" "--ignore-install $1"; do
    modprobe $how "nested=$2"
    [ -d "$4/$1" ] && exit 11
done
modprobe "$1"
exit 11
"""

# the parameter's file, /dev/kvm
_LOOK = """
cat -- "$1" 2>/dev/null || echo none
[ -c "$2" ] && echo kvm
"""


class How(Enum):
    """How a reload ended.

    LOADED     it runs with the new value
    IN_USE     it could not be unloaded: nothing changed
    NO_EFFECT  it took the option and says `nested` is as it was
    RESTORED   loading failed; it is as it was before
    GONE       loading failed, also with the old options: there is no KVM
    """

    LOADED = auto()
    IN_USE = auto()
    NO_EFFECT = auto()
    RESTORED = auto()
    GONE = auto()


@dataclass(frozen=True)
class Reloaded:
    """How it ended, the last words of the programs, and whether /dev/kvm is there now."""

    how: How
    notes: tuple[str, ...]
    device: bool


async def reload_module(
    machine: Machine, elevate: Elevation, step: Reload, paths: Paths, *, deadline: Deadline
) -> Reloaded:
    """Reload and look at what became of it; what the programs claim is not believed."""
    words = (step.module, step.before or "-", step.nested, paths.modules)
    done = await as_root(machine, elevate, _SCRIPT, *words, deadline=deadline)
    notes = failures.last_lines(done.stderr)
    value = f"{paths.modules}/{step.module}/parameters/nested"
    look = await machine.run(("sh", "-c", _LOOK, "sh", value, paths.device), deadline=deadline)
    nested, *rest = look.text.split() or ["none"]
    now = None if nested == "none" else "1" if is_on(nested) else "0"
    device = "kvm" in rest
    if done.status == _STAYS:
        return Reloaded(How.IN_USE, notes, device)
    if now == step.nested and device:
        return Reloaded(How.LOADED, notes, device)
    if now == step.before and (device or now is None):
        return Reloaded(How.NO_EFFECT if done.ok else How.RESTORED, notes, device)
    return Reloaded(How.GONE, notes, device)
