"""nestlab: nested KVM you can trust: check it, build it, measure it, tune it.

    from nestlab import Lab

    async with Lab.from_file("lab.yaml") as lab:
        done = await lab["l1/l2"].run(["uname", "-r"])

`SyncLab` is the same for programs and notebooks without `await`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestlab.api.lab import Lab
    from nestlab.api.sync import SyncLab
    from nestlab.errors import NestlabError

__version__ = "0.1.0"
__all__ = ["Lab", "NestlabError", "SyncLab", "__version__"]

_HOMES = {"Lab": "nestlab.api.lab", "SyncLab": "nestlab.api.sync", "NestlabError": "nestlab.errors"}


def __getattr__(name: str) -> object:
    """Loaded when it is asked for: the command line must not pay for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES[name]), name)
