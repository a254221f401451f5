"""What is said of the images, videos and audios that rows name."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.datasets.files import alpaca, as_lines, messages, ranked, ranked_chat
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.check.media import InFolder, SentAlong, media_paths
from tuning.datasets.check.run import validate
from tuning.errors import InvalidInput

HERE = SentAlong(frozenset({"1.jpg", "2.jpg"}))


def problems(*rows: dict[str, Any], entry: dict[str, Any] | None = None) -> list[str]:
    """Reasons in the report, or the message of the refusal."""
    try:
        found = validate(BytesIO(as_lines(rows)), Wanted(entry=entry), media=HERE)
    except InvalidInput as error:
        return [error.findings[0].message]
    return [problem.reason.value for problem in found.report.problems]


@pytest.mark.parametrize(
    "row",
    [
        alpaca(input="<image>", image="1.jpg"),
        alpaca(history=[["<image>", "a cup"]], images=["1.jpg"]),
        alpaca(output="<image>", system="<image>", images=["1.jpg"]),
        messages(("system", "<image>"), ("user", "<image>"), ("assistant", "x"), images=["1.jpg"]),
        alpaca(input="<video>", videos=[["1.jpg", "2.jpg"]]),
        alpaca(input="<image><audio>", images=["1.jpg"], audios=["2.jpg"]),
        ranked(instruction="<image>", images=["1.jpg"]),
        ranked_chat(("human", "<image>"), images=["1.jpg"]),
    ],
)
def test_media_that_fit_are_nothing_to_talk_of(row: dict[str, Any]) -> None:
    assert problems(row) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ranked(chosen="<image>", images=["1.jpg"]), "0 <image>, 1 in images"),
        (alpaca(input="<video><video>", videos=[["1.jpg", "2.jpg"]]), "2 <video>, 1 in videos"),
        (alpaca(input="<audio>", audios=["3.wav"]), "not there (3.wav)"),
        (alpaca(input="<image>", images=[{"path": "1.jpg"}]), "no paths"),
    ],
)
def test_what_ends_a_run_refuses_the_file(row: dict[str, Any], said: str) -> None:
    assert said in problems(row)[0]


def test_a_column_that_the_entry_does_not_name_is_told() -> None:
    entry = {"columns": {"prompt": "instruction", "response": "output"}}
    assert problems(alpaca(images=["1.jpg"]), entry=entry) == ["unused_media"]


def test_a_column_in_which_nothing_is_named_says_nothing() -> None:
    found = validate(BytesIO(as_lines([alpaca(images=[]), alpaca(images=[])])))
    assert (found.report.problems, "images" in found.entry["columns"]) == ((), False)


def test_media_come_before_what_the_job_survives() -> None:
    assert "not there" in problems(alpaca(input="<image>", output="", images=["3.jpg"]))[0]
    assert problems(alpaca(input="<image>", output="", images=["1.jpg"])) == ["empty_answer"]


def test_files_of_a_folder_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.jpg").touch()
    folder = InFolder(str(tmp_path))
    assert folder.has("a/1.jpg")
    assert folder.has(str(tmp_path / "a/1.jpg"))
    assert not any(folder.has(path) for path in ("a", "2.jpg", "\0", "x" * 5000, "a/1.jpg/x", ""))


@pytest.mark.parametrize(
    ("value", "paths"),
    [(None, []), ("", []), ([], []), ("a", ["a"]), ([["a"], ["b", "c"]], ["a", "b", "c"]), ([1], None), ({}, None)],
)
def test_paths_are_found_in_every_form(value: Any, paths: list[str] | None) -> None:
    assert media_paths(value) == paths
