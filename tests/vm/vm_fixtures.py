"""The chain is booted once, for all tests that only look at it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest

from booted import Booted
from loop import Loop
from nestlab.deadline import Deadline
from nestlab.events import Event
from nestlab.home import Home, make_folder
from nestlab.image.build import ensure_image
from nestlab.image.recipe import debian_12
from nestlab.image.store import Image, ImageStore
from nestlab.lab.record.running import Lab
from nestlab.machine.local import LocalMachine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder boots guests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("vm")


_SHARED = frozenset({"user", "project", "l1", "booted"})
"""What fixtures that share a lab are called."""


@runtime_checkable
class Revivable(Protocol):
    """What has a lab, and can bring back those of its guests that are lost."""

    def revive(self) -> None: ...


@pytest.fixture(autouse=True)
def further_try(request: pytest.FixtureRequest) -> None:
    """A test that is tried again, with a lab that it shares, must not find the same lost guest."""
    if getattr(request.node, "execution_count", 1) > 1:
        for name in _SHARED.intersection(request.fixturenames):
            user = request.getfixturevalue(name)
            if isinstance(user, Revivable):
                user.revive()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """One loop for all."""
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture(scope="session")
def image() -> Image:
    """The base image, from the user's own cache: building it is a test of its own."""
    home = Home.from_environment()
    store = ImageStore(make_folder(home.images))
    work = ensure_image(
        store, debian_12(), LocalMachine(), report=print, deadline=Deadline.after(1800)
    )
    return asyncio.run(work)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """State in a folder of the test, images in the user's cache."""
    return Home(Home.from_environment().cache, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """What the chain told while it came up."""
    return []


@pytest.fixture(scope="module")
def booted(
    loop: Loop,
    image: Image,
    home: Home,
    events: list[Event],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Booted]:
    """L0, L1 and a KVM L2."""
    evidence = tmp_path_factory.mktemp("evidence")
    booted = Booted(2, image, home, evidence, events.append, loop)
    booted.boot()
    yield booted
    booted.end()


@pytest.fixture
def chain(booted: Booted) -> Lab:
    """The lab that is there now."""
    return booted.lab
