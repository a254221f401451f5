"""Settings of sign-in, and the table of groups."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from tuning.errors import InvalidInput
from tuning.settings import Settings, load_clusters, load_settings
from tuning.sign_in_settings import check_sign_in, load_groups

TABLE = """
[sign_in.groups]
"/lab/mt" = ["team:mt"]
"cn=leads,dc=lab" = ["lead:mt", "administrator"]
guests = ["viewer"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clusters.toml"


def test_groups_are_read_beside_the_clusters(file: Path) -> None:
    file.write_text(TABLE)
    assert load_groups(file) == {
        "/lab/mt": ("team:mt",),
        "cn=leads,dc=lab": ("lead:mt", "administrator"),
        "guests": ("viewer",),
    }
    assert load_clusters(file) == {}
    file.write_text("")
    assert load_groups(file) == {}


@pytest.mark.parametrize(
    "text",
    [
        "[sign_in]\ngroups = 7", "[sign_in]\ngroup = {}", "sign_in = 7", '[sign_in.groups]\nx = "team:mt"',
        '[sign_in.groups]\nx = ["mt"]', '[sign_in.groups]\nx = ["team:a b"]', '[sign_in.groups]\nx = ["owner"]',
        '[sign_in.groups]\n"" = ["viewer"]', "[sign_in", '[sign_in.groups]\nx = ["team:mt\\n"]',
    ],
)  # fmt: skip
def test_a_table_that_does_not_hold_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidInput):
        load_groups(file)


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(InvalidInput):
        load_groups(file)


@pytest.mark.parametrize(
    "issuer", ["https://id.lab", "https://id.lab:8443/realms/lab/", "http://127.0.0.1:3000", "http://localhost/x"]
)
def test_an_issuer_is_a_safe_url(issuer: str) -> None:
    assert Settings(oidc_issuer=issuer).oidc_issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    ["http://id.lab", "ftp://id.lab", "https://", "https://id.lab?x=1", "https://u@id.lab", "https://a b",
     "http://localhost.evil.example", "http://127.0.0.1@evil.example", ""],
)  # fmt: skip
def test_an_issuer_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("PACKTRAIN_OIDC_ISSUER", issuer)
    with pytest.raises(InvalidInput, match="OIDC_ISSUER"):
        load_settings()


def test_the_proxys_networks_stand_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKTRAIN_PROXY_ADDRESSES", "127.0.0.1, fd00::/8")
    assert load_settings().proxy_addresses == (ip_network("127.0.0.1/32"), ip_network("fd00::/8"))


@pytest.mark.parametrize("scopes", ["profile", "openid,profile", "openid\n", "openid  email"])
def test_scopes_begin_with_openid(monkeypatch: pytest.MonkeyPatch, scopes: str) -> None:
    monkeypatch.setenv("PACKTRAIN_OIDC_SCOPES", scopes)
    with pytest.raises(InvalidInput, match="OIDC_SCOPES"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"oidc_issuer": "https://id.lab"}, "PACKTRAIN_OIDC_CLIENT_ID"),
        ({"proxy_user_header": "X-User"}, "PACKTRAIN_PROXY_ADDRESSES"),
    ],
)
def test_half_a_way_to_sign_in_is_refused(given: dict[str, str], missing: str) -> None:
    with pytest.raises(InvalidInput, match=missing):
        check_sign_in(Settings.model_validate(given))
    check_sign_in(Settings())
