import json
import resource
import stat
from pathlib import Path

import pytest

from nestlab.errors import StoredDataError
from nestlab.result.models import (
    Sample,
)
from nestlab.result.reading import load
from nestlab.result.store import RunFolder
from result_examples import START, result, series


def test_a_run_folder_keeps_a_result_and_raw_outputs(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs", now=START)
    assert folder.id.startswith("20261124T055000Z-")
    raw = folder.save_raw("fio-randread.l1/l2.1.json", b"\xff\x00")
    assert raw == "raw/fio-randread.l1+l2.1.json"
    assert (folder.path / raw).read_bytes() == b"\xff\x00"
    sample = Sample(value=1.0, round=1, order=1, elapsed=1.0, raw=raw)
    saved = result(series(samples=(sample,)))
    folder.save(saved)
    assert folder.load() == load(folder.path) == load(folder.result_file) == saved
    assert json.loads(folder.result_file.read_text())["schema"] == "nestlab.result/1"
    assert sorted(p.name for p in folder.path.iterdir()) == ["raw", "result.json"]


def test_two_runs_at_the_same_second_have_two_folders(tmp_path: Path) -> None:
    assert RunFolder.create(tmp_path, now=START) != RunFolder.create(tmp_path, now=START)


def test_a_raw_name_cannot_leave_its_folder(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    for name in ("../../up", "/etc/passwd", "..", "", "a\nb", ".hidden"):
        kept = folder.path / folder.save_raw(name, b"x")
        assert kept.parent == folder.path / "raw"
        assert kept.is_file()
        Sample(value=1.0, round=1, order=1, elapsed=1.0, raw=str(kept.relative_to(folder.path)))


def test_a_save_that_fails_half_way_leaves_the_old_result(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.save(result())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # a real failure of write(2)
    try:
        with pytest.raises(StoredDataError, match="File too large") as caught:
            folder.save(result(warnings=("new",)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "result.not-written"
    assert str(folder.result_file) in caught.value.message
    assert folder.load() == result()
    assert sorted(p.name for p in folder.path.iterdir()) == ["raw", "result.json"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # a permission test would pass for root
    with pytest.raises(StoredDataError, match="file") as caught:
        RunFolder.create(tmp_path / "file")
    assert caught.value.code == "result.not-written"
    assert caught.value.hint
    gone = RunFolder(tmp_path / "gone")
    with pytest.raises(StoredDataError, match="No such file"):
        gone.save(result())


def test_results_are_private(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.save(result())
    assert stat.S_IMODE(folder.result_file.stat().st_mode) == 0o600
