"""Build the training image: `python -m container.image build [--variant cpu|cuda]`.

Apptainer builds it as an ordinary user inside the lab's tree, from a local Debian tree and a wheel house: no
registry of images has to be reached. A site with one builds container/llamafactory.def by hand and gets the
same %post.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from container import cache, debian, wheelhouse
from container.lab import rootfs
from container.lab.namespace import Mount, enter_command, environment
from container.steps import StepError, run_logged, say, step

DEFINITION = Path(__file__).with_name("llamafactory.def")
BASE_SUITE = "bookworm"
BASE_PACKAGES = (
    "python3",
    "ca-certificates",
    "g++",
    "libc6-dev",
    "python3-dev",
)  # Triton, DeepSpeed compile as they run
VARIANTS = ("cpu", "cuda")
# zstd at a low level packs twice as fast as gzip and unpacks faster, which every job does.
SQUASH = "-comp zstd -Xcompression-level 3"


def key(variant: str) -> str:
    """The image's name in the cache."""
    made_of = cache.digest([DEFINITION, wheelhouse.LOCK, variant, *BASE_PACKAGES, SQUASH])
    return f"llamafactory-{variant}-{made_of}.sif"


def build(variant: str = "cpu") -> Path:
    """Return the image, building it where the cache has none (about two minutes)."""
    return cache.build_once(cache.cache_root() / key(variant), lambda part: _make(variant, part))


def _make(variant: str, target: Path) -> None:
    """Fetch packages while the trees are set up: that waits for the network, this for the processor."""
    debian.install_host_tools(cache.cache_root() / "tools.log")
    with ThreadPoolExecutor() as pool:
        wheels = pool.submit(wheelhouse.build, variant)
        tree = pool.submit(rootfs.build, rootfs.Profile.TRIXIE)
        base = pool.submit(_base_tree)
        parts = tree.result(), base.result(), wheels.result()
    with step(f"building the training image ({variant})"):
        _apptainer_build(variant, target, *parts)


def _base_tree() -> Path:
    target = cache.cache_root() / f"base-{BASE_SUITE}-{cache.digest(BASE_PACKAGES)}"

    def make(part: Path) -> None:
        with step("building the image's base tree"):
            log = cache.cache_root() / "base.log"
            log.unlink(missing_ok=True)
            debian.bootstrap(BASE_SUITE, part, BASE_PACKAGES, log, "--variant=essential")
            # The builder is an ordinary user, who has to read every file.
            run_logged(["chown", "-R", "2000:2000", part], log)

    return cache.build_once(target, make)


def _apptainer_build(variant: str, target: Path, tree: Path, base: Path, wheels: Path) -> None:
    log = cache.cache_root() / f"llamafactory-{variant}.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.cache_root(), prefix="image-") as name:
        scratch = Path(name, "scratch")
        scratch.mkdir()
        os.chown(scratch, 2000, 2000)
        mounts = [
            Mount(DEFINITION, "/context/container/llamafactory.def"),
            Mount(wheelhouse.LOCK, "/context/container/train.lock"),
            Mount(wheels, "/wheelhouse"),
            Mount(base, "/base"),
            Mount(scratch, "/scratch", read_only=False),
        ]
        inside = ["runuser", "-u", "packtrain", "--", "bash", "-c", _build_script(variant)]
        run_logged(enter_command(tree, Path(name), inside), log, environment(mounts))
        (scratch / "image.sif").rename(target)
        os.chown(target, 0, 0)
        target.chmod(0o644)


def _build_script(variant: str) -> str:
    arguments = f"--build-arg bootstrap=localimage --build-arg from=/base --build-arg variant={variant}"
    return (
        "cd /context && export HOME=/home/packtrain && "
        "export APPTAINER_TMPDIR=/scratch APPTAINER_CACHEDIR=/scratch/cache && "
        f"exec apptainer build --notest --bind /wheelhouse {arguments} --mksquashfs-args '{SQUASH}' "
        "/scratch/image.sif container/llamafactory.def"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m container.image", description=__doc__)
    parser.add_argument("action", choices=["build", "path", "lock"], help="lock: compile train.lock anew, with uv")
    parser.add_argument("--variant", choices=VARIANTS, default="cpu")
    options = parser.parse_args()
    try:
        if options.action == "lock":
            wheelhouse.compile_lock()
        elif options.action == "path":
            say(str(cache.cache_root() / key(options.variant)))
        else:
            say(str(build(options.variant)))
    except StepError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
