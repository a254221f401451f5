"""Contents that nobody needs leave the disk, and no other."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets import repository
from tuning.datasets.storage.store import ContentName, ContentStore
from tuning.datasets.unused_contents import UPLOAD_GRACE, collect_unused
from tuning.jobs.queries.use.dataset_use import IN_USE

LONG_AGO = (NOON - UPLOAD_GRACE - timedelta(seconds=1)).timestamp()


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "datasets", max_bytes=1000)


def test_only_what_nobody_needs_is_removed(session: Session, store: ContentStore) -> None:
    owner = make_user(session)
    kept, deleted, still_used, used_no_more, nobodys = (_keep(store, f"{number}") for number in range(5))
    ended = make_job(session, owner, finished_at=NOON)
    make_dataset(session, owner, sha256=kept)
    make_dataset(session, owner, sha256=kept, deleted_at=NOON)
    make_dataset(session, owner, sha256=deleted, deleted_at=NOON)
    make_dataset(session, owner, sha256=still_used, deleted_at=NOON, job=make_job(session, owner))
    make_dataset(session, owner, sha256=used_no_more, deleted_at=NOON, job=ended)
    assert collect_unused(session, store, IN_USE, NOON) == 3
    assert [_is_there(store, one) for one in (kept, still_used)] == [True, True]
    assert [_is_there(store, one) for one in (deleted, used_no_more, nobodys)] == [False, False, False]


def test_what_was_just_uploaded_waits_for_its_row(session: Session, store: ContentStore) -> None:
    content = _keep(store, "a")
    path = store.path(content, "jsonl")
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    assert collect_unused(session, store, IN_USE, NOON + UPLOAD_GRACE) == 0
    assert collect_unused(session, store, IN_USE, NOON + UPLOAD_GRACE + timedelta(seconds=1)) == 1


def test_a_content_that_is_uploaded_again_is_young_again(session: Session, store: ContentStore) -> None:
    """Between the look at its age and its removal, too."""
    content = _keep(store, "a")
    moment = NOON - UPLOAD_GRACE
    assert list(store.untouched_since(moment)) == [ContentName(content, "jsonl")]
    _upload(store, "a")
    assert not store.remove_untouched(ContentName(content, "jsonl"), moment)
    assert _is_there(store, content)


def test_a_store_that_nobody_used_yet_is_empty(session: Session, store: ContentStore) -> None:
    assert collect_unused(session, store, IN_USE, NOON) == 0


def test_copies_on_a_cluster_that_nobody_needs_are_listed(session: Session) -> None:
    owner = make_user(session)
    for letter, deleted_at in (("a", None), ("b", NOON), ("c", NOON), ("d", NOON)):
        make_dataset(session, owner, sha256=letter * 64, deleted_at=deleted_at, extension="jsonl")
        repository.mark_staged(session, "lab", letter * 64, NOON)
    make_dataset(session, owner, sha256="b" * 64, extension="jsonl")
    make_dataset(session, owner, sha256="c" * 64, deleted_at=NOON, job=make_job(session, owner), extension="jsonl")
    repository.mark_staged(session, "other", "d" * 64, NOON)
    assert repository.unneeded_copies(session, "lab", IN_USE) == [("d" * 64, "jsonl")]


def _upload(store: ContentStore, text: str) -> str:
    with store.receive() as incoming:
        incoming.write(text.encode())
        return incoming.keep("jsonl").sha256


def _keep(store: ContentStore, text: str) -> str:
    content = _upload(store, text)
    os.utime(store.path(content, "jsonl"), (LONG_AGO, LONG_AGO))
    return content


def _is_there(store: ContentStore, sha256: str) -> bool:
    return store.path(sha256, "jsonl").exists()
