"""What a lab shall be, from a file and a snapshot together."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nestlab.errors import UsageError
from nestlab.home import Home
from nestlab.lab.wanted.goal import goal_of
from nestlab.lab.wanted.spec import GuestSpec
from nestlab.lab.warm.saved import SavedGuest, Snapshot, write_snapshot
from nestlab.units import GIB

FILE = """\
name: warm
guests:
  - name: l1
    memory: 2GiB
    disk: 16GiB
    guests: [{name: l2, image: IMAGE, memory: 512MiB}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With a snapshot of an l1 that was handed two images."""
    home = Home(tmp_path / "cache", tmp_path / "state")
    spec = GuestSpec("l1", 2, 2 * GIB, disk=16 * GIB)
    handed = ("debian-12", "debian-13")
    write_snapshot(
        home,
        Snapshot(
            name="base",
            lab="warm",
            created=datetime(2026, 12, 1, tzinfo=UTC),
            host=None,
            folder="/snapshots/base",
            images={name: f"{name}-0123" for name in handed},
            networks=(),
            guests=(SavedGuest(path="l1", folder="/snapshots/base/l1", spec=spec, handed=handed),),
        ),
    )
    return home


def from_file(home: Home, image: str) -> list[str]:
    file = home.cache.parent / "lab.yaml"
    file.write_text(FILE.replace("IMAGE", image))
    goal = goal_of(home, file, snapshot="base")
    return [inner.image for guest in goal.guests for inner in guest.guests]


def test_guests_inside_may_have_any_image_that_was_handed_down(home: Home) -> None:
    assert from_file(home, "debian-13") == ["debian-13"]


def test_another_image_cannot_come_into_a_machine_that_is_resumed(home: Home) -> None:
    with pytest.raises(UsageError) as caught:
        from_file(home, "mine")
    assert caught.value.code == "snapshot.other-guest"
    assert "l1 is not in the lab file as it is in snapshot base" in caught.value.message
    assert "its guests would need mine" in caught.value.message
