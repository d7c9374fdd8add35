"""What a command line will need in any case is begun before it is read in full."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestlab.machine.begun import Begun

_ABOUT_HERE = frozenset({"--json", "--verbose", "-v"})


def begin(words: Sequence[str]) -> "Begun | None":
    """The probe of this machine, for `nestlab doctor` about it; None for everything else.

    Reading the options loads Pydantic, which takes as long as the probe. The probe changes
    nothing, so that one in vain does no harm.
    """
    if list(words[:1]) != ["doctor"] or not _ABOUT_HERE.issuperset(words[1:]):
        return None
    from nestlab.facts.gather import probing
    from nestlab.machine.begun import Begun

    try:
        return Begun(*probing())
    except OSError:
        return None  # the command tries it again, and says what is wrong
