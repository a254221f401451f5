"""What an operator asks of the command line, on a cluster that is well and on one that is not."""

import re
import subprocess
import sys
from pathlib import Path

from container import stack
from tests.e2e.site import Site


def packtrain(site: Site, *arguments: str, says: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**stack.settings(site.state, site.port), **site.env(), **more}
    command = [sys.executable, "-m", "packtrain", *arguments]
    return subprocess.run(command, env=environment, input=says, capture_output=True, text=True, check=False)


def test_the_doctor_finds_nothing_on_the_lab(site: Site) -> None:
    done = packtrain(site, "clusters", "doctor", "lab")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "apptainer" in done.stdout.lower()


def test_the_doctor_names_a_missing_image(site: Site) -> None:
    done = packtrain(site, "clusters", "doctor", "no-image")
    assert done.returncode == 1
    assert "nowhere.sif" in done.stdout


def test_the_doctor_names_a_changed_host_key(site: Site) -> None:
    done = packtrain(site, "clusters", "doctor", "changed-key")
    assert done.returncode == 1
    assert "key" in done.stdout


def test_a_login_node_is_let_in_once_its_key_is_trusted(site: Site, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    text = stack.clusters_toml(site.lab)
    text = re.sub(r"^known_hosts_file = .*$", f'known_hosts_file = "{known_hosts}"', text, flags=re.M)
    (tmp_path / "clusters.toml").write_text(text)
    clusters = {"PACKTRAIN_CLUSTERS_FILE": str(tmp_path / "clusters.toml")}
    assert packtrain(site, "clusters", "doctor", "lab", **clusters).returncode == 1
    trusted = packtrain(site, "clusters", "trust", "lab", says="y\n", **clusters)
    assert trusted.returncode == 0, trusted.stderr
    assert known_hosts.read_text() == site.lab.known_hosts_file.read_text()
    assert packtrain(site, "clusters", "doctor", "lab", **clusters).returncode == 0


def test_the_image_holds_what_pyproject_asks_for(site: Site) -> None:
    done = packtrain(site, "image", "check", "--cluster", "lab")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.9.5" in done.stdout
