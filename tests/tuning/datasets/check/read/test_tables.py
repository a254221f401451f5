"""CSV and Parquet become JSON lines; what cannot is refused with its place."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.datasets.files import alpaca, as_array, as_lines, ranked_chat, sharegpt
from tuning.datasets.check.read.csv_lines import csv_lines
from tuning.datasets.check.read.rows import MAX_ROW_BYTES
from tuning.datasets.check.read.tables import find_table, json_lines
from tuning.errors import InvalidInput

WriteParquet = Callable[[pa.Table], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteParquet:
    """Writes a Parquet file."""

    def written(table: pa.Table, **options: Any) -> Path:
        path = tmp_path / "data.parquet"
        pq.write_table(table, path, **options)
        return path

    return written


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (b"PAR1\x15\x04", "parquet"),
        (b"instruction,output\r\na,b", "csv"),
        (b"\xef\xbb\xbf\r\ninstruction;output\n", "csv"),
        (b'"instruction"\t"output"', "csv"),
        (b"text\nhello", "csv"),
        (as_lines([alpaca()]), None),
        (b"\xef\xbb\xbf" + as_array([alpaca()]), None),
        (b"hello\n", None),
        (b"", None),
        ("a,b\n".encode("utf-16"), None),
        (b"\x1f\x8b\x08,", None),
    ],
)
def test_a_table_is_told_by_its_first_bytes(content: bytes, table: str | None) -> None:
    stream = BytesIO(content)
    assert find_table(stream) == table
    assert stream.tell() == 0


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("instruction,output\na,b\n", [{"instruction": "a", "output": "b"}]),
        (
            "\ufeffinstruction,output\r\na,b\r\n\r\nc,\r\n",
            [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": ""}],
        ),
        ("instruction\toutput\n1\ttrue\n", [{"instruction": "1", "output": "true"}]),
        ("instruction; output\na,b;c\n", [{"instruction": "a,b", "output": "c"}]),
        ('text\n"two\nlines, and a ""quote"""\n日本語\n', [{"text": 'two\nlines, and a "quote"'}, {"text": "日本語"}]),
        (",a,b\n0,x,y\n", [{"Unnamed: 0": "0", "a": "x", "b": "y"}]),
        ("a,b,c\n1\n1,2\n", [{"a": "1", "b": "", "c": ""}, {"a": "1", "b": "2", "c": ""}]),
        ("text\n" + "x" * 200_000, [{"text": "x" * 200_000}]),
    ],
)
def test_a_cell_is_a_text(content: str, rows: list[dict[str, str]]) -> None:
    assert _from_csv(content.encode()) == rows


@given(
    st.lists(
        st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r")), min_size=2, max_size=2)
    )
)
def test_what_a_csv_writer_writes_is_read(rows: list[list[str]]) -> None:
    cells = [[f'"{cell}"' for cell in (text.replace('"', '""') for text in row)] for row in [["a", "b"], *rows]]
    content = "".join(",".join(row) + "\n" for row in cells).encode()
    assert _from_csv(content) == [dict(zip("ab", row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a,b\n1,2\n1,2,3\n", 3, "line 3: 3 cells, and 2 columns in the header"),
        (b'a,b\n"1\n",2\n1,2,3\n', 4, "line 4: 3 cells, and 2 columns in the header"),
        (b"", 1, "line 1: column 1 has no name"),
        (b"a,b,a\n", 1, "line 1: two columns have the name a"),
        (b'a,b\n"1"x,2\n', 2, "line 2: no CSV: ',' expected after '\"'"),
        (b'a,b\n1,"2\n', 2, "line 2: no CSV: unexpected end of data"),
        (b"a,b\n1,caf\xe9\n", 2, "line 2: not UTF-8 (byte 0xe9)"),
        ("a,b\n日,本\n".encode("shift-jis"), 2, "line 2: not UTF-8 (byte 0x93)"),
        (b"a,b\r1,2\r", 1, "line 1: no CSV: new-line character seen in unquoted field"),
        (b"a,b\n" + b"x" * (MAX_ROW_BYTES + 1), 2, "line 2: a row of more than 16 MiB"),
        (b'a,b\n"' + (b"x" * 1023 + b"\n") * 2**14, 16385, "line 16385: a row of more than 16 MiB"),
    ],
)
def test_a_broken_csv_is_refused_with_its_line(content: bytes, line: int, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _from_csv(content)
    (finding,) = caught.value.findings
    assert finding.message.startswith(message)
    assert finding.loc == ("file", line)
    assert finding.hint


def test_the_bound_is_that_of_a_row_and_not_of_a_file() -> None:
    assert len(_from_csv(b"text\n" + (b"x" * 2**20 + b"\n") * 20)) == 20


def test_a_refusal_shows_twenty_uneven_rows() -> None:
    with pytest.raises(InvalidInput) as caught:
        _from_csv(b"a,b\n" + b"1,2,3\n" * 1000)
    assert len(caught.value.findings) == 20


def test_parquet_becomes_the_rows_that_were_written(write: WriteParquet) -> None:
    rows = [{**sharegpt(), **alpaca(score=1.5, n=number, ok=True, nothing=None)} for number in range(1000)]
    rows += [{**ranked_chat(), "tags": ["a", "日本語"]}]
    table = pa.Table.from_pylist(rows, schema=pa.Table.from_pylist(list(reversed(rows))).schema)
    assert _from_parquet(write(table)) == table.to_pylist()


def test_texts_of_a_dictionary_are_texts(write: WriteParquet) -> None:
    assert _from_parquet(write(pa.table({"text": pa.array(["a", "b", "a"]).dictionary_encode()}))) == [
        {"text": "a"},
        {"text": "b"},
        {"text": "a"},
    ]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([b"a"]), "the column 'column' is of the type binary"),
        (pa.array([0], pa.timestamp("ms")), "the column 'column' is of the type timestamp[ms]"),
        (pa.array([[b"a"]]), "the column 'column' is of the type list<element: binary>"),
        (pa.array([{"a": b"a"}]), "the column 'column' is of the type struct<a: binary>"),
        (pa.array([float("nan")]), "a value that JSON does not have: Out of range float values"),
    ],
)
def test_what_json_does_not_have_is_refused(write: WriteParquet, column: Any, message: str) -> None:
    assert _refusal(write(pa.table({"column": column}))).startswith(message)


@pytest.mark.parametrize(("before", "kept"), [(b"", slice(-100)), (b"PAR1", slice(None)), (b"", slice(4))])
def test_a_broken_parquet_is_refused(write: WriteParquet, before: bytes, kept: slice) -> None:
    path = write(pa.table({"text": ["a" * 1000, "b"]}))
    path.write_bytes(before + path.read_bytes()[kept])
    assert _refusal(path).startswith("the Parquet file cannot be read")


def test_a_forged_parquet_ends_its_reader_and_nobody_else(write: WriteParquet) -> None:
    """Every byte of the first page and of the footer, one after the other: pages that lie about what is in them."""
    path = write(pa.table({"text": ["a" * 50, "b" * 50] * 10}))
    content, refused = path.read_bytes(), 0
    for position in [*range(4, 30, 5), *range(len(content) - 60, len(content) - 8, 10)]:
        path.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
        try:
            _from_parquet(path)
        except InvalidInput:
            refused += 1
    path.write_bytes(content)
    assert len(_from_parquet(path)) == 20
    assert refused


def test_a_parquet_that_unfolds_beyond_the_bound_is_refused(write: WriteParquet) -> None:
    """A list of 40 million nothings takes a few kilobytes in the file."""
    count = 40_000_000
    path = write(pa.table({"text": pa.ListArray.from_arrays([0, count], pa.nulls(count, pa.int8()))}))
    assert path.stat().st_size < 100_000
    assert _refusal(path) == "the Parquet file needs more than 1 GiB of memory at once"


def test_a_reader_is_ended_when_nobody_wants_more(write: WriteParquet) -> None:
    """One text of a megabyte, a hundred thousand times: a hundred gigabytes of lines from a file of a few kilobytes."""
    path = write(pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), ["x" * 1_000_000])}))
    assert path.stat().st_size < 200_000
    with path.open("rb") as stream:
        pieces = json_lines(stream, "parquet")
        assert next(pieces).startswith(b'{"text": "xxx')
        pieces.close()


def test_a_parquet_nested_beyond_reason_is_refused(write: WriteParquet) -> None:
    kind = pa.int8()
    for _ in range(2000):
        kind = pa.struct([("a", kind)])
    assert _refusal(write(pa.table({"text": pa.nulls(1, kind)})))


def _from_csv(content: bytes) -> list[Any]:
    return [json.loads(line) for line in csv_lines(BytesIO(content))]


def _from_parquet(path: Path) -> list[Any]:
    with path.open("rb") as stream:
        content = b"".join(json_lines(stream, "parquet"))
    return [json.loads(line) for line in content.splitlines()]


def _refusal(path: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        _from_parquet(path)
    (finding,) = caught.value.findings
    return finding.message


@pytest.mark.parametrize(
    ("name", "content", "table"),
    [
        ("wiki.txt", b"First line, with a comma.\nSecond\n", "text"),
        ("WIKI.TXT", b"[1] a note\n", "text"),
        ("rows.txt", b'{"text": "a"}\n', None),
        ("rows.txt", b'[\n{"text": "a"}]', None),
        ("rows.txt", b"PAR1\x15", "parquet"),
        ("wiki.md", b"First line\n", None),
    ],
)
def test_plain_text_is_told_by_its_name(name: str, content: bytes, table: str | None) -> None:
    assert find_table(BytesIO(content), name) == table


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("a, b\nc\n\nd\n", ["a, b", "c", "", "d"]),
        ('\ufeffa\r\n日本"語"', ["a", '日本"語"']),
        ("a\x0cb\u2028c\n", ["a\x0cb\u2028c"]),
    ],
)
def test_each_line_of_a_text_is_a_row(content: str, texts: list[str]) -> None:
    rows = [json.loads(piece) for piece in json_lines(BytesIO(content.encode()), "text")]
    assert rows == [{"text": text} for text in texts]


@pytest.mark.parametrize(
    ("content", "words"), [(b"a\ncaf\xe9\n", "line 2: not UTF-8"), (b"x" * (MAX_ROW_BYTES + 1), "16 MiB")]
)
def test_a_text_that_cannot_be_read_is_refused_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(json_lines(BytesIO(content), "text"))
    assert words in caught.value.findings[0].message
