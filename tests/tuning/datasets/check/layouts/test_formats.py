from typing import Any

import pytest

from tests.tuning.datasets.files import alpaca, liked, liked_chat, messages, ranked, ranked_chat, sharegpt
from tuning.datasets.check.layouts.detection import detect_layout
from tuning.datasets.check.layouts.formats import (
    AlpacaLayout,
    ChatLayout,
    Purpose,
    Wanted,
    dataset_info_entry,
    stages_of,
)
from tuning.errors import InvalidInput


def test_alpaca_is_told_by_its_two_columns() -> None:
    assert detect_layout([alpaca()]) == AlpacaLayout()


def test_sharegpt_has_humans_and_gpts() -> None:
    layout = detect_layout([sharegpt()])
    assert isinstance(layout, ChatLayout)
    assert (layout.messages, layout.role, layout.content) == ("conversations", "from", "value")
    assert (layout.user, layout.assistant) == ("human", "gpt")


def test_speakers_are_told_by_the_rows_and_not_by_the_column() -> None:
    layout = detect_layout([sharegpt(("user", "a"), ("assistant", "b"))])
    assert isinstance(layout, ChatLayout)
    assert (layout.role, layout.user, layout.assistant) == ("from", "user", "assistant")


def test_a_chat_without_any_known_speaker_gets_the_names_of_its_form() -> None:
    layout = detect_layout([sharegpt(("bob", "a"), ("eve", "b"))])
    assert isinstance(layout, ChatLayout)
    assert (layout.user, layout.assistant) == ("human", "gpt")


def test_messages_never_become_the_openai_formatting() -> None:
    """LLaMA-Factory's own puts "detailed thinking off" into every sample."""
    entry = dataset_info_entry(detect_layout([messages()]), ["messages"])
    assert entry == {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "observation_tag": "tool",
            "function_tag": "function_call",
            "system_tag": "system",
        },
    }


def test_columns_that_do_not_occur_are_not_named() -> None:
    """LLaMA-Factory ends with KeyError: 'input' otherwise."""
    entry = dataset_info_entry(AlpacaLayout(), ["instruction", "output"])
    assert entry["columns"] == {"prompt": "instruction", "response": "output"}


def test_columns_that_occur_are_named() -> None:
    """With a map, LLaMA-Factory reads no column that is not in it."""
    entry = dataset_info_entry(AlpacaLayout(), ["history", "input", "instruction", "output", "system"])
    assert entry["columns"] == {
        "prompt": "instruction",
        "query": "input",
        "response": "output",
        "system": "system",
        "history": "history",
    }


def test_unknown_rows_are_refused_with_what_was_found_and_what_is_known() -> None:
    with pytest.raises(InvalidInput) as caught:
        detect_layout([{"frage": "a", "antwort": "b"}])
    (finding,) = caught.value.findings
    assert "'antwort', 'frage'" in finding.message
    assert "instruction" in str(finding.hint)
    assert "conversations" in str(finding.hint)


def test_another_form_than_wanted_is_refused() -> None:
    with pytest.raises(InvalidInput, match="form alpaca, not sharegpt"):
        detect_layout([alpaca()], Wanted(formatting="sharegpt"))


def test_ranking_is_told_by_its_two_answers() -> None:
    entry = dataset_info_entry(detect_layout([ranked()]), ranked())
    assert entry == {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "chosen": "chosen", "rejected": "rejected"},
        "ranking": True,
    }
    chat = dataset_info_entry(detect_layout([ranked_chat()]), ranked_chat())
    assert chat["columns"] == {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}
    assert (chat["formatting"], chat["ranking"]) == ("sharegpt", True)


def test_kto_is_told_by_its_tag() -> None:
    entry = dataset_info_entry(detect_layout([liked()]), liked())
    assert entry["columns"] == {
        "prompt": "instruction",
        "query": "input",
        "response": "output",
        "kto_tag": "kto_tag",
    }
    assert dataset_info_entry(detect_layout([liked_chat()]), liked_chat())["columns"]["kto_tag"] == "kto_tag"


def test_text_is_a_prompt_without_answer() -> None:
    """With the default `response` LLaMA-Factory would look for a column `output`."""
    layout = detect_layout([{"text": "a", "url": "b"}])
    assert dataset_info_entry(layout, ["text", "url"]) == {"formatting": "alpaca", "columns": {"prompt": "text"}}


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"prompt": "a", "completion": "b"}, {"prompt": "prompt", "response": "completion"}),
        ({"prompt": "a", "response": "b"}, {"prompt": "prompt", "response": "response"}),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c"},
            {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        ),
        (
            {"prompt": "a", "completion": "b", "label": True},
            {"prompt": "prompt", "response": "completion", "kto_tag": "label"},
        ),
        ({"prompt": "a", "completion": "b", "label": 2}, {"prompt": "prompt", "response": "completion"}),
    ],
)
def test_the_names_of_other_data_sets_are_mapped(row: dict[str, Any], columns: dict[str, str]) -> None:
    assert dataset_info_entry(detect_layout([row]), row)["columns"] == columns


@pytest.mark.parametrize("purpose", ["sft", "ranking", "pretrain"])
def test_what_is_wanted_decides_where_rows_serve_several_purposes(purpose: Purpose) -> None:
    row = {**ranked(), "output": "Good morning.", "text": "Good morning."}
    assert detect_layout([row], Wanted(purpose=purpose)).purpose == purpose


def test_another_purpose_than_wanted_is_refused() -> None:
    with pytest.raises(InvalidInput, match="purpose sft, not kto"):
        detect_layout([alpaca()], Wanted(purpose="kto"))


@pytest.mark.parametrize(
    ("entry", "stages"),
    [
        ({"file_name": "identity.json"}, {"sft"}),
        ({"file_name": "a.json", "formatting": "sharegpt"}, {"sft"}),
        ({"file_name": "a.json", "formatting": "openai", "columns": {"messages": "m"}}, {"sft"}),
        ({"file_name": "wiki.txt", "columns": {"prompt": "text"}}, {"pt"}),
        ({"file_name": "a.json", "ranking": True, "columns": {"chosen": "chosen"}}, {"dpo", "rm"}),
        ({"file_name": "a.json", "formatting": "sharegpt", "columns": {"kto_tag": "label"}}, {"kto"}),
    ],
)
def test_the_stages_of_an_entry_that_others_wrote_are_told(entry: dict[str, Any], stages: set[str]) -> None:
    assert stages_of(entry) == stages
