from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tuning import settings
from tuning.settings import Settings

URL = "postgresql+psycopg://packtrain:secret@db/packtrain"


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PACKTRAIN_DATABASE_URL", raising=False)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets")
    return tmp_path / "secrets"


def test_a_setting_may_be_a_secret_s_file(secrets: Path) -> None:
    secrets.mkdir()
    (secrets / "packtrain_database_url").write_text(f"{URL}\n")
    (secrets / "of_somebody_else").write_text("x")
    assert Settings().database_url == URL


def test_the_environment_comes_before_the_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets.mkdir()
    (secrets / "packtrain_database_url").write_text(URL)
    monkeypatch.setenv("PACKTRAIN_DATABASE_URL", "sqlite:///other.db")
    assert Settings().database_url == "sqlite:///other.db"


def test_without_a_folder_of_secrets_the_defaults_hold(secrets: Path) -> None:
    assert not secrets.exists()
    assert Settings().database_url.startswith("sqlite:")


@pytest.mark.parametrize(
    "more",
    [
        {"binds": ("/data:/shared/packtrain/x",)},
        {"binds": ("/shared/packtrain/jobs:/jobs",)},
        {"binds": ("/data:/a:rx",)},
        {"binds": ("data",)},
        {"allowed_roots": ("/shared/packtrain/jobs/job_1/output",)},
        {"models": {"a": "/shared/packtrain/datasets"}},
        {"llamafactory_checkout": "/shared/packtrain/incoming/x"},
    ],
)
def test_what_would_show_other_peoples_jobs_to_a_run_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"packtrain|plain absolute"):
        make_cluster_settings(**more)


@pytest.mark.parametrize("root", ["/shared/packtrain/models", "/shared", "/shared/packtrain-models", "/"])
def test_models_may_lie_beside_beneath_or_above_what_jobs_leave(root: str) -> None:
    assert make_cluster_settings(allowed_roots=(root,)).allowed_roots == (root,)
