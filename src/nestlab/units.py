"""Sizes in bytes, durations in seconds; the unit is always said when they are shown."""

import re
from decimal import Decimal

from nestlab.errors import UsageError

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_FACTORS = {
    "": 1, "B": 1,
    "K": KIB, "KIB": KIB, "M": MIB, "MIB": MIB, "G": GIB, "GIB": GIB, "T": TIB, "TIB": TIB,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]*)", re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of ``4GiB``, ``512M`` (binary, as QEMU and fio read it) or ``10GB`` (decimal).

    Raises UsageError (`size.invalid`) for anything else and for sizes that are not positive.
    """
    match = _SIZE.fullmatch(text.strip())
    factor = _FACTORS.get(match[2].upper()) if match else None
    value = round(Decimal(match[1]) * factor) if match and factor else 0
    if value <= 0:
        raise UsageError(
            "size.invalid",
            f"{text!r} is not a size",
            hint="write a number with a unit, such as 4GiB, 512MiB or 10GB",
        )
    return value


def format_size(size: int) -> str:
    """A size for people, in binary units: ``1.5 GiB``."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def format_duration(seconds: float) -> str:
    """A duration for people: ``4.2 s``, ``1 min 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
