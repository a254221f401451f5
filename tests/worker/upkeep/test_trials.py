"""Questions about jobs to come are put to Slurm; `sbatch` is a script of ours here, the shell is a real one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.local_transport import LocalTransport
from tests.worker.conftest import World
from tuning.clusters.trials import TrialAnswer, answer_to, ask
from tuning.db.engine import transaction
from tuning.slurm.cluster import Cluster
from worker.driver import Driver
from worker.upkeep.trials import Trials

SBATCH = r"""#!/bin/bash
script=$(cat)
case $script in
  *--account=nobody*) echo "sbatch: error: Batch job submission failed: Invalid account" >&2; exit 1 ;;
  *--qos=full*) echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1 ;;
  *--partition=slow*) echo "sbatch: error: Socket timed out on send/recv operation" >&2; exit 1 ;;
esac
[ "$1" = --test-only ] || exit 9
echo "sbatch: Job 7 to start at $(($(date +%s) + 3600)) using 1 processors on nodes n1 in partition gpu" >&2
"""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalTransport:
    """A login node with that sbatch."""
    program = tmp_path / "sbatch"
    program.write_text(SBATCH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return LocalTransport()


@pytest.fixture
def driver(world: World, node: LocalTransport) -> Driver:
    return replace(world.driver, cluster=Cluster(world.driver.settings, node))


def answers(driver: Driver, sessions: sessionmaker[Session], *options: str) -> list[TrialAnswer | None]:
    scripts = [f"#!/bin/bash\n#SBATCH {option}\n" for option in options]
    with transaction(sessions) as session:
        for script in scripts:
            ask(session, "lab", script, driver.now())
    Trials(driver).answer_waiting()
    with sessions() as session:
        return [answer_to(session, "lab", script) for script in scripts]


def test_all_that_is_asked_is_answered_with_one_command(
    driver: Driver, node: LocalTransport, sessions: sessionmaker[Session]
) -> None:
    good, refused, limited, silent = answers(
        driver, sessions, "--nodes=1", "--account=nobody", "--qos=full", "--partition=slow"
    )
    assert good
    assert good.starts_at
    assert abs(good.starts_at - driver.now() - timedelta(hours=1)) < timedelta(seconds=2)
    assert refused
    assert (refused.starts_at, refused.is_final) == (None, True)
    assert "Invalid account" in str(refused.refusal)
    assert refused.hint
    assert limited
    assert (bool(limited.refusal), limited.is_final) == (True, False), "a site's limit is waited for"
    assert silent == TrialAnswer()
    assert len(node.commands) == 1


def test_nobody_asks_and_nothing_is_sent(driver: Driver, node: LocalTransport) -> None:
    Trials(driver).answer_waiting()
    assert node.commands == []


def test_many_questions_are_few_commands(driver: Driver, node: LocalTransport, sessions: sessionmaker[Session]) -> None:
    trials = Trials(driver)
    for number in range(3):
        with transaction(sessions) as session:
            ask(session, "lab", f"#!/bin/bash\n#SBATCH --nodes={number}\n", driver.now())
        trials.answer_waiting()
    assert len(node.commands) == 1, "the second and third wait for the pause to end"
