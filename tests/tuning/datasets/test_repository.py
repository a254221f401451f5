"""Queries, on both kinds of database."""

from datetime import timedelta

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_job, make_user
from tuning.datasets import repository
from tuning.datasets.models import Dataset
from tuning.datasets.repository import Filter
from tuning.datasets.status import DatasetStatus
from tuning.jobs.queries.use.dataset_use import IN_USE


def test_pages_go_from_the_newest_to_the_oldest_and_miss_nothing(session: Session) -> None:
    owner = make_user(session)
    # two of them at the same moment: the id decides
    moments = [0, 1, 1, 2, 3]
    made = [make_dataset(session, owner, created_at=NOON + timedelta(seconds=moment)) for moment in moments]
    expected = sorted(made, key=lambda each: (each.created_at, each.id), reverse=True)
    seen: list[Dataset] = []
    after = None
    while page := repository.page(session, 2, after):
        seen += page
        after = page[-1]
    assert [each.id for each in seen] == [each.id for each in expected]


def test_lists_are_of_a_name_an_owner_or_a_content(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    chats = make_dataset(session, ada, name="Chats 100%", sha256="a" * 64)
    pairs = make_dataset(session, bob, name="pairs_1", sha256="b" * 64)
    checked = make_dataset(session, bob, name="new", sha256="a" * 64, status=DatasetStatus.CHECKING)

    def found(**wanted: str) -> set[str]:
        return {row.id for row in repository.page(session, 10, None, wanted=Filter(**wanted))}

    assert found() == {chats.id, pairs.id, checked.id}
    assert found(text="chat") == found(text="0%") == found(owner_id=ada.id) == {chats.id}
    assert found(text="s_1") == found(text=pairs.id[:20]) == found(sha256="b" * 64) == {pairs.id}
    assert found(sha256="a" * 64) == {chats.id}, "what is still being checked has no content yet"
    assert found(text="ch_ts") == found(text="airs%") == set()


def test_a_deleted_data_set_is_neither_found_nor_listed(session: Session) -> None:
    deleted = make_dataset(session, make_user(session), deleted_at=NOON)
    assert repository.find(session, deleted.id) is None
    assert repository.page(session, 10, None) == []
    assert repository.lock_usable(session, [deleted.id]) == {}


def test_a_deleted_data_set_stays_known_to_its_jobs_and_as_a_cursor(session: Session) -> None:
    deleted = make_dataset(session, make_user(session), deleted_at=NOON)
    assert repository.by_ids(session, [deleted.id]) == {deleted.id: deleted}
    assert repository.at_cursor(session, deleted.id) is deleted


def test_a_data_set_is_not_deleted_while_a_job_that_uses_it_has_not_ended(session: Session) -> None:
    owner = make_user(session)
    job = make_job(session, owner)
    used = make_dataset(session, owner, job=job)
    assert not repository.delete_unless_used(session, used.id, IN_USE, NOON)
    assert repository.find(session, used.id) is used
    job.finished_at = NOON
    session.flush()
    assert repository.delete_unless_used(session, used.id, IN_USE, NOON)
    assert repository.find(session, used.id) is None


def test_a_job_on_other_data_keeps_nobody_from_deleting(session: Session) -> None:
    owner = make_user(session)
    make_dataset(session, owner, job=make_job(session, owner))
    other = make_dataset(session, owner)
    assert repository.delete_unless_used(session, other.id, IN_USE, NOON)


def test_usable_ones_are_found_by_id(session: Session) -> None:
    dataset = make_dataset(session, make_user(session))
    assert repository.lock_usable(session, [dataset.id, "ds_missing"]) == {dataset.id: dataset}


def test_copies_are_known_by_cluster_and_content(session: Session) -> None:
    repository.mark_staged(session, "lab", "a" * 64, NOON)
    repository.mark_staged(session, "lab", "a" * 64, NOON + timedelta(seconds=1))
    assert repository.is_staged(session, "lab", "a" * 64)
    assert not repository.is_staged(session, "other", "a" * 64)
    assert repository.staged(session, "lab", ["a" * 64, "b" * 64]) == {"a" * 64}
    repository.forget_staged(session, "lab", "a" * 64)
    repository.forget_staged(session, "lab", "a" * 64)
    session.flush()
    assert not repository.is_staged(session, "lab", "a" * 64)


def test_no_copy_leaves_a_cluster_while_data_is_looked_at_there(session: Session) -> None:
    owner = make_user(session)
    make_dataset(session, owner, deleted_at=NOON)
    looked_at = make_dataset(session, owner, sha256="", status=DatasetStatus.CHECKING, cluster="lab", deleted_at=NOON)
    for cluster in ("lab", "other"):
        repository.mark_staged(session, cluster, "a" * 64, NOON)
    session.flush()
    assert repository.unneeded_copies(session, "lab", IN_USE) == []
    assert repository.unneeded_copies(session, "other", IN_USE) == [("a" * 64, "json")]
    looked_at.status = DatasetStatus.REFUSED
    session.flush()
    assert repository.unneeded_copies(session, "lab", IN_USE) == [("a" * 64, "json")]


def test_a_list_does_not_load_the_heads(session: Session) -> None:
    dataset = make_dataset(session, make_user(session), head=b"rows")
    session.expire_all()
    (found,) = repository.page(session, 10, None)
    assert "head" not in inspect(found).dict
    assert (found.id, found.head) == (dataset.id, b"rows")


def test_a_name_means_the_newest_and_ones_own_before_others(session: Session) -> None:
    ada, bob = make_user(session), make_user(session, name="bob")
    later = NOON + timedelta(hours=1)
    own_old = make_dataset(session, ada, name="wmt.jsonl")
    own = make_dataset(session, ada, name="wmt.jsonl", created_at=later)
    others = make_dataset(session, bob, name="wmt.jsonl", created_at=later + timedelta(hours=1))
    shared = make_dataset(session, bob, name="shared")
    make_dataset(session, ada, name="gone", deleted_at=NOON)
    assert own_old.id != own.id
    names = ["wmt", "wmt.jsonl", "shared", "gone", "WMT", "%"]
    assert repository.ids_by_name(session, names, ada.id) == {"wmt": own.id, "wmt.jsonl": own.id, "shared": shared.id}
    assert repository.ids_by_name(session, ["wmt"], bob.id) == {"wmt": others.id}
