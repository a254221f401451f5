"""The language of a page."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from server.dashboard.language import CATALOGUES, ENGLISH, LANGUAGES, catalogue, language_of
from server.dashboard.page import TEMPLATES

_FILLED_IN = re.compile(r"%\(\w+\)s|\{\w+\}")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ja", "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.5", "ja"),
        ("zh-TW;q=0.4, ja;q=0.5", "ja"),
        ("de-DE, de;q=0.9, zh;q=0.3", "zh"),
        ("ja;q=0, zh", "zh"),
        ("fr", "en"),
        ("ja;q=high", "en"),
        ("EN-gb", "en"),
    ],
)
def test_the_best_of_our_languages_is_taken(header: str, language: str) -> None:
    assert language_of(header) == language


@given(st.text())
def test_any_header_leads_to_one_of_our_languages(header: str) -> None:
    assert language_of(header) in LANGUAGES


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != ENGLISH])
def test_every_text_of_the_templates_is_translated(language: str) -> None:
    texts = catalogue(language)
    assert [text for text in template_texts() if texts.gettext(text) == text] == []


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != ENGLISH])
def test_translations_fill_in_the_same_values(language: str) -> None:
    texts = catalogue(language)
    wrong = [text for text in template_texts() if _values(text) != _values(texts.gettext(text))]
    assert wrong == []


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != ENGLISH])
def test_a_catalogue_holds_no_text_that_is_gone(language: str) -> None:
    with (CATALOGUES / language / "LC_MESSAGES" / "dashboard.po").open("rb") as file:
        known = {_singular(message.id) for message in read_po(file, locale=language) if message.id}
    assert known - template_texts() == set()


def template_texts() -> set[str]:
    """All texts of the templates that are shown in the reader's language; of those with a plural the singular."""
    options = {"**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true"}}
    found = extract_from_dir(Path(TEMPLATES), [("**.html", "jinja2")], options, directory_filter=_is_ours)
    return {_singular(text) for _, _, text, *_ in found}


def _singular(text: str | Sequence[str]) -> str:
    return text if isinstance(text, str) else text[0]


def _is_ours(folder: str) -> bool:
    return Path(folder).name not in ("node_modules", "built")


def _values(text: str) -> list[str]:
    return sorted(_FILLED_IN.findall(text))
