"""What a cluster's row tells of its last look."""

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.worker.conftest import World
from tuning.clusters.models import ClusterRow
from worker.upkeep.reachability import note_reached, note_unreachable


def row(sessions: sessionmaker[Session]) -> ClusterRow:
    with sessions() as session:
        return session.scalars(select(ClusterRow)).one()


def test_a_cycle_leaves_its_time_and_what_it_used_of_the_login_node(
    world: World, sessions: sessionmaker[Session]
) -> None:
    world.driver.traffic.begin_command()
    note_reached(world.driver, 0.12345)
    told = row(sessions)
    assert told.commands
    assert (told.commands["cycle_seconds"], told.commands["commands"]) == (0.123, 1)
    assert (told.reached_at, told.unreachable_since) == (world.clock(), None)


def test_one_that_failed_leaves_no_time(world: World, sessions: sessionmaker[Session]) -> None:
    note_reached(world.driver, 0.5)
    note_unreachable(world.driver, "the connection broke")
    told = row(sessions)
    assert told.commands is not None
    assert "cycle_seconds" not in told.commands
    assert told.unreachable_reason == "the connection broke"
