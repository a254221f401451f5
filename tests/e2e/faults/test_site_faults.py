"""One trial of each site fault (tests/chaos/site), one after another on one site; `make chaos` does more of them."""

import secrets
from collections.abc import Iterator

import pytest

from tests.chaos.campaign import Trial, play
from tests.chaos.house import House, furnished
from tests.chaos.site.all_faults import site_faults

FAULTS = {fault.name: fault for fault in site_faults()}
SEED = secrets.randbelow(1_000_000)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """A packtrain to be hurt, and a token for it."""
    with furnished(tmp_path_factory.mktemp("site-faults")) as (house, token):
        yield house, token


@pytest.fixture(scope="module")
def done() -> list[Trial]:
    """The trials that went well."""
    return []


@pytest.mark.parametrize("name", FAULTS)
def test_every_job_ends_once_and_truly(house: tuple[House, str], done: list[Trial], name: str) -> None:
    number = [*FAULTS].index(name) + 1
    trial = play(*house, SEED, number, FAULTS[name])
    assert trial.finding.complaints == [], f"seed {SEED}"
    done.append(trial)


def test_nothing_came_to_a_job_after_its_trial(done: list[Trial]) -> None:
    assert [complaint for trial in done for complaint in trial.audit_again()] == []
