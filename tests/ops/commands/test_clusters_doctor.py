"""packtrain clusters doctor, as a person starts it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.hanging_up import hanging_up

ROOT = Path(__file__).parents[3]
TOML = """
[clusters.lab]
host = "127.0.0.1"
port = {port}
user = "packtrain"
key_agent = true
known_hosts_file = "{folder}/known_hosts"
root = "/shared/packtrain"
image = "/shared/image.sif"
"""


def test_a_host_that_hangs_up_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("login ssh-ed25519 AAAA\n")
    with hanging_up() as port:
        (tmp_path / "clusters.toml").write_text(TOML.format(port=port, folder=tmp_path))
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PACKTRAIN_CLUSTERS_FILE": str(tmp_path / "clusters.toml"),
        }
        environment["PACKTRAIN_DATABASE_URL"] = f"sqlite:///{tmp_path / 'none.db'}"
        command = [sys.executable, "-m", "packtrain", "clusters", "doctor", "lab"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "failed   connection   cannot connect to" in done.stdout
    assert "Traceback" not in done.stdout
