"""What is kept of growing files."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import Clock, make_job, make_user
from tuning.jobs.models import FilePosition, LogChunk, MetricPoint
from tuning.jobs.output.growth import KEPT_LOG_BYTES, Point, Position, append_log, log_end, save_points, save_position


def a_job(session: Session) -> str:
    job = make_job(session, make_user(session))
    session.flush()
    return job.id


def test_a_position_moves(session: Session) -> None:
    job_id = a_job(session)
    for offset in (10, 20):
        save_position(session, job_id, 1, "stdout", Position(7, offset, offset))
    rows = session.scalars(select(FilePosition)).all()
    assert [(row.inode, row.offset_bytes) for row in rows] == [(7, 20)]


def test_the_end_of_a_log_is_put_together_from_its_pieces(session: Session) -> None:
    job_id = a_job(session)
    append_log(session, job_id, 1, "stderr", 0, b"one ")
    append_log(session, job_id, 1, "stderr", 4, b"two")
    append_log(session, job_id, 1, "stdout", 0, b"other")
    assert log_end(session, job_id, 1, "stderr", 100) == b"one two"
    assert log_end(session, job_id, 1, "stderr", 3) == b"two"


def test_only_the_newest_of_a_flood_is_kept(session: Session) -> None:
    job_id = a_job(session)
    size = KEPT_LOG_BYTES // 4
    for piece in range(20):
        append_log(session, job_id, 1, "stdout", piece * size, bytes([piece]) * size)
    kept = session.scalar(select(func.sum(func.length(LogChunk.content))))
    assert KEPT_LOG_BYTES <= (kept or 0) <= KEPT_LOG_BYTES + size
    assert log_end(session, job_id, 1, "stdout", 1) == bytes([19])


def test_a_log_that_was_cut_short_starts_again(session: Session) -> None:
    job_id = a_job(session)
    append_log(session, job_id, 1, "stdout", 0, b"old old")
    append_log(session, job_id, 1, "stdout", 7, b"older")
    append_log(session, job_id, 1, "stdout", 0, b"new")
    assert log_end(session, job_id, 1, "stdout", 100) == b"new"


def test_a_repeated_step_replaces_the_older_one(session: Session, clock: Clock) -> None:
    job_id = a_job(session)
    save_points(session, {(job_id, 1): [Point(10, "train", 0.1, {"loss": 3.0})]}, clock())
    again = [Point(10, "train", 0.1, {"loss": 2.0}), Point(10, "eval", 0.1, {"eval_loss": 2.5})]
    save_points(session, {(job_id, 1): again}, clock())
    rows = session.scalars(select(MetricPoint).order_by(MetricPoint.kind)).all()
    assert [(row.kind, row.values) for row in rows] == [("eval", {"eval_loss": 2.5}), ("train", {"loss": 2.0})]
