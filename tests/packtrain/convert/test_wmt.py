"""A pair of languages, and the row that is made of a translation."""

import pytest

from packtrain.convert.wmt import INSTRUCTION, Pair, Translation
from packtrain.errors import InvalidInput


def test_a_translation_is_an_alpaca_row() -> None:
    row = Translation("犬", "dog").row(Pair.parse("ja-en").instruction())
    assert row == {"instruction": "Translate the Japanese text into English.", "input": "犬", "output": "dog"}


@pytest.mark.parametrize(("text", "source", "target"), [("en-zh", "en", "zh"), ("en-ja_JP", "en", "ja_JP")])
def test_a_pair_is_written_as_wmt_writes_it(text: str, source: str, target: str) -> None:
    pair = Pair.parse(text)
    assert (pair.source, pair.target, str(pair)) == (source, target, text)


@pytest.mark.parametrize("text", ["", "jaen", "ja-", "JA-EN", "ja-en-de", "ja en", "ja-en\n"])
def test_what_is_no_pair_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="no pair of languages") as caught:
        Pair.parse(text)
    assert "ja-en" in str(caught.value.findings[0].hint)


def test_a_country_does_not_change_the_languages_name() -> None:
    assert Pair.parse("en-ja_JP").instruction() == "Translate the English text into Japanese."


def test_braces_that_are_no_place_stay() -> None:
    assert Pair.parse("ja-en").instruction("{x} {} {target_language}") == "{x} {} English"


def test_a_language_without_a_known_name_needs_words_of_its_own() -> None:
    pair = Pair.parse("qq-en")
    with pytest.raises(InvalidInput, match="the name of the language qq is not known"):
        pair.instruction(INSTRUCTION)
    assert pair.instruction("Into {target_language}:") == "Into English:"
