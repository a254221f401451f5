import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.progress.trainer_log import MAX_LINE_BYTES, LogPoint, parse_duration, parse_log

FIXTURES = Path(__file__).parents[3] / "fixtures" / "llamafactory"
COMPLETE = (FIXTURES / "trainer_log.complete.jsonl").read_bytes()
LINE = {"current_steps": 5, "total_steps": 90, "elapsed_time": "0:00:02", "epoch": 0.1, "loss": 6.2}


def recorded(case: str) -> tuple[LogPoint, ...]:
    parsed = parse_log((FIXTURES / f"trainer_log.{case}.jsonl").read_bytes())
    assert parsed.bad_lines == 0
    return parsed.points


def line(**changes: object) -> bytes:
    return json.dumps({**LINE, **changes}).encode() + b"\n"


def test_a_real_line_is_told_in_our_words() -> None:
    assert recorded("complete")[0] == LogPoint(
        current_steps=5,
        total_steps=90,
        kind="train",
        epoch=0.1111111111111111,
        percentage=5.56,
        values={"loss": 6.269208908081055, "learning_rate": 0.0009951340343707852},
        elapsed_seconds=2,
        total_tokens=640,
        diverged=False,
    )


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        ("complete", {"train": 18, "eval": 5, "final": 1}),
        ("early_stop", {"train": 8, "eval": 2, "final": 1}),
        ("jit_sigterm", {"train": 10, "eval": 2, "final": 1}),
        ("nan", {"train": 12, "eval": 3, "final": 1}),
        ("no_tokens", {"train": 1, "final": 1}),
        ("predict", {"predict": 6}),
        ("sigabrt", {"train": 4, "eval": 1, "final": 1}),
        ("torchrun2", {"train": 6, "final": 1}),
        ("resumed_after_kill", {"train": 25, "eval": 6, "final": 1}),
    ],
)
def test_the_kinds_of_lines_are_told_apart(case: str, kinds: dict[str, int]) -> None:
    points = recorded(case)
    assert {kind: sum(point.kind == kind for point in points) for kind in {p.kind for p in points}} == kinds


def test_a_resumed_log_repeats_steps_and_starts_its_clock_again() -> None:
    points = recorded("resumed_after_kill")
    jumps = [(a, b) for a, b in itertools.pairwise(points) if b.elapsed_seconds < a.elapsed_seconds]
    assert [(a.total_steps, b.total_steps, b.current_steps) for a, b in jumps] == [(360, 120, 95)]


def test_nan_is_none_and_marked_as_diverged() -> None:
    points = recorded("nan")
    assert [point.values["eval_loss"] for point in points if point.kind == "eval"] == [None, None, None]
    assert not points[0].diverged
    assert all(point.diverged for point in points[1:-1])  # a loss of 0.0 is what transformers logs for NaN


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_finite_is_none(value: str) -> None:
    [point] = parse_log(line(loss=1.5).replace(b"1.5", value.encode())).points
    assert point.values == {"loss": None}
    assert point.diverged


OLD = {
    "current_steps": 10, "total_steps": 90, "loss": 1.5, "eval_loss": None, "predict_loss": None, "reward": None,
    "learning_rate": 5e-05, "epoch": 0.11, "percentage": 11.11, "elapsed_time": "0:00:21", "remaining_time": "0:02:48",
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind", "values"),
    [
        ({}, "train", {"loss": 1.5, "learning_rate": 5e-05}),
        ({"loss": None, "eval_loss": 1.2, "learning_rate": None}, "eval", {"eval_loss": 1.2}),
        ({"loss": None, "learning_rate": None}, "final", {}),
        ({"reward": 0.3}, "train", {"loss": 1.5, "learning_rate": 5e-05, "reward": 0.3}),
        ({"lr": 1e-5}, "train", {"loss": 1.5, "learning_rate": 1e-5}),
    ],
)
def test_a_null_in_an_old_log_is_what_the_line_has_not(
    said: dict[str, object], kind: str, values: dict[str, float]
) -> None:
    parsed = parse_log(json.dumps({**OLD, **said}).encode() + b"\n")
    assert parsed.bad_lines == 0
    assert (parsed.points[0].kind, parsed.points[0].values) == (kind, values)


def test_a_line_of_the_v1_engine_has_no_clock() -> None:
    text = b'{"epoch": 1, "loss": 2.25, "grad_norm": 0.5, "learning_rate": 1e-05, "step": 4, "total_steps": 60}\n'
    point = parse_log(text).points[0]
    assert (point.current_steps, point.total_steps, point.kind, point.has_clock) == (4, 60, "train", False)
    assert point.values == {"loss": 2.25, "learning_rate": 1e-05}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00:00", 0),
        ("0:09:01", 541),
        ("23:59:59", 86_399),
        ("1 day, 2:03:04", 93_784),
        ("12 days, 0:00:01", 1_036_801),
        ("-1 day, 23:59:59", None),
        ("0:60:00", None),
        ("1:2", None),
        ("", None),
        ("9999999 days, 0:00:00", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "bad",
    [
        b"not json\n",
        b"[1, 2]\n",
        b"7\n",
        b"null\n",
        b"\xff\xfe\n",
        b"{}\n",
        line(current_steps="5"),
        line(current_steps=True),
        line(current_steps=-1),
        line(current_steps=5.0),
        line(current_steps=10**30),
        line(total_steps=None),
        line(elapsed_time=2),
        line(elapsed_time="soon"),
        line(loss="6.2"),
        line(elapsed_time=None, loss=None),
        line(note="x" * MAX_LINE_BYTES),
        b"[" * 60_000 + b"\n",
        b'{"current_steps": ' + b"9" * 5000 + b"}\n",
        line()[:40] + line(),
    ],
)
def test_what_is_no_line_of_this_log_is_skipped_and_counted(bad: bytes) -> None:
    parsed = parse_log(line() + bad + line(current_steps=10))
    assert [point.current_steps for point in parsed.points] == [5, 10]
    assert parsed.bad_lines == 1
    assert parsed.consumed_bytes == len(line() + bad + line(current_steps=10))


def test_empty_lines_are_nothing() -> None:
    assert parse_log(b"\n  \n" + line()).bad_lines == 0


def test_half_a_line_is_held_back() -> None:
    half = parse_log(line() + line()[:20])
    assert len(half.points) == 1
    assert half.consumed_bytes == len(line())


def test_a_line_that_never_ends_does_not_stop_the_reader() -> None:
    parsed = parse_log(line() + b"x" * (MAX_LINE_BYTES + 1))
    assert parsed.consumed_bytes == len(line()) + MAX_LINE_BYTES + 1
    assert (len(parsed.points), parsed.bad_lines) == (1, 1)


def test_more_steps_than_all_are_no_more_than_100_percent() -> None:
    assert parse_log(line(current_steps=95)).points[0].percentage == 100.0
    assert parse_log(line(total_steps=0)).points[0].percentage == 100.0


@pytest.mark.parametrize(
    "absurd",
    [
        {"current_steps": 2**31},
        {"total_steps": 100_000_000_000_000},
        {"current_steps": -1},
        {"current_steps": True},
        {"elapsed_time": "999999 days, 0:00:00"},
        {"elapsed_time": "٣:00:00"},
        {"elapsed_time": "-1 day, 0:00:00"},
        {"loss": "high"},
    ],
)
def test_a_line_with_what_no_run_has_is_counted_as_none(absurd: dict[str, object]) -> None:
    parsed = parse_log(line() + line(**absurd))
    assert (len(parsed.points), parsed.bad_lines) == (1, 1)


@given(st.lists(st.integers(0, len(COMPLETE)), max_size=8))
def test_however_a_log_is_cut_the_points_are_the_same(cuts: list[int]) -> None:
    points: list[LogPoint] = []
    offset = 0
    for end in [*sorted(cuts), len(COMPLETE)]:
        parsed = parse_log(COMPLETE[offset:end])
        points.extend(parsed.points)
        offset += parsed.consumed_bytes
    assert tuple(points) == recorded("complete")
    assert offset == len(COMPLETE)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda junk: line()[:-2] + junk + b"}\n"))
def test_any_bytes_are_survived(chunk: bytes) -> None:
    parsed = parse_log(chunk)
    assert parsed.consumed_bytes == chunk.rfind(b"\n") + 1
