import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tests.tuning.datasets.files import alpaca, as_array
from tuning.datasets import service
from tuning.datasets.storage.store import ContentStore
from tuning.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tuning.jobs.queries.use.dataset_use import IN_USE


@dataclass(frozen=True)
class _Anybody:
    user_id: str

    def may_change(self, owner_id: str) -> bool:
        return owner_id == self.user_id


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path, max_bytes=100_000_000)


def test_a_file_becomes_a_data_set(session: Session, store: ContentStore) -> None:
    content = as_array([alpaca(), alpaca(output=None)])
    owner = make_user(session)
    dataset = service.create(session, _keep(store, content), name=" 日英 ", owner_id=owner.id, now=NOON)
    assert (dataset.name, dataset.extension, dataset.format, dataset.size_bytes) == (
        "日英",
        "json",
        "alpaca",
        len(content),
    )
    assert dataset.entry["columns"]["prompt"] == "instruction"
    assert (dataset.report["kept"], dataset.report["dropped"]) == (1, 1)
    assert store.path(dataset.sha256, dataset.extension).read_bytes() == content
    assert service.get(session, dataset.id) is dataset


def test_a_file_that_is_refused_is_not_kept(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        _keep(store, b"no data")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "x" * 201, "\ud800"])
def test_a_name_is_one_short_printable_line(name: str) -> None:
    with pytest.raises(InvalidInput, match="printable"):
        service.check_name(name)


@pytest.mark.parametrize("name", ["a", 'it\'s | $(rm -rf /) "quoted"', "🦙" * 200])
def test_any_printable_name_is_good(name: str) -> None:
    assert service.check_name(name) == name


def test_what_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        service.get(session, "ds_missing")


def test_a_page_leads_to_the_next(session: Session) -> None:
    owner = make_user(session)
    made = {make_dataset(session, owner).id for _ in range(3)}
    first = service.list_page(session, 2, None)
    last = service.list_page(session, 2, first.next_cursor)
    assert {each.id for each in [*first.datasets, *last.datasets]} == made
    assert last.next_cursor is None


def test_an_unknown_cursor_is_refused(session: Session) -> None:
    with pytest.raises(InvalidInput, match="unknown cursor"):
        service.list_page(session, 2, "ds_missing")


def test_only_who_may_change_it_deletes_it(session: Session) -> None:
    owner = make_user(session)
    dataset = make_dataset(session, owner)
    with pytest.raises(NotAllowed):
        service.delete(session, _Anybody("somebody else"), dataset.id, IN_USE, NOON)
    service.delete(session, _Anybody(owner.id), dataset.id, IN_USE, NOON)
    with pytest.raises(NotFound):
        service.delete(session, _Anybody(owner.id), dataset.id, IN_USE, NOON)


def test_a_data_set_in_use_is_not_deleted(session: Session) -> None:
    owner = make_user(session)
    dataset = make_dataset(session, owner, job=make_job(session, owner))
    with pytest.raises(Conflict, match="have not ended"):
        service.delete(session, _Anybody(owner.id), dataset.id, IN_USE, NOON)


def test_a_table_is_kept_as_json_lines(session: Session, store: ContentStore, tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfinstruction,output\r\na,b\r\n\r\nc,\r\n"
    dataset = service.create(session, _keep(store, content), name="a", owner_id=make_user(session).id, now=NOON)
    kept = store.path(dataset.sha256, "jsonl").read_bytes()
    assert kept == b'{"instruction": "a", "output": "b"}\n{"instruction": "c", "output": ""}\n'
    assert (dataset.extension, dataset.size_bytes, dataset.report["made_from"]) == ("jsonl", len(kept), "csv")
    assert dataset.sha256 == hashlib.sha256(kept).hexdigest()
    assert len([*tmp_path.rglob("*.jsonl"), *tmp_path.rglob("*.part")]) == 1


def test_a_parquet_file_is_kept_as_json_lines(store: ContentStore, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([alpaca()] * 3), tmp_path / "a.parquet")
    report = _keep(store, (tmp_path / "a.parquet").read_bytes()).checked.report
    assert (report.made_from, report.encoding, report.kept) == ("parquet", "jsonl", 3)


def test_a_table_that_unfolds_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000), ["x" * 1_000_000])
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    store = ContentStore(tmp_path / "store", max_bytes=5_000_000)
    with pytest.raises(InvalidInput, match="limit of 5000000 bytes"):
        _keep(store, (tmp_path / "a.parquet").read_bytes())
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [".lock"]


def test_a_small_table_that_unfolds_to_very_much_is_refused(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 200), ["x" * 1_000_000])
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    large = ContentStore(tmp_path / "store", max_bytes=10**12)
    with pytest.raises(InvalidInput, match="500 times as large"):
        _keep(large, (tmp_path / "a.parquet").read_bytes())


def _keep(store: ContentStore, content: bytes) -> service.KeptFile:
    with store.receive() as incoming:
        incoming.write(content)
        return service.keep(store, incoming)
