"""Which file of an archive holds the rows."""

import json
from collections.abc import Mapping
from io import BytesIO

import pytest

from tests.tuning.datasets.archive.archives import as_tar
from tuning.datasets.archive.contents import Contents, find_contents
from tuning.errors import InvalidInput

ENTRY = {"file_name": "b.json", "columns": {"prompt": "q", "response": "a", "images": "pics"}}


def found(*names: str, register: Mapping[str, object] | None = None, at: str = "dataset_info.json") -> Contents:
    files = dict.fromkeys(names, b"[]")
    if register is not None:
        files[at] = json.dumps(register).encode()
    return find_contents(BytesIO(as_tar(files)), "tar", 1_000_000)


def test_the_one_file_of_rows_is_found() -> None:
    contents = found("cups/rows.jsonl", "cups/images/1.jpg")
    assert (contents.rows, contents.entry) == ("cups/rows.jsonl", None)
    assert contents.media == {"cups/images/1.jpg"}


def test_the_highest_is_meant_where_others_lie_among_the_media() -> None:
    assert found("data/rows.json", "data/images/1.jpg", "data/images/1.json").rows == "data/rows.json"


def test_a_text_beside_the_rows_is_no_rows() -> None:
    assert found("rows.csv", "README.txt", "1.jpg").rows == "rows.csv"


def test_the_archives_own_register_says_which_and_how() -> None:
    contents = found("d/a.json", "d/b.json", "d/1.jpg", register={"cups": ENTRY}, at="d/dataset_info.json")
    assert (contents.rows, contents.entry) == ("d/b.json", ENTRY)
    assert contents.media == {"d/a.json", "d/1.jpg"}


def test_a_register_of_other_files_says_nothing() -> None:
    assert found("a.json", "1.jpg", register={"cups": ENTRY, "x": 3}).rows == "a.json"


@pytest.mark.parametrize(("names", "said"), [(["a.json", "b.jsonl"], "2 files could be"), (["1.jpg"], "no file of")])
def test_without_one_file_of_rows_it_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        found(*names)


def test_a_register_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is no JSON"):
        find_contents(BytesIO(as_tar({"a.json": b"[]", "dataset_info.json": b"{"})), "tar", 1_000_000)
