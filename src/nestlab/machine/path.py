"""What the paths of machines say: `l0` is the root, then `l1`, `l1/l2` (pure)."""


def parent_of(path: str) -> str:
    """`l1` for `l1/l2`, `l0` for `l1`."""
    return path.rpartition("/")[0] or "l0"


def level_of(path: str) -> int:
    """0 for `l0`, 2 for `l1/l2`."""
    return 0 if path == "l0" else path.count("/") + 1


def is_above(above: str, path: str) -> bool:
    """Whether a machine is the other itself or one of its ancestors."""
    return above == "l0" or f"{path}/".startswith(f"{above}/")
