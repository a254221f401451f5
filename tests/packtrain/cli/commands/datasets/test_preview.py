"""`packtrain datasets preview`: what is trained on is marked."""

import json

import pytest

from packtrain.cli.text.preview_text import Line, row_lines
from packtrain.schema import TextPiece
from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import Stub


def test_what_is_trained_on_is_marked_line_by_line(run: Run, stub: Stub) -> None:
    result = run("datasets", "preview", "ds_1", "--template", "qwen")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "row 1 (line 2)",
        "  <user>↵",
        "  犬↵",
        "> dog",
        "+ <end>",
        "row 2 (line 3): left out",
        "{",
        '  "output": null',
        "}",
    ]
    assert "nothing is cut at cutoff_len" in result.stderr


def test_the_arguments_of_the_training_are_asked_for(run: Run, stub: Stub) -> None:
    flags = ("--mask-history", "--train-on-prompt", "--no-thinking", "--count", "7")
    assert run("datasets", "preview", "ds_1", "--template", "qwen", *flags).exit_code == 0
    path = "/api/v1/datasets/ds_1/preview?count=7&enable_thinking=false&mask_history=true&train_on_prompt=true"
    assert stub.requests[-1] == ("GET", f"{path}&template=qwen")


def test_without_a_template_rows_are_as_they_are(run: Run, stub: Stub) -> None:
    result = run("datasets", "preview", "ds_1")
    assert result.stdout == 'row 1 (line 2)\n{\n  "output": "dog"\n}\n'
    assert result.stderr == ""


def test_the_answer_may_be_had_as_json(run: Run, stub: Stub) -> None:
    shown = json.loads(run("datasets", "preview", "ds_1", "--template", "qwen", "--json").stdout)
    assert shown["rows"][0]["pieces"][1] == {"text": "dog", "trained": True, "read": True}


@pytest.mark.parametrize(
    ("text", "lines"), [("a\n\nb", ["a↵", "↵", "b"]), ("a\n", ["a↵"]), ("\n", ["↵"]), ("a", ["a"])]
)
def test_each_line_end_of_the_text_is_seen(text: str, lines: list[str]) -> None:
    piece: TextPiece = {"text": text, "trained": True, "read": True}
    shown = row_lines({"row": 1, "line": 1, "value": {}, "pieces": [piece], "problem": None})
    assert shown[1:] == [Line(">", line) for line in lines]
