"""The lab's root file systems, one a profile, kept in the cache under a hash of what goes into them."""

import shlex
from enum import StrEnum
from pathlib import Path

from container import cache, debian
from container.steps import step

HERE = Path(__file__).parent
# What the tree is made of. Not start.sh and etc/: a running lab sees those of the working copy (cluster.py).
PROVISION_INPUTS = ("provision.sh", "data", "examples")


class Profile(StrEnum):
    """Slurm version of the lab; the value is the Debian release that it comes from."""

    TRIXIE = "trixie"  # 24.11 with accounting
    BOOKWORM = "bookworm"  # 22.05 without


def key(profile: Profile) -> str:
    """The tree's name in the cache: another one as soon as anything that it is made of changes."""
    return f"lab-{profile}-{cache.digest([profile, *(HERE / name for name in PROVISION_INPUTS)])}"


def build(profile: Profile) -> Path:
    """Return the profile's tree, making it where the cache has none (half a minute)."""
    target = cache.cache_root() / key(profile)
    return cache.build_once(target, lambda part: _provision(profile, part))


def _provision(profile: Profile, tree: Path) -> None:
    log = cache.cache_root() / f"lab-{profile}.log"
    log.unlink(missing_ok=True)
    debian.install_host_tools(log)
    with step(f"building the lab's tree ({profile})"):
        debian.bootstrap(profile, tree, ["ca-certificates"], log, *_hooks(profile))


def _hooks(profile: Profile) -> list[str]:
    """Run provision.sh as mmdebstrap's last step, while it still holds /dev and /proc mounted in the tree."""
    inside = "/opt/provision"
    steps = (
        f'cp -rT {shlex.quote(str(HERE))} "$1{inside}"',
        f'chroot "$1" {inside}/provision.sh {profile}',
        f'rm -r "$1{inside}"',
    )
    return [f"--customize-hook={step}" for step in steps]
