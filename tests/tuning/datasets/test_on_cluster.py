"""Data sets that lie on a cluster, on both kinds of database."""

import json

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOON, make_dataset, make_user
from tests.tuning.datasets.check.cluster_reports import CONTENT, SHA, as_text, told
from tests.tuning.datasets.files import check
from tuning.datasets.models import Dataset
from tuning.datasets.on_cluster import Accepted, Refused, Whereabouts, announce, check_again, parse_report, settle
from tuning.datasets.repository import is_staged
from tuning.datasets.service import get_ready
from tuning.datasets.status import DatasetStatus
from tuning.errors import Conflict, Finding, NotFound


@pytest.fixture
def checking(session: Session) -> Dataset:
    where = Whereabouts("lab", "/data/rows.jsonl")
    dataset = announce(session, name=" rows ", owner_id=make_user(session).id, where=where, now=NOON)
    dataset.check_job = "job_1"
    session.flush()
    return dataset


def test_one_that_is_announced_is_not_ready(session: Session, checking: Dataset) -> None:
    assert (checking.name, checking.status, checking.cluster) == ("rows", DatasetStatus.CHECKING, "lab")
    with pytest.raises(Conflict, match="still being checked by job_1"):
        get_ready(session, checking.id)


def test_a_good_verdict_makes_it_one_like_any_other(session: Session, checking: Dataset) -> None:
    report = parse_report(as_text(told()))
    assert isinstance(report, Accepted)
    settle(session, "job_1", report, NOON)
    session.expire_all()
    ready, expected = get_ready(session, checking.id), check(CONTENT)
    assert ready.report == json.loads(json.dumps(expected.report.as_json()))
    assert (ready.entry, ready.format, ready.extension) == (expected.entry, "alpaca", "jsonl")
    assert (ready.sha256, ready.size_bytes, ready.head) == (SHA, 9, CONTENT)
    assert is_staged(session, "lab", SHA)


def test_a_refusal_keeps_the_findings(session: Session, checking: Dataset) -> None:
    findings = [{"loc": ["file", 3], "message": "row 3: a\x00b", "hint": None, "severity": "error"}]
    report = parse_report(as_text({"findings": findings}))
    assert report == Refused((Finding(("file", 3), "row 3: a\ufffdb"),))
    settle(session, "job_1", report, NOON)
    session.expire_all()
    assert checking.status is DatasetStatus.REFUSED
    assert checking.findings == [{"loc": ["file", 3], "message": "row 3: a\ufffdb", "hint": None}]
    with pytest.raises(Conflict, match="refused by its check"):
        get_ready(session, checking.id)


def test_of_one_that_was_deleted_meanwhile_the_content_is_known(session: Session, checking: Dataset) -> None:
    checking.deleted_at = NOON
    settle(session, "job_1", parse_report(as_text(told())) or Refused(()), NOON)
    assert (checking.sha256, is_staged(session, "lab", SHA)) == (SHA, True)


def test_a_verdict_holds_for_nobody_else_and_only_once(session: Session, checking: Dataset) -> None:
    seen = []
    for job_id, report in (("job_2", Refused(())), ("job_1", Refused(())), ("job_1", parse_report(as_text(told())))):
        settle(session, job_id, report or Refused(()), NOON)
        seen.append(checking.status)
    assert seen == [DatasetStatus.CHECKING, DatasetStatus.REFUSED, DatasetStatus.REFUSED]


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff",
        as_text(told())[:-1],
        as_text(told(sha256="../../x")),
        as_text(told(sha256=SHA.upper())),
        as_text(told(size_bytes=-1)),
        as_text(told(head="*")),
        as_text(told(head="日本")),
        as_text(told(head="A" * 200_000)),
        as_text(told(size_bytes=2**63)),
        as_text(told(entry={"a": "b\x00"})),
        as_text(told(entry={"a": float("nan")})),
        as_text(told(entry={"a": list(range(30_000))})),
        as_text(told()).replace(b'"entry": {', b'"entry": {"deep": ' + b"[" * 3000 + b"]" * 3000 + b", "),
        as_text(told(entry={"a": "b\ud800"})),
        as_text(told(report={})),
        as_text({"findings": [{"loc": "x"}]}),
        as_text({"findings": [{"loc": [], "message": "m"}] * 5000}),
    ],
)
def test_what_is_not_whole_is_no_verdict(text: bytes | None) -> None:
    assert parse_report(text) is None


def test_what_a_refusal_quotes_is_kept_as_it_can_be(session: Session, checking: Dataset) -> None:
    finding = {"loc": ["a\x00", 2**70], "message": "m\x00" * 5000, "hint": "h\x00"}
    report = parse_report(json.dumps({"findings": [finding]}).encode())
    settle(session, "job_1", report or Refused(()), NOON)
    session.refresh(checking)
    assert checking.findings
    assert checking.findings[0]["loc"] == ["a\ufffd", 2**70]
    assert len(checking.findings[0]["message"]) == 4000


def test_what_was_refused_may_be_looked_at_again(session: Session, checking: Dataset) -> None:
    with pytest.raises(Conflict, match="is checking"):
        check_again(session, checking.id, "job_2")
    settle(session, "job_1", Refused((Finding((), "wrong"),)), NOON)
    check_again(session, checking.id, "job_2")
    session.refresh(checking)
    assert (checking.status, checking.check_job, checking.findings) == (DatasetStatus.CHECKING, "job_2", None)
    with pytest.raises(Conflict, match="is ready"):
        check_again(session, make_dataset(session, make_user(session, name="bob")).id, "job_2")
    with pytest.raises(NotFound):
        check_again(session, "ds_none", "job_2")
