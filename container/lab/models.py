"""The tiny models of the lab, made by the training image and kept in the cache."""

from pathlib import Path

from container import cache, image
from container.image_program import run_program
from container.lab.namespace import Mount
from container.steps import step

HERE = Path(__file__).parent
SCRIPT = HERE / "tiny_models.py"
NAMES = ("tiny-llama", "tiny-phi3", "tiny-qwen2")


def build() -> Path:
    """Return the folder that becomes /srv/models, making it where the cache has none."""
    sif = image.build("cpu")
    key = cache.digest([SCRIPT, HERE / "data", sif.name])
    return cache.build_once(cache.cache_root() / f"models-{key}", lambda part: _make(sif, part))


def _make(sif: Path, out: Path) -> None:
    out.mkdir()
    mounts = [Mount(HERE / "data", "/data"), Mount(out, "/out", read_only=False)]
    with step("making the tiny models"):
        out.chmod(0o777)
        run_program(sif, SCRIPT, ["/data", "/out"], mounts=mounts)
        out.chmod(0o755)
