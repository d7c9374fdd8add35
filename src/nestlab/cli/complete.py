"""Completion of machines and labs; shells run it at every press of the key, so it loads little."""

import json
from collections.abc import Iterator
from pathlib import Path

from nestlab.home import Home


def machine_paths(incomplete: str) -> list[str]:
    """Paths of machines: bare for the only lab, else with the lab's name before them."""
    found = list(_labs())
    lone = len(found) == 1
    words = [path if lone else f"{name}:{path}" for name, paths in found for path in paths]
    return [word for word in words if word.startswith(incomplete)]


def places(incomplete: str) -> list[str]:
    """`l1/l2:`, to which a file of that machine is added."""
    return [f"{word}:" for word in machine_paths(incomplete) if ":" not in incomplete]


def lab_names(incomplete: str) -> list[str]:
    """Names of labs, or ids of those without one."""
    return [name for name, _ in _labs() if name.startswith(incomplete)]


def snapshot_names(incomplete: str) -> list[str]:
    """Names of snapshots."""
    files = Home.from_environment().snapshots.glob("[!.]*.json")
    return sorted(file.stem for file in files if file.stem.startswith(incomplete))


def _labs() -> Iterator[tuple[str, list[str]]]:
    for file in sorted(Home.from_environment().labs.glob("[!.]*/lab.json")):
        yield from _read(file)


def _read(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Nothing, if it cannot be read: there is no place for an error between two keys."""
    try:
        state = json.loads(file.read_bytes())
        yield state["name"] or state["id"], [guest["path"] for guest in state["guests"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
