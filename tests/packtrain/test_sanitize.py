import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.sanitize import inert_line, inert_text, json_text


@given(st.text(st.characters()))
def test_no_control_character_but_newline_and_tab_is_left(text: str) -> None:
    left = {character for character in inert_text(text) if unicodedata.category(character) in ("Cc", "Cs")}
    assert left <= {"\n", "\t"}


@given(st.text(st.characters()))
def test_a_line_is_one_line(text: str) -> None:
    assert len(inert_line(text).splitlines()) <= 1


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_text_without_such_characters_is_untouched(text: str) -> None:
    assert inert_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cHduZWQ=\x07clipboard", "clipboard"),
        ("\x9b2Jc1", "2Jc1"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("ab\u202etxt.exe", "abtxt.exe"),
        ("日本語 ok", "日本語 ok"),
    ],
)
def test_sequences_are_taken_out_whole(text: str, shown: str) -> None:
    assert inert_text(text) == shown


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_keeps_its_value_and_holds_nothing_unsafe(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_json_keeps_other_scripts_readable() -> None:
    assert "日本語" in json_text({"name": "日本語"})
