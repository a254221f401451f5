"""Names of results."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.models.names import MOST_CHARACTERS, ResultName, base_word, parse_name, result_name

IDS = st.from_regex(r"job_[a-z0-9]{1,28}", fullmatch=True)
STEPS = st.none() | st.integers(1, 2**31 - 1)


@given(IDS, STEPS, st.text(), st.text(), st.text())
def test_every_name_is_read_back(job_id: str, step: int | None, base: str, team: str, suffix: str) -> None:
    name = result_name(ResultName(job_id, step), base, team, suffix)
    assert parse_name(name) == ResultName(job_id, step)
    assert len(name) <= MOST_CHARACTERS
    assert name.isascii()
    assert name.isprintable()


@given(st.text())
def test_a_text_of_people_is_a_name_or_nothing(text: str) -> None:
    parse_name(text)
    parse_name(f"ft:{text}")


def test_a_name_tells_base_team_and_job() -> None:
    name = result_name(ResultName("job_x1"), "Qwen/Qwen2.5-7B", "mt", "wmt ja→en (v2)")
    assert name == "ft:Qwen/Qwen2.5-7B:mt:wmt-ja-en-v2:x1"
    checkpoint = result_name(ResultName("job_x1", 500), "/shared/models/tiny-qwen2/", "mt", "翻訳")
    assert checkpoint == "ft:tiny-qwen2:mt::x1:ckpt-step-500"


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("/cache/hub/models--Qwen--Qwen2.5-7B/snapshots/0a1b", "Qwen/Qwen2.5-7B"),
        ("jobs/job_abc/output", "job_abc"),
        ("jobs/job_abc/output/checkpoint-5", "job_abc"),
        ("a:b", "a-b"),
        ("", ""),
    ],
)
def test_a_base_is_told_without_folders(model: str, word: str) -> None:
    assert base_word(model) == word


def test_words_before_the_id_need_not_be_those_of_today() -> None:
    assert parse_name("ft::::x1") == ResultName("job_x1")
    assert parse_name("ft:other/base:team:old-name:x1:ckpt-step-7") == ResultName("job_x1", 7)


@pytest.mark.parametrize(
    "text",
    [
        "tiny-qwen2",
        "ft:x1",
        "ft:a:b:c:",
        "ft:a:b:c:X1",
        "ft:a:b:c:d:x1",
        "ft:a:b:c:x1:ckpt-step-0",
        "ft:a:b:c:x1:ckpt-step-99999999999",
        "ft:a:b:c:x1:ckpt-step-2147483648",
        "ft:a:b:c:x1\n",
        f"ft:{'a' * 300}:b:c:x1",
    ],
)
def test_other_texts_are_no_names(text: str) -> None:
    assert parse_name(text) is None
