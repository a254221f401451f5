"""An archive becomes one content of the store, whose rows name their media as a run finds them."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.datasets.archive.archives import as_tar, as_zip
from tests.tuning.datasets.files import as_array, as_lines, messages
from tuning.datasets import service
from tuning.datasets.check.layouts.formats import Wanted
from tuning.datasets.service import KeptFile
from tuning.datasets.storage.store import ContentStore
from tuning.errors import InvalidInput


def seen(*paths: str, **values: Any) -> dict[str, Any]:
    """A row with these images."""
    return messages(("user", "<image>" * len(paths) + "What?"), ("assistant", "A cup."), images=list(paths), **values)


PICTURES = {"images/1.jpg": b"one", "images/2.jpg": b"two"}


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "store", max_bytes=10_000_000)


def kept(store: ContentStore, content: bytes, wanted: Wanted | None = None) -> KeptFile:
    with store.receive() as incoming:
        incoming.write(content)
        return service.keep(store, incoming, wanted)


def unpacked(store: ContentStore, file: KeptFile, folder: Path) -> Mapping[str, bytes]:
    """As the batch script does it."""
    folder.mkdir()
    place = store.path(file.content.sha256, file.extension)
    files = ["--file", str(place), "--directory", str(folder)]
    subprocess.run(["tar", "--extract", *files, "--no-same-owner", "--no-same-permissions"], check=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_of(file: KeptFile, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[file.checked.entry["file_name"]].splitlines()]


@pytest.mark.parametrize("pack", [as_tar, as_zip])
@pytest.mark.parametrize("write", [as_lines, as_array])
def test_a_run_finds_every_file_that_its_rows_name(store: ContentStore, tmp_path: Path, pack: Any, write: Any) -> None:
    rows = [seen("images/1.jpg"), seen("cups/images/2.jpg", "./images/1.jpg"), messages(images=[])]
    content = {"cups/rows.json": write(rows), **{f"cups/{name}": data for name, data in PICTURES.items()}}
    file = kept(store, pack(content))
    assert (file.extension, file.checked.report.kept, file.checked.report.media_files) == ("tar", 3, 2)
    assert file.checked.entry["columns"]["images"] == "images"
    files = unpacked(store, file, tmp_path / "data")
    first, second, _ = rows_of(file, files)
    assert [files[path] for path in (*first["images"], *second["images"])] == [b"one", b"two", b"one"]
    assert file.head is not None
    assert json.loads(file.head.splitlines()[0]) == first


def test_the_same_archive_is_kept_once(store: ContentStore) -> None:
    content = as_zip({"rows.jsonl": as_lines([seen("images/1.jpg")]), **PICTURES})
    assert kept(store, content).content == kept(store, content).content


def test_an_entry_names_the_column_of_paths(store: ContentStore, tmp_path: Path) -> None:
    row = {"q": "<video>What?", "a": "A cup.", "clip": "v/1.mp4"}
    entry = {"columns": {"prompt": "q", "response": "a", "videos": "clip"}}
    content = as_tar({"rows.jsonl": as_lines([row]), "v/1.mp4": b"film"})
    file = kept(store, content, Wanted(entry=entry))
    files = unpacked(store, file, tmp_path / "data")
    assert files[rows_of(file, files)[0]["clip"]] == b"film"


def test_the_archives_own_register_is_heard(store: ContentStore) -> None:
    row = {"q": "<image>What?", "a": "A cup.", "pic": "images/1.jpg"}
    entry = {"cups": {"file_name": "rows.jsonl", "columns": {"prompt": "q", "response": "a", "images": "pic"}}}
    content = {"rows.jsonl": as_lines([row]), "dataset_info.json": json.dumps(entry).encode(), **PICTURES}
    assert kept(store, as_tar(content)).checked.entry["columns"]["images"] == "pic"


def test_a_table_in_an_archive_is_kept_as_json_lines(store: ContentStore, tmp_path: Path) -> None:
    table = b"instruction,output,image\n<image>What?,A cup.,images/1.jpg\n"
    file = kept(store, as_zip({"rows.csv": table, **PICTURES}))
    assert file.checked.report.made_from == "csv"
    files = unpacked(store, file, tmp_path / "data")
    assert files[rows_of(file, files)[0]["image"]] == b"one"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (seen("images/3.jpg"), r"not there \(images/3.jpg\)"),
        (seen("../images/1.jpg"), "not there"),
        (seen("/etc/passwd"), r"not there \(/etc/passwd\)"),
        (messages(images=["images/1.jpg"]), r"another number of marks than of files \(0 <image>, 1 in images\)"),
        (messages(("user", "<image>"), ("assistant", "x"), images=[]), "1 <image>, 0 in images"),
    ],
)
def test_rows_whose_media_do_not_fit_are_refused(store: ContentStore, row: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        kept(store, as_tar({"rows.jsonl": as_lines([seen("images/1.jpg"), row]), **PICTURES}))
    assert caught.value.findings[0].message.startswith("row 2 (line 2)")


def test_late_rows_may_be_the_first_with_media(store: ContentStore, tmp_path: Path) -> None:
    rows = [*[messages(images=[])] * 120, seen("images/1.jpg")]
    file = kept(store, as_tar({"rows.jsonl": as_lines(rows), **PICTURES}))
    files = unpacked(store, file, tmp_path / "data")
    assert files[rows_of(file, files)[-1]["images"][0]] == b"one"


def test_a_column_of_media_that_only_late_rows_have_is_refused(store: ContentStore) -> None:
    rows = [*[messages()] * 120, seen("images/1.jpg")]
    with pytest.raises(InvalidInput, match=r"row 121 \(line 121\): the column images of media is not read"):
        kept(store, as_tar({"rows.jsonl": as_lines(rows), **PICTURES}))


def test_what_is_no_path_is_refused(store: ContentStore) -> None:
    rows = [messages(("user", "<image>"), ("assistant", "x"), images=[{"bytes": "x"}])]
    with pytest.raises(InvalidInput, match="that are no paths"):
        kept(store, as_tar({"rows.jsonl": as_lines(rows), **PICTURES}))


def test_broken_rows_are_named(store: ContentStore) -> None:
    with pytest.raises(InvalidInput, match=r"row 2 \(line 2\): not valid JSON"):
        kept(store, as_tar({"rows.jsonl": as_lines([seen("images/1.jpg")]) + b"{\n", **PICTURES}))


def test_nothing_of_a_refused_archive_is_left(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        kept(store, as_tar({"rows.jsonl": as_lines([seen("images/3.jpg")]), **PICTURES}))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]
