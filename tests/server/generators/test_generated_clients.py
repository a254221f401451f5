"""Clients that others make from the OpenAPI document can be used: every module of them can be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from container import cache
from container.client_types import document
from container.steps import run_logged
from server.openapi import operations

HERE = Path(__file__).parent
PINS = HERE / "pins.txt"


@pytest.fixture(scope="session")
def generators() -> Path:
    """The generators' environment, made where the cache has none of these pins."""
    version = ".".join(map(str, sys.version_info[:2]))
    return cache.build_once(cache.cache_root() / f"generators-{cache.digest([PINS, version])}", _install)


def _install(environment: Path) -> None:
    log = cache.cache_root() / "generators.log"
    run_logged([sys.executable, "-m", "venv", environment], log)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", str(PINS)]
    run_logged([environment / "bin/python", "-m", "pip", "install", *options], log, dict(os.environ))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The document."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document()), encoding="utf-8")
    return file


def run(generators: Path, arguments: Sequence[str | Path], folder: Path) -> str:
    """What it said."""
    environment = {**os.environ, "PATH": f"{generators / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = [generators / "bin" / "python", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_client_of_openapi_python_client_has_every_operation(generators: Path, file: Path, tmp_path: Path) -> None:
    """Of a body of two media it makes a module that cannot be imported, unless the operation has another option."""
    options = ["--path", str(file), "--output-path", str(tmp_path / "made"), "--meta", "none"]
    run(generators, ["-m", "openapi_python_client", "generate", *options], tmp_path)
    run(generators, [HERE / "import_all.py", "made"], tmp_path)
    modules = {path.stem for path in (tmp_path / "made" / "api").glob("*/*.py")}
    assert {operation["operationId"] for _, _, operation in operations(dict(document()))} <= modules


def test_models_of_datamodel_code_generator_can_be_imported(generators: Path, file: Path, tmp_path: Path) -> None:
    kind = ["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel"]
    paths = ["--input", str(file), "--output", str(tmp_path / "models.py")]
    run(generators, ["-m", "datamodel_code_generator", *paths, *kind], tmp_path)
    run(generators, [HERE / "import_all.py", "models"], tmp_path)
    assert "class JobJson(BaseModel)" in (tmp_path / "models.py").read_text(encoding="utf-8")
