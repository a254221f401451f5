from pathlib import Path

import pytest

from packtrain.connection import checked_connection, find_connection, keep_connection, server_url, user_file
from packtrain.errors import NotConfigured

BOTH = {"PACKTRAIN_URL": "http://lab:8421/", "PACKTRAIN_TOKEN": "pt_mine"}


def _write(folder: Path, text: str) -> None:
    (folder / ".packtrain").mkdir()
    (folder / ".packtrain/env").write_text(text, encoding="utf-8")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    _write(tmp_path, "PACKTRAIN_URL=http://other\nPACKTRAIN_TOKEN=pt_other\n")
    found = find_connection(BOTH, tmp_path)
    assert (found.url, found.token, found.source) == ("http://lab:8421", "pt_mine", "the environment")


def test_the_nearest_file_above_is_found(tmp_path: Path) -> None:
    _write(tmp_path, "# by make up\nPACKTRAIN_URL=http://127.0.0.1:8421\nPACKTRAIN_TOKEN='pt_a=b'\n\n")
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    found = find_connection({}, inner)
    assert (found.url, found.token) == ("http://127.0.0.1:8421", "pt_a=b")
    assert found.source == str(tmp_path / ".packtrain/env")


def test_nothing_at_all_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="PACKTRAIN_URL and PACKTRAIN_TOKEN are unset"):
        find_connection({}, tmp_path)


@pytest.mark.parametrize("missing", ["PACKTRAIN_URL", "PACKTRAIN_TOKEN"])
def test_a_token_is_never_joined_with_the_address_of_another_place(tmp_path: Path, missing: str) -> None:
    _write(tmp_path, "PACKTRAIN_URL=http://other\nPACKTRAIN_TOKEN=pt_other\n")
    half = {name: value for name, value in BOTH.items() if name != missing}
    with pytest.raises(NotConfigured, match=f"{missing} is missing in the environment"):
        find_connection(half, tmp_path)


def test_an_address_without_its_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="must begin with http"):
        find_connection({**BOTH, "PACKTRAIN_URL": "lab:8421"}, tmp_path)


@pytest.mark.parametrize("token", ["pt_a\nX-Evil: 1", "pt_ä"])
def test_a_token_that_could_not_be_a_header_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        find_connection({**BOTH, "PACKTRAIN_TOKEN": token}, tmp_path)
    assert token not in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    _write(tmp_path, "")
    (tmp_path / ".packtrain/env").write_bytes(b"\xff\xfe")
    with pytest.raises(NotConfigured, match="cannot read"):
        find_connection({}, tmp_path)


def test_the_token_is_not_in_the_repr(tmp_path: Path) -> None:
    assert "pt_mine" not in repr(find_connection(BOTH, tmp_path))


@pytest.mark.parametrize("below", ["/", "/api/v1", "/api/v1/", "//api//v1//"])
def test_an_address_may_end_in_that_of_the_api(tmp_path: Path, below: str) -> None:
    found = find_connection({**BOTH, "PACKTRAIN_URL": f"http://lab:8421{below}"}, tmp_path)
    assert found.url == "http://lab:8421"


@pytest.mark.parametrize("url", ["http://lab/api", "http://lab/x/api/v1/y", "http://lab/v1"])
def test_another_path_of_an_address_stays(url: str) -> None:
    assert server_url(url) == url


def test_the_users_own_file_comes_last(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "own")}
    own = user_file(environment)
    assert own == tmp_path / "own/packtrain/env"
    keep_connection(checked_connection("http://own", "pt_own", "here"), own)
    found = find_connection(environment, tmp_path)
    assert (found.url, found.token, found.source) == ("http://own", "pt_own", str(own))
    _write(tmp_path, "PACKTRAIN_URL=http://other\nPACKTRAIN_TOKEN=pt_other\n")
    assert find_connection(environment, tmp_path).url == "http://other"


def test_a_kept_file_replaces_the_older_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    keep_connection(checked_connection("http://own", "pt_own", "here"), path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_home_folder_there_is_no_file() -> None:
    assert user_file({}) is None
