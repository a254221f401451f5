"""The training image's wheels, fetched by this machine's own pip before the image is built.

The builder inside the lab knows neither this machine's package index nor its proxies; pip here does.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from container import cache
from container.steps import StepError, run_logged, step

TOP = Path(__file__).parent.parent
LOCK = TOP / "container" / "train.lock"
# Debian bookworm's: the image's tree comes from there, whatever this machine runs.
PYTHON = "3.11"
# Dropped from the resolution: LLaMA-Factory's own web page, which nobody opens in a batch job.
EXCLUDED = ("gradio",)
# Not for the CPU: CUDA's libraries, and pictures (torchvision's index build wants CUDA too).
CUDA_ONLY = re.compile(r"^(nvidia-|cuda-|triton\b|torchvision\b)")
PICTURES = re.compile(r"^torchvision\b")


def train_requirements() -> list[str]:
    """The extra `train` of pyproject.toml: the one place where the image's versions stand."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    extra: list[str] = project["project"]["optional-dependencies"]["train"]
    return extra


def compile_lock() -> None:
    """Write train.lock anew from the extra. Plain pins: no index and no host."""
    wanted = "\n".join(train_requirements())
    excludes = cache.cache_root() / "excludes.txt"
    excludes.write_text("\n".join(EXCLUDED) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--excludes", str(excludes)]
    options = ["--python-version", PYTHON, "--no-header", "--annotation-style", "line", "--quiet"]
    subprocess.run([*command, *options, "-o", str(LOCK)], input=wanted, text=True, check=True)


def pins(lock: str, variant: str, torch_wheel: str) -> list[str]:
    """The lock's lines that a variant needs.

    Where the index had no CPU build of torch, its other one cannot be imported without CUDA's libraries.
    """
    lines = [line.split("#")[0].strip() for line in lock.splitlines()]
    wanted = [line for line in lines if line]
    if variant == "cuda":
        return wanted
    leave_out = CUDA_ONLY if "+cpu" in torch_wheel else PICTURES
    return [line for line in wanted if not leave_out.match(line)]


def key(variant: str) -> str:
    """The wheel house's name in the cache."""
    return f"wheelhouse-{variant}-{cache.digest([LOCK, Path(__file__), variant])}"


def build(variant: str) -> Path:
    """Return the folder with every wheel of a variant, and pins.txt that names them."""
    target = cache.cache_root() / key(variant)
    return cache.build_once(target, lambda part: _download(variant, part))


def _download(variant: str, house: Path) -> None:
    log = cache.cache_root() / f"wheelhouse-{variant}.log"
    log.unlink(missing_ok=True)
    house.mkdir()
    lock = LOCK.read_text(encoding="utf-8")
    with step(f"fetching the training image's packages ({variant})"):
        torch = _torch_pin(lock, variant)
        _pip_download(house, [torch, "uv"], log)
        wheel = next(house.glob("torch-*.whl")).name
        wanted = pins(lock, variant, wheel)
        (house / "pins.txt").write_text("\n".join(wanted) + "\n", encoding="utf-8")
        _pip_download(house, [pin for pin in wanted if not pin.startswith("torch==")], log)


def _torch_pin(lock: str, variant: str) -> str:
    found = re.search(r"^torch==(\S+)", lock, re.MULTILINE)
    if found is None:
        raise StepError(f"{LOCK} pins no torch")
    # `==2.13.0` takes 2.13.0+cpu where there is one; `===` is exact.
    return f"torch{'===' if variant == 'cuda' else '=='}{found[1]}"


def _pip_download(house: Path, wanted: list[str], log: Path) -> None:
    options = ["--quiet", "--no-deps", "--python-version", PYTHON, "--dest", str(house)]
    run_logged([_python_with_pip(log), "-m", "pip", "download", *options, *wanted], log, dict(os.environ))


def _python_with_pip(log: Path) -> str:
    """This interpreter; or, in an environment that was made without pip, one beside it that has it."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    venv = cache.build_once(
        cache.cache_root() / "pip", lambda part: run_logged([sys.executable, "-m", "venv", part], log)
    )
    return str(venv / "bin/python")
