"""Document and templates that a server makes while it starts."""

import gc
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from jinja2 import Environment

from server import __main__ as program
from server.dashboard.page import TEMPLATES, Pages
from server.first_visit import THREAD, prepare_first_visit
from server.http.stopping import StoppingServer
from tuning.migrate import upgrade


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of templates, once more each time that one is compiled."""
    names: list[str] = []
    original = Environment.compile

    def counted(self: Environment, source: Any, name: str, filename: str) -> Any:
        names.append(name)
        return original(self, source, name, filename)

    monkeypatch.setattr(Environment, "compile", counted)
    return names


def test_each_template_is_compiled_once_for_all_languages(compiled: list[str]) -> None:
    Pages().compile_all()
    there = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
    assert sorted(compiled) == sorted(name for name in there if not name.startswith("node_modules/"))


def test_what_is_compiled_speaks_the_readers_language() -> None:
    pages = Pages()
    pages.compile_all()
    shown = {language: pages.html(language, "script_texts.html", {}) for language in ("en", "ja", "zh")}
    assert "Try again" in shown["en"]
    assert len(set(shown.values())) == len(shown)


def test_document_and_templates_are_there_before_a_request(app: FastAPI, compiled: list[str]) -> None:
    assert app.openapi_schema is None
    prepare_first_visit(app)
    assert app.openapi_schema is not None
    assert "queue/page.html" in compiled


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_program_makes_them_at_its_start(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(database_url)
    (tmp_path / "clusters.toml").write_text("")
    named = {"DATABASE_URL": database_url, "CLUSTERS_FILE": tmp_path / "clusters.toml", "DATA_DIR": tmp_path / "data"}
    for name, value in named.items():
        monkeypatch.setenv(f"PACKTRAIN_{name}", str(value))
    made: list[bool] = []
    frozen: list[bool] = []
    monkeypatch.setattr(program, "set_up_logs", lambda _level: None)
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))

    def run(self: StoppingServer) -> None:
        for thread in threading.enumerate():
            if thread.name == THREAD:
                thread.join()
        made.append(cast(FastAPI, self.config.app).openapi_schema is not None)

    monkeypatch.setattr(StoppingServer, "run", run)
    program.main()
    assert made == frozen == [True]
