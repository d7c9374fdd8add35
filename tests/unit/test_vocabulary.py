"""Units, deadlines, errors, events and folders."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestlab import errors
from nestlab.deadline import Deadline
from nestlab.errors import HostError, NestlabError, UsageError
from nestlab.events import Notice, discard
from nestlab.home import Home, make_folder
from nestlab.units import GIB, KIB, MIB, TIB, format_duration, format_size, parse_size

EXIT_STATUS = {
    "NestlabError": 70,
    "UsageError": 2,
    "HostError": 3,
    "MachineError": 4,
    "WorkloadError": 5,
    "StoredDataError": 6,
    "CleanupError": 7,
}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GiB", 4 * GIB),
        ("512M", 512 * MIB),
        (" 1.5 k ", 1536),
        ("10GB", 10**10),
        ("1", 1),
        ("7b", 7),
        ("2tib", 2 * TIB),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "0GiB", "-1", "+1", "1e3", "GiB", "4 Gigabytes", "4GiB4", ".5G", "1,5G", "0.1"),
        *(
            "9" * 400,
            "9" * 400 + "TiB",
            "1." + "0" * 400,
            "inf",
            "nan",
            "\N{ARABIC-INDIC DIGIT ONE}",
        ),
    ],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert caught.value.code == "size.invalid"
    assert "4GiB" in (caught.value.hint or "")


@given(st.integers(1, 1 << 50), st.sampled_from(["", "B", "KiB", "M", "GB"]))
def test_a_whole_number_of_units_is_exact(number: int, unit: str) -> None:
    factor = {"": 1, "B": 1, "KiB": KIB, "M": MIB, "GB": 10**9}[unit]
    assert parse_size(f"{number}{unit}") == number * factor


@given(st.integers(1, 1 << 45))
def test_what_is_shown_is_near_what_is_meant(size: int) -> None:
    assert abs(parse_size(format_size(size)) - size) <= max(size * 0.05, 52)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * TIB, "3.0 TiB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (65.4, "1 min 05 s"),
        (119.6, "2 min 00 s"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_deadline_passes() -> None:
    assert not Deadline.after(60).expired
    assert 59 < Deadline.after(60).remaining <= 60
    passed = Deadline.after(-1)
    assert passed.expired
    assert passed.remaining == 0


def test_the_nearer_deadline_counts() -> None:
    far = Deadline.after(60)
    assert far.within(5).allowed == 5
    assert far.within(600) is far


def test_every_kind_of_error_has_the_exit_status_of_the_design() -> None:
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, NestlabError)
    }
    assert {name: kind.exit_status for name, kind in kinds.items()} == EXIT_STATUS


def test_an_error_is_more_than_its_message() -> None:
    error = HostError("kvm.nested-disabled", "nested is off", where="l0", hint="nestlab enable")
    assert str(error) == "kvm.nested-disabled: nested is off"
    assert error.notes == ()
    assert {error} == {error}


def test_nobody_has_to_watch() -> None:
    discard(Notice("something"))


def test_nestlab_home_moves_everything(tmp_path: Path) -> None:
    environment = {"NESTLAB_HOME": str(tmp_path), "XDG_CACHE_HOME": "/elsewhere"}
    home = Home.from_environment(environment)
    assert home.images == tmp_path / "cache" / "images"
    assert home.labs == tmp_path / "state" / "labs"
    assert home.runs == tmp_path / "state" / "runs"


def test_a_relative_home_is_made_absolute() -> None:
    assert Home.from_environment({"NESTLAB_HOME": "x"}).cache == Path.cwd() / "x" / "cache"
    assert Home.from_environment({"NESTLAB_HOME": "~/x"}).cache == Path.home() / "x" / "cache"


def test_xdg_folders_count_where_they_are_absolute() -> None:
    environment = {"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "relative"}
    home = Home.from_environment(environment)
    assert home.cache == Path("/c/nestlab")
    assert home.state == Path.home() / ".local/state/nestlab"
    assert Home.from_environment({}).cache == Path.home() / ".cache/nestlab"


def test_folders_are_private(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a" / "b")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert make_folder(folder) == folder


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HostError) as caught:
            make_folder(path)
        assert caught.value.code == "home.not-writable"
        assert str(path) in caught.value.message
        assert "NESTLAB_HOME" in (caught.value.hint or "")
