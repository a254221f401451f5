"""The stub server, and an environment in which the command line finds it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from packtrain.cli.main import app
from tests.packtrain.stub_server import TOKEN, Stub, serving

Run = Callable[..., Result]


@pytest.fixture
def stub(no_authorities: None) -> Iterator[Stub]:
    """A server on a socket."""
    with serving(Stub()) as running:
        yield running


@pytest.fixture
def run(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `packtrain` with these words, in an empty folder, against the stub."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACKTRAIN_URL", stub.url)
    monkeypatch.setenv("PACKTRAIN_TOKEN", TOKEN)
    return lambda *words: CliRunner().invoke(app, list(words))
