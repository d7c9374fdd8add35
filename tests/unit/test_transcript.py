import pytest

from nestlab.machine.transcript import Transcript

WHOLE = b"noise of a .bashrc\nT 4711\nfirst line\nsecond line\n"


@pytest.mark.parametrize("size", [1, 3, 7, len(WHOLE)])
def test_the_mark_and_what_is_before_it_are_taken_out(size: int) -> None:
    transcript = Transcript("T", limit=1000)
    for start in range(0, len(WHOLE), size):
        transcript.add_stderr(WHOLE[start : start + size])
    assert transcript.group == 4711
    assert transcript.stderr.kept == b"first line\nsecond line\n"
    assert not transcript.not_found
    assert transcript.started_at > 0


def test_a_refusal_is_seen_beyond_the_limit() -> None:
    transcript = Transcript("T", limit=3)
    transcript.add_stderr(b"T 4711\nsh: 1: exec: nothing: not found\nT 127\n")
    assert transcript.not_found
    assert transcript.stderr.kept == b"sh:"


def test_endless_noise_is_not_kept() -> None:
    transcript = Transcript("T", limit=3)
    for _ in range(100):
        transcript.add_stderr(b"x" * 1000)
    assert len(transcript.noise) < 10_000
    assert transcript.group is None
