"""Debian trees from the machine's own mirror, and the few tools that making them needs."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from container.steps import StepError, run_logged, step

# Each tool with the package that brings it.
HOST_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
DEBIAN_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def need_root() -> None:
    """Trees with many owners, and namespaces with mounts in them, are for root to make."""
    if os.geteuid() != 0:
        raise StepError("the lab cluster is made and started by root: run this as root (or with sudo)")


def install_host_tools(log: Path) -> None:
    """Install what is missing on this machine, and only that."""
    need_root()
    missing = {package for tool, package in HOST_TOOLS.items() if shutil.which(tool) is None}
    if not DEBIAN_KEYS.exists():
        missing.add("debian-archive-keyring")
    if not missing:
        return
    with step(f"installing {', '.join(sorted(missing))}"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run_logged(["apt-get", "update", "-qq"], log, env)
        run_logged(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(missing)], log, env)


def mirror() -> str | None:
    """The mirror that this machine's apt takes Debian from; None elsewhere (mmdebstrap knows one)."""
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(SITE)",
        "Created-By: Packages",
        "Origin: Debian",
        "Label: Debian",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return found[0] if found else None


def bootstrap(suite: str, tree: Path, include: Sequence[str], log: Path, *options: str) -> None:
    """Unpack and set up a small Debian in a new folder."""
    site = mirror()
    run_logged(
        [
            "mmdebstrap",
            "--mode=root",
            "--dpkgopt=force-unsafe-io",  # a tree in a cache need not survive a power cut
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            f"--include={','.join(include)}",
            *options,
            suite,
            tree,
            *([site] if site else []),
        ],
        log,
    )
    tree.chmod(0o755)
    # Device files are made anew wherever the tree becomes a root, and an image builder chokes on them.
    for node in (tree / "dev").iterdir():
        if node.is_symlink() or not node.is_dir():
            node.unlink()
