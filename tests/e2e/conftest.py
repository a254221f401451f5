"""One site for all end-to-end tests, with clusters that are well and clusters that are not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.api import Packtrain
from container import image, lab, stack
from container.lab import models, ports
from tests.e2e.site import Site

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
        cluster = lab.up(profile, state / "lab", image=image.build("cpu"), models=models.build())
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
