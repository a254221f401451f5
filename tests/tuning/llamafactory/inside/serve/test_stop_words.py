"""Stop words of a served model's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.llamafactory.inside.serve.stop_words import (
    MOST_CHARACTERS,
    MOST_WORDS,
    StreamCutter,
    TooManyStopWordsError,
    cut,
    read_words,
)

WORDS = st.lists(st.text("ab", min_size=1, max_size=4), max_size=3)


def test_a_word_alone_is_a_list_of_it() -> None:
    assert read_words("END") == ("END",)
    assert read_words(["a", "", "b"]) == ("a", "b")
    assert read_words(None) == ()


@pytest.mark.parametrize(
    "stop", [["x"] * (MOST_WORDS + 1), "x" * (MOST_CHARACTERS + 1), [str(n) for n in range(10_000)]]
)
def test_too_many_are_refused(stop: str | list[str]) -> None:
    with pytest.raises(TooManyStopWordsError, match="at most"):
        read_words(stop)


def test_a_text_ends_before_the_first_of_them() -> None:
    assert cut("one two three", ["three", "two"]) == ("one ", True)
    assert cut("one", ["two"]) == ("one", False)


def test_what_may_become_one_is_held_back() -> None:
    cutter = StreamCutter(["END"])
    assert [cutter.take(piece) for piece in ("a E", "N", "d E", "ND b", "c")] == ["a ", "", "ENd ", "", ""]
    assert (cutter.is_cut, cutter.rest()) == (True, "")


def test_what_became_none_is_told_at_the_end() -> None:
    cutter = StreamCutter(["END"])
    assert cutter.take("the EN") == "the "
    assert (cutter.rest(), cutter.is_cut) == ("EN", False)


@given(st.lists(st.text("ab", max_size=3), max_size=12), WORDS)
def test_a_stream_tells_what_the_whole_text_does(pieces: list[str], words: list[str]) -> None:
    cutter = StreamCutter(words)
    told = "".join([*(cutter.take(piece) for piece in pieces), cutter.rest()])
    assert (told, cutter.is_cut) == cut("".join(pieces), words)
