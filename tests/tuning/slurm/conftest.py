"""Our folder on a login node, and a queue there."""

from pathlib import Path

import pytest

from tests.tuning.slurm.login_node import SBATCH, SCANCEL, SQUEUE


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our folder on a cluster whose sbatch takes its script from a file or from stdin, and notes what it got."""
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(SBATCH.format(tmp_path))
    sbatch.chmod(0o755)
    (tmp_path / "bin" / "squeue").write_text(SQUEUE.format(tmp_path))
    (tmp_path / "bin" / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "packtrain"


@pytest.fixture
def queue(root: Path, tmp_path: Path) -> Path:
    """A cluster that has three jobs; returns what its scancel was called with."""
    (tmp_path / "bin" / "scancel").write_text(SCANCEL.format(tmp_path))
    (tmp_path / "bin" / "scancel").chmod(0o755)
    (tmp_path / "called").touch()
    return tmp_path / "called"
