"""Completion of machines and labs; shells run it at every press of the key, so it loads little."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from nestlab.home import Home


def machine_paths(incomplete: str) -> list[str]:
    """Paths of machines: bare for the only lab, else with the lab's name before them."""
    found = list(_labs())
    lone = len(found) == 1
    words = [path if lone else f"{each.name}:{path}" for each in found for path in each.paths]
    return [word for word in words if word.startswith(incomplete)]


def places(incomplete: str) -> list[str]:
    """`l1/l2:`, to which a file of that machine is added."""
    return [f"{word}:" for word in machine_paths(incomplete) if ":" not in incomplete]


def network_names(context: typer.Context, incomplete: str) -> list[str]:
    """Networks of the lab that the words before name, else of all."""
    # before an option that lacks its value Click gives up and leaves the arguments unread
    words = [context.params.get("machine"), *context.args]
    lab, colon, _ = next((str(word) for word in words if word), "").partition(":")
    known = (each for each in _labs() if not colon or lab in {each.name, each.id})
    names = {name for each in known for name in each.networks}
    return sorted(name for name in names if name.startswith(incomplete))


def lab_names(incomplete: str) -> list[str]:
    """Names of labs, or ids of those without one."""
    return [each.name for each in _labs() if each.name.startswith(incomplete)]


def snapshot_names(incomplete: str) -> list[str]:
    """Names of snapshots."""
    files = Home.from_environment().snapshots.glob("[!.]*.json")
    return sorted(file.stem for file in files if file.stem.startswith(incomplete))


class _Lab(NamedTuple):
    """`name` is the id where the lab has none."""

    name: str
    id: str
    paths: list[str]
    networks: list[str]


def _labs() -> Iterator[_Lab]:
    for file in sorted(Home.from_environment().labs.glob("[!.]*/lab.json")):
        yield from _read(file)


def _read(file: Path) -> Iterator[_Lab]:
    """Nothing, if it cannot be read: there is no place for an error between two keys."""
    try:
        state = json.loads(file.read_bytes())
        yield _Lab(
            state["name"] or state["id"],
            state["id"],
            [guest["path"] for guest in state["guests"]],
            [network["name"] for network in state.get("networks", ())],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return
