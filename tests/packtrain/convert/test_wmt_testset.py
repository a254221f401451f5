"""Test sets: the segments of the XML with one translator's reference, and lines of two files."""

import io

import pytest

from packtrain.convert.wmt import Pair, Translation
from packtrain.convert.wmt_testset import Count, read_lines, read_xml
from packtrain.errors import InvalidInput
from tests.packtrain.convert.wmt_texts import XML

PAIR = Pair("ja", "en")


def read(text: str, pair: Pair = PAIR, translator: str = "refA", count: Count | None = None) -> list[Translation]:
    return list(read_xml(io.BytesIO(text.encode()), pair, translator, count or Count()))


def test_segments_come_with_the_reference_of_the_translator() -> None:
    count = Count()
    assert read(XML, count=count) == [("犬が<走る>。", "A dog <runs>."), ("猫。", "A cat.")]
    assert (count.taken, count.empty, count.unreferenced) == (2, 1, 1)
    assert read(XML, translator="refB") == [("犬が<走る>。", "B1"), ("猫。", "B2")]


def test_a_file_may_hold_more_than_one_pair() -> None:
    assert read(XML, Pair("en", "ja"), "refC") == [("Bird.", "鳥。")]


def test_a_pair_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="no translation de-en") as caught:
        read(XML, Pair("de", "en"))
    assert caught.value.findings[0].hint == "it holds en-ja, ja-en"


def test_a_translator_who_is_not_there_is_told_with_those_who_are() -> None:
    with pytest.raises(InvalidInput, match="no reference by refC") as caught:
        read(XML, translator="refC")
    assert caught.value.findings[0].hint == "it has refA, refB: choose with --translator"


def test_a_segment_without_its_counterpart_is_told() -> None:
    with pytest.raises(InvalidInput, match="document one: segment 2 is in the source or in the reference only"):
        read(XML.replace('<seg id="2">A cat.</seg>', ""))


BOMB = '<!DOCTYPE d [<!ENTITY e0 "aaaaaaaaaaaaaaaaaaaa">{}]><d><doc><src lang="ja">&e9;</src></doc></d>'.format(
    "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 20}">' for level in range(1, 10))
)


@pytest.mark.parametrize(
    "text", ["", "lp,src", XML[: len(XML) // 2], XML.replace("utf-8", "no-such-encoding"), BOMB], ids=range(5)
)
def test_what_is_not_readable_as_xml_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="not readable as XML"):
        read(text)


def test_a_file_of_many_documents_is_read_piece_by_piece() -> None:
    document = XML[XML.index("<doc ") : XML.index("</doc>") + len("</doc>")]
    assert len(read("<d>" + document * 3 + "</d>")) == 6


def test_a_document_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packtrain.convert.wmt_testset.MAX_ELEMENTS", 5)
    with pytest.raises(InvalidInput, match="more than 5 elements"):
        read(XML)


def test_lines_go_together_by_their_numbers() -> None:
    count = Count()
    assert list(read_lines(["犬\n", "\n", "猫"], ["dog\r\n", "nothing\n", "cat\n"], count)) == [
        ("犬", "dog"),
        ("猫", "cat"),
    ]
    assert (count.taken, count.empty) == (2, 1)


@pytest.mark.parametrize(("sources", "references"), [(5, 3), (3, 5), (0, 1)])
def test_files_of_unequal_length_are_told_with_both_numbers(sources: int, references: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(read_lines(iter(["a\n"] * sources), iter(["b\n"] * references), Count()))
    assert str(caught.value) == f"the source has {sources} lines and the reference {references}"


def test_lines_that_are_not_utf8_are_told() -> None:
    lines = io.TextIOWrapper(io.BytesIO(b"a\n\xff\n"), encoding="utf-8")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        list(read_lines(lines, ["b\n", "c\n"], Count()))
