"""One site for all end-to-end tests of a process, with clusters that are well and clusters that are not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from container import image, lab, stack
from container.lab import models, ports
from packtrain.client import Packtrain
from tests.e2e.promises import is_promised
from tests.e2e.site import Site

HERE = Path(__file__).parent

SICK_CLUSTERS = """
[clusters.no-image]
{same}
root = "/home/packtrain/no-image"
image = "/opt/packtrain/nowhere.sif"

[clusters.full]
{same}
root = "/srv/full"
image = "/opt/packtrain/llamafactory.sif"

[clusters.changed-key]
{same_but_key}
known_hosts_file = "{wrong_known_hosts}"
root = "/home/packtrain/changed-key"
image = "/opt/packtrain/llamafactory.sif"
"""
# Runs with two GPUs each fit once, with one GPU twice: more at once would keep each other from this machine's cores.
NODE_CPUS = 4
SEPARATE_TESTS = ("test_continuation", "test_chaos", "test_sick_clusters", "test_failures")
MINUTES_EACH = frozenset(
    {"test_forecast", "test_site_faults", "test_chaos", "test_database_away", "test_faults", "test_continuation"}
)
"""Files whose tests take minutes: left to `make long`, but for those that are promised."""
LONG_FILES = (
    "test_a_lab_of_people",
    "test_forecast",
    "test_seed_run",
    "test_training",
    "test_site_faults",
    "test_chaos",
    "test_stopped_worker",
    "test_database_away",
    "test_sick_clusters",
    "test_faults",
    "test_continuation",
    "test_escape",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests share fixtures and go to one process, but for some files' tests, which go each by itself."""
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _unit_of_work
    return scheduler


def _unit_of_work(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return nodeid if Path(file).stem in SEPARATE_TESTS else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, and beside those that keep both cores busy, those that mostly wait."""
    for item in (item for item in items if item.path.is_relative_to(HERE)):
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        asked = (*getattr(item, "fixturenames", ()), *map(str, parameters.values()))
        if "old_site" in asked or not is_promised(str(item.path.relative_to(HERE)), item.name):
            item.add_marker("deep")
            if item.path.stem in MINUTES_EACH:
                item.add_marker("long")
    items.sort(key=lambda item: LONG_FILES.index(item.path.stem) if item.path.stem in LONG_FILES else len(LONG_FILES))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Slurm 24.11 with accounting."""
    yield from _running(tmp_path_factory.mktemp("site"), lab.Profile.TRIXIE)


@pytest.fixture(scope="session")
def old_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Slurm 22.05 without accounting."""
    yield from _running(tmp_path_factory.mktemp("old-site"), lab.Profile.BOOKWORM)


@pytest.fixture
def client(site: Site) -> Iterator[Packtrain]:
    """The API of the site."""
    with site.client() as client:
        yield client


def _running(state: Path, profile: lab.Profile) -> Iterator[Site]:
    try:
        cluster = lab.up(profile, state / "lab", image=image.build("cpu"), models=models.build(), cpus=NODE_CPUS)
        cluster.run("bash", "-c", "mkdir -p /srv/full && mount -t tmpfs -o size=64k,mode=1777 none /srv/full")
        port = ports.pick()
        stack.start(state, port, stack.clusters_toml(cluster) + _sick(cluster, state))
        yield Site(state, port, cluster)
    finally:
        stack.down(state)


def _sick(cluster: lab.Lab, state: Path) -> str:
    wrong = state / "wrong_known_hosts"
    host, kind, key = cluster.known_hosts_file.read_text().split()
    wrong.write_text(f"{host} {kind} {key[:-8]}AAAAAAAA\n")
    base = stack.clusters_toml(replace(cluster)).split("[clusters.lab]\n")[1].split("\n\n[")[0]
    lines = [line for line in base.splitlines() if not line.startswith(("root", "image"))]
    without_key = [line for line in lines if not line.startswith("known_hosts_file")]
    return SICK_CLUSTERS.format(same="\n".join(lines), same_but_key="\n".join(without_key), wrong_known_hosts=wrong)
