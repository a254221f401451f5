"""Direct assessments: which rows are taken, and what is told of a file that is not right."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packtrain.convert.wmt import Pair, Translation
from packtrain.convert.wmt_assessments import Count, Selection, read_assessments
from packtrain.errors import InvalidInput
from tests.packtrain.convert.wmt_texts import YEARLY

PAIR = Pair("ja", "en")
COLLECTION = """lp,src,mt,ref,score,raw,annotators,domain,year
ja-en,犬,dogs,dog,-0.5,60.0,1,news,2020
ja-en,鳥,bird,a bird,0.75,95.0,2,news,2021
"""


def read(text: str, selection: Selection, count: Count | None = None) -> list[Translation]:
    return list(read_assessments(io.StringIO(text, newline=""), selection, count or Count()))


def test_each_row_of_the_pair_is_taken_with_its_reference() -> None:
    count = Count()
    found = read(YEARLY, Selection(PAIR), count)
    assert found == [("犬", "dog"), ("犬", "dog"), ("猫、\nと", "cat and")]
    assert (count.taken, count.empty, count.pairs) == (3, 1, {"ja-en", "de-en"})


def test_the_machines_translation_may_be_the_target() -> None:
    assert [row.target for row in read(YEARLY, Selection(PAIR, "mt"))] == ["dogs", "dog", "cats"]


@pytest.mark.parametrize(("least", "taken"), [(0.75, ["dog"]), (0.7500001, []), (-0.5, ["dogs", "dog", "cats"])])
def test_the_least_z_score_is_taken_still(least: float, taken: list[str]) -> None:
    count = Count()
    assert [row.target for row in read(YEARLY, Selection(PAIR, "mt", min_score=least), count)] == taken
    assert count.below == 3 - len(taken)


def test_the_raw_score_is_found_in_either_set_of_columns() -> None:
    assert [row.target for row in read(YEARLY, Selection(PAIR, "mt", min_raw=70.0))] == ["dog", "cats"]
    assert [row.target for row in read(COLLECTION, Selection(PAIR, "mt", min_raw=70.0))] == ["bird"]


def test_score_is_the_z_score_where_no_column_says_so() -> None:
    assert [row.target for row in read(COLLECTION, Selection(PAIR, "mt", min_score=0.0))] == ["bird"]


def test_the_best_of_each_source_stays_at_the_place_of_its_first() -> None:
    count = Count()
    assert read(YEARLY, Selection(PAIR, "mt", best_only=True), count) == [("犬", "dog"), ("猫、\nと", "cats")]
    assert (count.taken, count.not_best) == (2, 1)


def test_of_equally_good_ones_the_first_is_taken() -> None:
    text = "lp,src,mt,z_score\nja-en,犬,one,0.5\nja-en,犬,two,0.5\n"
    assert read(text, Selection(PAIR, "mt", best_only=True)) == [("犬", "one")]


def test_a_score_that_nobody_asks_for_may_be_missing() -> None:
    assert read("lp,src,ref\nja-en,犬,dog\n", Selection(PAIR)) == [("犬", "dog")]


@pytest.mark.parametrize(
    ("text", "selection", "message"),
    [
        ("", Selection(PAIR), "no column lp among"),
        ("lp,src\nja-en,犬\n", Selection(PAIR), "no column ref among: lp, src"),
        ("lp,src,ref\nja-en,犬,dog\n", Selection(PAIR, min_score=0.0), "no column z_score or score"),
        (COLLECTION.replace("raw", "x"), Selection(PAIR, min_raw=1.0), "no column raw or raw_score"),
        ("lp,src,ref\nja-en,犬,dog\nja-en,猫\n", Selection(PAIR), "line 3: 2 cells where the first line has 3"),
        ('lp,src,ref\nja-en,"a\nb",c\nja-en,"x\n', Selection(PAIR), "line 4: not readable as csv"),
        (YEARLY.replace("0.75", "good"), Selection(PAIR, min_score=0.0), "line 4: the score 'good' is no number"),
        (YEARLY.replace("0.75", "nan"), Selection(PAIR, best_only=True), "line 4: the score 'nan' is no number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, selection: Selection, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text, selection)
    assert message in str(caught.value)


def test_a_pair_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="no translation en-ja") as caught:
        read(YEARLY, Selection(Pair("en", "ja")))
    assert caught.value.findings[0].hint == "it holds de-en, ja-en"


def test_text_that_is_not_utf8_is_told() -> None:
    lines = io.TextIOWrapper(io.BytesIO(b"lp,src,ref\nja-en,\xff,dog\n"), encoding="utf-8")
    with pytest.raises(InvalidInput, match="not readable as csv in UTF-8"):
        list(read_assessments(lines, Selection(PAIR), Count()))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00")).map(str.strip).filter(bool)


@given(st.lists(st.tuples(TEXTS, TEXTS)).filter(bool))
def test_any_texts_come_through_as_they_are(texts: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("lp", "src", "ref"), *(("ja-en", *both) for both in texts)])
    assert read(out.getvalue(), Selection(PAIR)) == texts
