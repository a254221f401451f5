"""`packtrain datasets convert wmt`: from a file as it is published to one that is uploaded."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.convert.wmt_texts import XML, YEARLY

CSV = ("--pair", "ja-en", "--to", "out.jsonl")


def rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]


def packed(name: str, *members: tuple[str, bytes]) -> str:
    with tarfile.open(name, "w:gz") as archive:
        for member, content in members:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return name


def test_a_csv_becomes_alpaca_lines(run: Run) -> None:
    Path("da.csv").write_text(YEARLY, encoding="utf-8")
    result = run("datasets", "convert", "wmt", "da.csv", *CSV)
    assert result.exit_code == 0, result.output
    assert (result.stdout, result.stderr) == (
        "out.jsonl  3 rows\n",
        "left out: 0 below the score, 0 not the best, 1 empty\n",
    )
    instruction = "Translate the Japanese text into English."
    assert rows()[0] == {"instruction": instruction, "input": "犬", "output": "dog"}


def test_it_is_read_as_it_was_packed(run: Run) -> None:
    content = YEARLY.encode()
    packed("da.csv.tar.gz", ("._da.csv", b"\x00\x05"), ("da.csv", content))
    Path("da.csv.gz").write_bytes(gzip.compress(content))
    for name in ("da.csv.tar.gz", "da.csv.gz"):
        assert run("dataset", "convert", "wmt", name, *CSV).exit_code == 0
        assert [row["output"] for row in rows()] == ["dog", "dog", "cat and"]


def test_scores_and_words_are_as_wished(run: Run) -> None:
    Path("da.csv").write_text(YEARLY, encoding="utf-8")
    wishes = ("--min-score", "0", "--min-raw", "80", "--best-only", "--target", "mt", "--instruction", "In English:")
    assert run("datasets", "convert", "wmt", "da.csv", *CSV, *wishes).exit_code == 0
    assert rows() == [{"instruction": "In English:", "input": "犬", "output": "dog"}]


def test_xml_is_told_by_its_first_character(run: Run) -> None:
    Path("t.xml").write_text(XML, encoding="utf-8")
    result = run("datasets", "convert", "wmt", "t.xml", *CSV)
    assert result.stderr == "left out: 1 empty, 1 documents without a reference by refA\n"
    assert [row["output"] for row in rows()] == ["A dog <runs>.", "A cat."]
    assert run("datasets", "convert", "wmt", "t.xml", *CSV, "--translator", "refB").exit_code == 0
    assert [row["output"] for row in rows()] == ["B1", "B2"]


def test_text_comes_with_its_reference(run: Run) -> None:
    Path("t.ja").write_text("犬\n猫\n", encoding="utf-8")
    Path("t.en").write_text("dog\ncat\n", encoding="utf-8")
    assert run("datasets", "convert", "wmt", "t.ja", "--reference", "t.en", *CSV).exit_code == 0
    assert [(row["input"], row["output"]) for row in rows()] == [("犬", "dog"), ("猫", "cat")]


@pytest.mark.parametrize("words", [("--translator", "refA"), ("--pair", "jaen"), ("--min-raw", "101")])
def test_an_older_file_stays_when_nothing_can_be_written(run: Run, words: tuple[str, ...]) -> None:
    Path("da.csv").write_text(YEARLY, encoding="utf-8")
    Path("out.jsonl").write_text("old", encoding="utf-8")
    assert run("datasets", "convert", "wmt", "da.csv", *CSV, *words).exit_code != 0
    assert Path("out.jsonl").read_text(encoding="utf-8") == "old"
    assert not Path("out.jsonl.part").exists()


@pytest.mark.parametrize("words", [("--min-score", "0"), ("--best-only",), ("--target", "ref")])
def test_what_is_of_no_use_for_a_kind_of_file_is_usage(run: Run, words: tuple[str, ...]) -> None:
    Path("t.xml").write_text(XML, encoding="utf-8")
    assert run("datasets", "convert", "wmt", "t.xml", *CSV, *words).exit_code == 2


def test_a_folder_that_is_not_there_is_usage(run: Run) -> None:
    Path("da.csv").write_text(YEARLY, encoding="utf-8")
    assert run("datasets", "convert", "wmt", "da.csv", "--pair", "ja-en", "--to", "no/out.jsonl").exit_code == 2


def test_a_broken_package_is_told(run: Run) -> None:
    whole = gzip.compress(YEARLY.encode())
    Path("cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    Path("no.csv.gz").write_bytes(b"lp,src,ref\n")
    Path("no.tar.gz").write_bytes(b"lp,src,ref\n")
    for name in ("cut.csv.gz", "no.csv.gz", "no.tar.gz"):
        result = run("datasets", "convert", "wmt", name, *CSV)
        assert (result.exit_code, result.stderr.splitlines()[1]) == (1, "  -> fetch it anew")
    result = run("datasets", "convert", "wmt", packed("a.tar.gz", ("readme.txt", b"")), *CSV)
    assert result.stderr.startswith("error: a.tar.gz: there is no .csv in it")
