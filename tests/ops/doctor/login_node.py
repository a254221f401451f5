"""A login node on this machine: commands run in a real shell, whose PATH holds a few programs that a test wrote."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tuning.settings import ClusterSettings, PartitionDefaults
from tuning.ssh.fake import FakeTransport
from tuning.ssh.transport import Completed

BOUNDARY = "0123456789abcdef"
SLURM = {
    "sbatch": "echo slurm-wlm 24.11.5",
    "squeue": "true",
    "scancel": "true",
    "sacct": "true",
    "sinfo": "printf '%s\\n' 'gpu* up 1-00:00:00 gpu:a100:4' 'short up 10:00 gpu:a100:4'",
    "scontrol": "echo 'Slurmctld(primary) at lab is UP'",
    "apptainer": 'if [ "$1" = --version ]; then echo apptainer version 1.4.5; fi',
}


def make_cluster(home: Path, **changes: object) -> ClusterSettings:
    """A cluster whose files lie in a folder of this machine, all of them there."""
    (home / "key").touch(mode=0o600)
    (home / "known_hosts").write_text("login ssh-ed25519 AAAA\n", encoding="utf-8")
    (home / "image.sif").write_bytes(b"sif")
    base: dict[str, object] = {
        "name": "lab", "host": "login", "user": "packtrain", "key_file": home / "key",
        "known_hosts_file": home / "known_hosts", "root": str(home / "root"), "image": str(home / "image.sif"),
        "defaults": PartitionDefaults(partition="gpu"),
    }  # fmt: skip
    return ClusterSettings.model_validate({**base, **changes})


def make_login_node(home: Path, programs: Mapping[str, str] = SLURM, *, banner: str = "") -> FakeTransport:
    """A transport to a shell that knows these programs, and prints the banner before every command."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    for name, body in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(command: str, stdin: bytes) -> Completed:
        environment = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "LC_ALL": "C"}
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, input=stdin, capture_output=True, check=False
        )
        return Completed(banner.encode() + done.stdout, done.stderr, done.returncode)

    return FakeTransport(run)
