"""A dataset_info.json entry that comes with a file is taken as LLaMA-Factory takes it."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.datasets.check.layouts.formats import Layout, Wanted
from tuning.datasets.check.layouts.given_entry import PLACES, given_layout
from tuning.datasets.check.run import CheckedFile, validate
from tuning.errors import Finding, InvalidInput


def checked(entry: dict[str, Any], *rows: dict[str, Any]) -> CheckedFile:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return validate(BytesIO(content), Wanted(entry=entry))


def refused(entry: dict[str, Any], *rows: dict[str, Any]) -> list[tuple[str | int, ...]]:
    with pytest.raises(InvalidInput) as caught:
        checked(entry, *(rows or [{"instruction": "a", "output": "b"}]))
    return [finding.loc for finding in caught.value.findings]


def test_columns_of_any_name_are_read() -> None:
    entry = {"file_name": "x.json", "columns": {"prompt": "ja", "response": "en", "system": "order"}, "num_samples": 10}
    found = checked(entry, {"ja": "猫", "en": "cat", "order": "Translate", "input": "not read"})
    assert found.entry == {
        "formatting": "alpaca",
        "columns": {"prompt": "ja", "response": "en", "system": "order"},
        "num_samples": 10,
    }
    assert found.report.unused_columns == ("input",)


def test_without_columns_llamafactorys_own_hold() -> None:
    assert checked({}, {"instruction": "a", "output": "b"}).entry["columns"] == {
        "prompt": "instruction",
        "response": "output",
    }


def test_a_prompt_alone_is_for_pre_training() -> None:
    found = checked({"columns": {"prompt": "body"}}, {"body": "a text"})
    assert (found.report.purpose, found.entry["columns"]) == ("pretrain", {"prompt": "body"})


def test_tags_of_any_name_are_heard() -> None:
    tags = {"role_tag": "who", "content_tag": "said", "user_tag": "me", "assistant_tag": "it"}
    entry = {"formatting": "sharegpt", "columns": {"messages": "talk"}, "tags": tags}
    found = checked(entry, {"talk": [{"who": "me", "said": "a"}, {"who": "it", "said": "b"}]})
    assert found.report.kept == 1
    assert tags.items() <= found.entry["tags"].items()
    assert found.entry["tags"]["system_tag"] == "system"


def test_openais_formatting_is_read_as_sharegpt_with_its_tags() -> None:
    entry = {"formatting": "openai", "columns": {"messages": "messages"}}
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    found = checked(entry, row)
    assert (found.entry["formatting"], found.entry["tags"]["user_tag"], found.report.kept) == ("sharegpt", "user", 1)


def test_pairs_and_thumbs_are_told_by_the_entry() -> None:
    columns = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    pairs = checked({"ranking": True, "columns": columns}, {"q": "a", "good": "b", "bad": "c"})
    assert (pairs.report.purpose, pairs.entry["ranking"]) == ("ranking", True)
    thumbs = checked({"columns": {"prompt": "q", "response": "a", "kto_tag": "ok"}}, {"q": "a", "a": "b", "ok": True})
    assert thumbs.report.purpose == "kto"


@pytest.mark.parametrize(
    ("entry", "loc"),
    [
        ({"formatting": "chatml"}, ("entry", "formatting")),
        ({"columns": ["a"]}, ("entry", "columns")),
        ({"columns": {"prompt": 1}}, ("entry", "columns", "prompt")),
        ({"columns": {"promt": "q"}}, ("entry", "columns", "promt")),
        ({"columns": {"response": "output"}}, ("entry", "columns")),
        ({"tags": {"role": "x"}}, ("entry", "tags", "role")),
        ({"ranking": "yes"}, ("entry", "ranking")),
        ({"ranking": True, "columns": {"prompt": "instruction", "chosen": "output"}}, ("entry", "columns")),
        ({"num_samples": -1}, ("entry", "num_samples")),
        ({"script_url": "x.py"}, ("entry", "script_url")),
        ({"columns": {"prompt": "instruction", "response": "answer"}}, ("entry", "columns")),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_at_its_place(entry: dict[str, Any], loc: tuple[str, ...]) -> None:
    assert loc in refused(entry)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
)
KEYS = st.sampled_from(["formatting", "columns", "tags", "ranking", "num_samples", *sorted(PLACES)]) | st.text(
    max_size=8
)


def layout_or_findings(entry: dict[str, Any]) -> Layout | tuple[Finding, ...]:
    try:
        return given_layout(entry)
    except InvalidInput as error:
        return error.findings


@given(st.dictionaries(KEYS, JSON | st.dictionaries(st.sampled_from(["prompt", "messages", "role_tag"]), JSON)))
def test_any_entry_is_a_layout_or_refused(entry: dict[str, Any]) -> None:
    assert layout_or_findings(entry) != ()
