"""The form of a file by the names of its columns, as other projects write them."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.tuning.datasets.files import as_lines
from tuning.datasets.check.layouts.formats import Purpose, Wanted
from tuning.datasets.check.run import CheckedFile, validate
from tuning.errors import InvalidInput


def checked(*rows: dict[str, Any]) -> CheckedFile:
    return validate(BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.mark.parametrize(
    ("prompt", "response"),
    [
        ("question", "answer"),
        ("input", "output"),
        ("query", "response"),
        ("problem", "solution"),
        ("prompt", "completion"),
    ],
)
def test_questions_and_answers_by_other_names_are_trained_on(prompt: str, response: str) -> None:
    found = checked({prompt: "2+2?", response: "4"}, {prompt: "2+3?", response: "5"})
    assert found.entry["columns"] == {"prompt": prompt, "response": response}
    assert (found.report.kept, found.report.purpose) == (2, "sft")


def test_an_input_beside_an_instruction_is_its_query() -> None:
    found = checked({"instruction": "Add", "input": "1 1", "output": "2"})
    assert found.entry["columns"] == {"prompt": "instruction", "response": "output", "query": "input"}


def test_a_question_with_two_answers_is_for_ranking() -> None:
    found = checked({"question": "2+2?", "chosen": "4", "rejected": "5"})
    assert found.entry["ranking"] is True
    assert found.entry["columns"] == {"prompt": "question", "chosen": "chosen", "rejected": "rejected"}


def test_texts_in_a_column_content_are_for_pre_training() -> None:
    found = checked({"content": "a text"})
    assert (found.entry["columns"], found.report.purpose) == ({"prompt": "content"}, "pretrain")


@pytest.mark.parametrize(
    ("column", "role", "content", "user", "assistant"),
    [
        ("messages", "role", "content", "user", "model"),
        ("messages", "role", "content", "human", "assistant"),
        ("dialog", "role", "content", "user", "assistant"),
        ("conversations", "from", "value", "user", "assistant"),
        ("conversations", "from", "value", "human", "gpt"),
        ("conversation", "role", "value", "user", "assistant"),
    ],
)
def test_speakers_by_other_names_are_heard(column: str, role: str, content: str, user: str, assistant: str) -> None:
    turns = [{role: user, content: "2+2?"}, {role: assistant, content: "4"}]
    found = checked({column: turns})
    assert (found.report.kept, found.report.dropped) == (1, 0)
    tags = found.entry["tags"]
    assert (tags["role_tag"], tags["content_tag"]) == (role, content)
    assert (tags["user_tag"], tags["assistant_tag"]) == (user, assistant)


@pytest.mark.parametrize(("column", "mark"), [("images", "<image>"), ("videos", "<video>"), ("audios", "<audio>")])
def test_media_that_are_not_sent_along_are_told(column: str, mark: str) -> None:
    row = {"messages": [{"role": "user", "content": f"{mark}What?"}, {"role": "assistant", "content": "A cup."}]}
    bare = {"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "A cup."}]}
    found = checked(*([{**row, column: ["cups/1.jpg"]}] * 3), {**bare, column: []})
    [problem] = found.report.problems
    assert (problem.reason, problem.rows) == ("media_elsewhere", 3)
    assert found.report.kept == 4
    assert found.entry["columns"][column] == column


def test_a_number_that_is_none_in_a_column_that_nobody_reads_is_taken() -> None:
    for text in (
        '[{"instruction": "a", "output": "b", "score": NaN}, {"instruction": "c", "output": "d", "score": 1.0}]',
        '{"instruction": "a", "output": "b", "score": NaN}\n{"instruction": "c", "output": "d", "score": 1.0}\n',
    ):
        assert validate(BytesIO(text.encode())).report.kept == 2


@pytest.mark.parametrize("labels", [(1, 0, 0), (1.0, 0.0, 1.0), (1, 1, 1), ("1", "0", "0"), ("True", "False", "true")])
def test_answers_labelled_with_numbers_are_refused(labels: tuple[Any, ...]) -> None:
    rows = [{"prompt": "a", "completion": "b", "label": label} for label in labels]
    purposes: list[Purpose | None] = [None, "kto"]
    for purpose in purposes:
        with pytest.raises(InvalidInput, match=r"the column label says with .* which answers were liked") as caught:
            validate(BytesIO(as_lines(rows)), Wanted(purpose=purpose))
        assert ("--purpose sft" in str(caught.value.findings[0].hint)) is (purpose is None)
    assert validate(BytesIO(as_lines(rows)), Wanted(purpose="sft")).report.problems == ()


def test_labels_of_classes_are_nothing_to_talk_of() -> None:
    rows = [{"prompt": "a", "completion": "b", "label": number} for number in range(3)]
    assert checked(*rows).report.problems == ()
