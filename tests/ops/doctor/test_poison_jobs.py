"""What failed at single jobs is told by the doctor, wherever the service's database can be read."""

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from ops.doctor.poison_jobs import poison_check
from tests.factories import NOON, make_job, make_user
from tuning.db.engine import transaction
from tuning.jobs.troubles import Step, Subject, note_failure


def test_a_job_in_trouble_is_told_with_its_error(database_url: str, sessions: sessionmaker[Session]) -> None:
    assert poison_check("lab", database_url).result == "ok"
    with transaction(sessions) as session:
        job = make_job(session, make_user(session))
        for _ in range(2):
            note_failure(session, "lab", Step.WATCH, Subject.job(job.id), ValueError("not a number\n\x1b[31m"), NOON)
            session.flush()
    check = poison_check("lab", database_url)
    assert check.result == "warning"
    assert f"watch failed 2 times at {job.id} since 2026-11-21 12:00 UTC, next try" in check.detail
    assert "ValueError not a number" in check.detail
    assert check.detail.isprintable()
    assert poison_check("other", database_url).result == "ok"


def test_of_many_a_few_are_told(database_url: str, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        owner = make_user(session)
        for _ in range(50):
            job = make_job(session, owner)
            note_failure(session, "lab", Step.SUBMIT, Subject.job(job.id), KeyError("x"), NOON)
    detail = poison_check("lab", database_url).detail
    assert (detail.count("submit failed once"), detail.endswith(" and more")) == (5, True)


def test_a_machine_without_the_database_is_told_where_to_look(tmp_path: Path) -> None:
    check = poison_check("lab", f"sqlite:///{tmp_path}/none.db")
    assert (check.result, "clusters show" in check.detail) == ("ok", True)
    assert list(tmp_path.iterdir()) == [], "no database is made by looking"


def test_a_database_that_cannot_be_read_is_a_warning(empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert poison_check("lab", empty_database_url).result == "warning"
