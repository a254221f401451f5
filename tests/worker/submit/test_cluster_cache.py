"""What is known of the cluster is asked of the database once in a cycle, and anew in the next."""

from sqlalchemy import event, update
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow
from tuning.db.engine import transaction
from tuning.jobs.models import Attempt
from tuning.jobs.queries.save_times import Saved
from tuning.jobs.status import JobStatus
from tuning.llamafactory.progress.eta_state import EtaState, to_json
from worker.submit.cluster_cache import Description, KnownCluster

TINY = Saved("/shared/models/tiny-qwen2", "lora")


def statements(session: Session) -> list[str]:
    """Fills while the session is used."""
    seen: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *given: seen.append(given[2]))
    return seen


def describe(sessions: sessionmaker[Session], digest: str | None) -> None:
    snapshot = {"datasets": {"alpaca": {"file_name": "a.json"}}, "image_digest": digest} if digest else None
    with transaction(sessions) as session:
        session.execute(update(ClusterRow).values(snapshot=snapshot))


def test_a_cluster_that_never_described_itself_has_nothing(world: World, sessions: sessionmaker[Session]) -> None:
    describe(sessions, None)
    with sessions() as session:
        assert KnownCluster(world.driver.settings).description(session) == Description(None, None)


def test_what_is_known_is_asked_once_until_it_is_forgotten(world: World, sessions: sessionmaker[Session]) -> None:
    known = KnownCluster(world.driver.settings)
    describe(sessions, "sha256:1")
    with sessions() as session:
        assert known.description(session) == Description({"alpaca": {"file_name": "a.json"}}, "sha256:1")
    describe(sessions, "sha256:2")
    with sessions() as session:
        seen = statements(session)
        assert known.description(session).image_digest == "sha256:1"
        assert not seen
        known.forget()
        assert known.description(session).image_digest == "sha256:2"


def test_saves_are_asked_once_whether_there_are_any_or_not(world: World, sessions: sessionmaker[Session]) -> None:
    known = KnownCluster(world.driver.settings)
    with sessions() as session:
        assert known.longest_saves(session, {TINY}) == {}
    job_id = world.add(JobStatus.SUCCEEDED)
    with transaction(sessions) as session:
        session.get_one(Attempt, (job_id, 1)).eta_state = to_json(EtaState(saves=(2.0, 5.0)))
    with sessions() as session:
        seen = statements(session)
        assert known.longest_saves(session, {TINY}) == {}
        assert not seen
        known.forget()
        assert known.longest_saves(session, {TINY}) == {TINY: 5.0}
        assert len(seen) == 1
