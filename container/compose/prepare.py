"""The folder that docker-compose.yml mounts: passwords, keys and settings, random and made here, never committed."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from container import stack
from container.steps import run_logged

CLUSTERS = "/etc/packtrain"  # clusters/, as server and worker see it
LAB_HOST, LAB_PORT = "lab", 22
FIRST_CLUSTERS = """\
# The clusters that packtrain drives; docs/operator-guide.md says what can stand here.
# Keys and known_hosts lie beside this file; inside the containers this folder is /etc/packtrain.
"""


@dataclass(frozen=True)
class LabParts:
    """Paths that the profile lab mounts besides keys: the training image, and the folder of tiny models."""

    image: Path
    models: Path


def prepare(folder: Path, lab: LabParts | None = None) -> None:
    """Write what is missing; what is there stays. With `lab` also what that profile needs."""
    # Nobody but the owner comes through here. The files within are for all to read, since the containers' users have
    # other numbers than this machine's.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("secrets", "clusters"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o755)
    _write_passwords(folder / "secrets")
    if lab:
        _write_lab(folder, lab)
    _write(folder / "clusters/clusters.toml", FIRST_CLUSTERS)


def _write_passwords(folder: Path) -> None:
    _write(folder / "database_password", secrets.token_urlsafe(32))
    password = quote((folder / "database_password").read_text(encoding="utf-8").strip(), safe="")
    _write(folder / "secrets_key", secrets.token_urlsafe(32))
    _write(folder / "database_url", f"postgresql+psycopg://packtrain:{password}@db/packtrain")


def _write_lab(folder: Path, parts: LabParts) -> None:
    clusters, lab = folder / "clusters", folder / "lab"
    lab.mkdir(exist_ok=True)
    _make_key(clusters / "id_ed25519", folder / "keys.log").chmod(0o444)
    host = _make_key(lab / "ssh_host_ed25519_key", folder / "keys.log")  # stays 600: sshd insists
    host_key = host.with_suffix(".pub").read_text(encoding="utf-8").split()
    _write(clusters / "known_hosts", f"{LAB_HOST} {host_key[0]} {host_key[1]}\n")
    _write(clusters / "clusters.toml", _lab_toml())
    _link(lab / "llamafactory.sif", parts.image)
    _link(lab / "models", parts.models)


def _lab_toml() -> str:
    return stack.CLUSTERS.format(
        host=LAB_HOST,
        port=LAB_PORT,
        user="packtrain",
        key_file=f"{CLUSTERS}/id_ed25519",
        known_hosts_file=f"{CLUSTERS}/known_hosts",
        accounting="true",
    )


def _make_key(file: Path, log: Path) -> Path:
    if not file.exists():
        run_logged(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "packtrain", "-f", file], log)
    return file


def _write(file: Path, text: str) -> None:
    if not file.exists():
        file.write_text(text, encoding="utf-8")
        file.chmod(0o444)


def _link(link: Path, target: Path) -> None:
    """To the newest one: the cache names things by what they are made of."""
    link.unlink(missing_ok=True)
    link.symlink_to(target)
