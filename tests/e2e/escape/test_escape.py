"""Code of a stranger inside a training container, on one node and on two, at both sites: nothing is reached."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.e2e.escape.inside.attacks import ATTACKS
from tests.e2e.escape.inside.output import OWN
from tests.e2e.escape.people import FORBIDDEN, RUN, VALUES
from tests.e2e.escape.scene import JUDGED_OUTSIDE, Attacker, Scene, played
from tests.e2e.site import Site


@pytest.fixture(scope="module", params=["site", "old_site"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The scene on a site, played once for all tests."""
    site: Site = request.getfixturevalue(request.param)
    with played(site.lab, tmp_path_factory.mktemp("escape")) as scene:
        yield scene


@pytest.fixture(params=[1, 2], ids=["one_node", "two_nodes"])
def attacker(scene: Scene, request: pytest.FixtureRequest) -> Attacker:
    """The attacker's job on so many nodes. Not of the module: pytest would order by it, and play each scene twice."""
    return scene.attackers[request.param]


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_is_reached_by(attacker: Attacker, name: str) -> None:
    assert [result.fault for result in attacker.found.results[name]] == [None] * attacker.nodes
    assert attacker.found.of(name) == [], attacker.found.results[name]


@pytest.mark.parametrize("name", VALUES)
def test_a_secret_arrives_as_it_is(attacker: Attacker, name: str) -> None:
    digest = hashlib.sha256(VALUES[name].encode()).hexdigest()
    assert [digests[name] for digests in attacker.digests] == [digest] * attacker.nodes


def test_the_api_serves_nothing_that_a_link_points_to(attacker: Attacker) -> None:
    assert attacker.served == {OWN}


def test_no_process_outlives_its_job(attacker: Attacker) -> None:
    assert attacker.daemons == ""


def test_the_attackers_end_is_told_as_it_was(attacker: Attacker) -> None:
    assert (attacker.job["status"], attacker.job["attempt"]) == ("failed", 1), attacker.job["status_reason"]


def test_no_secret_has_a_name_that_changes_the_start(scene: Scene) -> None:
    assert scene.refused_names == set(FORBIDDEN)


def test_no_secret_is_run(scene: Scene) -> None:
    assert scene.secret_marks == frozenset()


def test_the_accounts_home_is_as_it_was(scene: Scene) -> None:
    assert scene.home_after == scene.home_before


def test_a_process_of_the_account_lives_on(scene: Scene) -> None:
    assert scene.neighbour_lives


def test_the_running_victim_trains_on(scene: Scene) -> None:
    before, after = scene.steps
    assert scene.running_after["status"] == "running"
    assert scene.running_after["attempt"] == 1
    assert after > before > 0


def test_the_pending_victim_succeeds(scene: Scene) -> None:
    assert scene.pending_after["status"] == "succeeded", scene.pending_after["status_reason"]
    assert (scene.pending_after["result"] or {})["steps"] == RUN["max_steps"]


def test_a_pending_job_runs_the_script_that_slurm_took(scene: Scene) -> None:
    assert scene.control[0].of("write_other_scripts")
    assert not scene.changed_script_ran


def test_each_attack_reaches_something_without_a_container(scene: Scene) -> None:
    reached = {name for found in scene.control for name in found.results if found.of(name)}
    assert set(ATTACKS) - reached == JUDGED_OUTSIDE
