"""What the paths of machines say: `l0` is the root, then `l1`, `l1/l2` (pure)."""

import re


def parent_of(path: str) -> str:
    """`l1` for `l1/l2`, `l0` for `l1`."""
    return path.rpartition("/")[0] or "l0"


def level_of(path: str) -> int:
    """0 for `l0`, 2 for `l1/l2`."""
    return 0 if path == "l0" else path.count("/") + 1


def natural(path: str) -> tuple[tuple[str | int, ...], ...]:
    """A key to sort by: `l1/l2-10` after `l1/l2-9`, every machine after its parent."""
    return tuple(
        tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))
        for name in path.split("/")
    )


def is_above(above: str, path: str) -> bool:
    """Whether a machine is the other itself or one of its ancestors."""
    return above == "l0" or f"{path}/".startswith(f"{above}/")
