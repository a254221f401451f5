import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.factories import make_cluster_settings
from tuning import settings
from tuning.errors import InvalidInput
from tuning.settings import NOT_OURS, PREFIX, Settings, load_settings

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
        {"binds": ("/shared/packtrain/compiled/ab12:/x:rw",)},
        {"llamafactory_checkout": "/shared/packtrain/incoming/x"},
    ],
)
def test_what_would_show_other_peoples_jobs_to_a_run_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"packtrain|plain absolute"):
        make_cluster_settings(**more)


@pytest.mark.parametrize("root", ["/shared/packtrain/models", "/shared", "/shared/packtrain-models", "/"])
def test_models_may_lie_beside_beneath_or_above_what_jobs_leave(root: str) -> None:
    assert make_cluster_settings(allowed_roots=(root,)).allowed_roots == (root,)


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PACKTRAIN_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_variables")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PACKTRAIN_LOG_LEVEL", "loud", "PACKTRAIN_LOG_LEVEL must be one of debug, info, warning, error"),
        ("PACKTRAIN_DATABASE_URL", "mysql://x:hidden@y", "no driver for mysql: it takes sqlite:///FILE or postgresql"),
        ("PACKTRAIN_DATABASE_URL", "postgresql://x:hidden@y/z", "it takes sqlite:///FILE or postgresql\\+psycopg://"),
        ("PACKTRAIN_DATABASE_URL", "hidden", "no URL of a database"),
        ("PACKTRAIN_DATABASE_URL", "postgresql+psycopg://u:hidden@h:port/d", "no URL of a database"),
        ("PACKTRAIN_PORT", "http", "PACKTRAIN_PORT: Input should be a valid integer"),
        ("PACKTRAIN_PORT", "99999", "PACKTRAIN_PORT: Input should be less than or equal to 65535"),
        ("PACKTRAIN_LEASE_SECONDS", "nan", "PACKTRAIN_LEASE_SECONDS: Input should be a finite number"),
        ("PACKTRAIN_LEASE_SECONDS", "1e400", "PACKTRAIN_LEASE_SECONDS: Input should be a finite number"),
        ("PACKTRAIN_LEASE_SECONDS", "-1", "PACKTRAIN_LEASE_SECONDS: Input should be greater than 0"),
        (
            "PACKTRAIN_NOTICE_TARGETS",
            "10.0.0.0/8,hidden",
            "PACKTRAIN_NOTICE_TARGETS: Input is not a valid IPv4 network",
        ),
        ("PACKTRAIN_SMTP_FROM", "hidden", "PACKTRAIN_SMTP_FROM: String should match pattern"),
        ("PACKTRAIN_SMTP_SECURITY", "ssl", "PACKTRAIN_SMTP_SECURITY must be one of starttls, tls, none"),
        ("PACKTRAIN_DATABSE_URL", "hidden", "no setting PACKTRAIN_DATABSE_URL .did you mean PACKTRAIN_DATABASE_URL?"),
        (
            "packtrain_clusters_fil",
            "hidden",
            "no setting packtrain_clusters_fil .did you mean PACKTRAIN_CLUSTERS_FILE?",
        ),
        ("PACKTRAIN_ZZZZ", "hidden", "no setting PACKTRAIN_ZZZZ .remove it"),
    ],
)
def test_a_setting_that_does_not_hold_is_a_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert re.search(words, caught.value.with_hints())
    assert "hidden" not in caught.value.with_hints()


@pytest.mark.usefixtures("no_variables")
@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("10.1.0.0/16, fd00:1::/64", (ip_network("10.1.0.0/16"), ip_network("fd00:1::/64"))),
        ("127.0.0.1", (ip_network("127.0.0.1/32"),)),
        ("", ()),
    ],
)
def test_networks_of_receivers_stand_with_commas_between(
    monkeypatch: pytest.MonkeyPatch, text: str, networks: tuple[IPv4Network | IPv6Network, ...]
) -> None:
    monkeypatch.setenv("PACKTRAIN_NOTICE_TARGETS", text)
    assert load_settings().notice_targets == networks


@pytest.mark.usefixtures("no_variables")
def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PACKTRAIN_LOG_LEVEL", "PACKTRAIN_PORT", "PACKTRAIN_PROT"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert len(caught.value.findings) == 3


@pytest.mark.usefixtures("no_variables")
@pytest.mark.parametrize(
    "name",
    ["PACKTRAIN_URL", "PACKTRAIN_TOKEN", "PACKTRAIN_CONFIG_DIR", "PACKTRAIN_SERVICE_HOST", "PACKTRAIN_PORT_8421_TCP"],
)
def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "sqlite:////a/x.db", URL, "postgresql+psycopg://h/d?sslmode=require"]
)
def test_a_database_of_either_kind_is_taken(url: str) -> None:
    assert Settings(database_url=url).database_url == url


def test_every_variable_of_the_compose_file_is_known() -> None:
    text = (Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8")
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    named = set(re.findall(r"PACKTRAIN_[A-Z_]+", text))
    assert {name for name in named if name not in known and not NOT_OURS.fullmatch(name)} == set()
