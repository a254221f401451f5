"""The user whom a proxy names, and the address that a connection really comes from."""

from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from server.http.access.peer import PeerNoted, peer_of
from server.http.access.proxied_user import is_believed, proxied_groups, proxied_user
from tuning.errors import NotAuthenticated
from tuning.sign_in_settings import SignInSettings

SETTINGS = SignInSettings(
    proxy_user_header="X-User",
    proxy_groups_header="X-Groups",
    proxy_addresses=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")),
)


def scope(address: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "client": (address, 1) if address is not None else None, "headers": raw}


@pytest.mark.parametrize(
    ("address", "believed"),
    [
        ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1", True), ("10.2.0.1", False), ("127.0.0.1", False),
        ("testclient", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_only_the_proxys_addresses_are_believed(address: str | None, believed: bool) -> None:
    asked = scope(address, ("X-User", "ada"))
    assert is_believed(asked, SETTINGS) is believed
    assert proxied_user(asked, SETTINGS) == ("ada" if believed else None)


def test_without_the_setting_no_header_names_anybody() -> None:
    assert proxied_user(scope("10.1.2.3", ("X-User", "ada")), SignInSettings()) is None
    assert proxied_groups(scope("10.1.2.3", ("X-Groups", "a")), SignInSettings()) == []


def test_two_names_are_none() -> None:
    with pytest.raises(NotAuthenticated, match="twice"):
        proxied_user(scope("10.1.2.3", ("X-User", "ada"), ("x-user", "root")), SETTINGS)


def test_an_empty_name_is_none() -> None:
    assert proxied_user(scope("10.1.2.3", ("X-User", "  ")), SETTINGS) is None


def test_groups_stand_between_commas() -> None:
    asked = scope("10.1.2.3", ("X-Groups", " /lab/mt, ,admins"), ("X-Groups", "more"))
    assert proxied_groups(asked, SETTINGS) == ["/lab/mt", "admins", "more"]


async def _note(scope: Any, receive: Any, send: Any) -> None:
    scope["client"] = ("10.1.2.3", 1)  # as a layer does that believes X-Forwarded-For
    assert peer_of(scope) == "192.0.2.1"


@pytest.mark.anyio
async def test_the_address_of_the_connection_outlives_a_forwarded_one() -> None:
    await PeerNoted(_note)(scope("192.0.2.1"), None, None)  # type: ignore[arg-type]


def test_a_forwarded_address_is_not_taken_for_the_connections_own(app: FastAPI, connection: httpx.Client) -> None:
    believed = {"proxy_user_header": "X-User", "proxy_addresses": (ip_network("10.1.0.0/16"),)}
    app.state.settings = app.state.settings.model_copy(update=believed)
    address = str(connection.base_url).removesuffix("/api/v1/")
    sent = {"X-Forwarded-For": "10.1.2.3", "X-User": "ada", "Accept": "text/html"}
    assert httpx.get(f"{address}/sign-in", headers=sent).status_code == 200
    app.state.settings = app.state.settings.model_copy(update={"proxy_addresses": (ip_network("127.0.0.1"),)})
    assert httpx.get(f"{address}/sign-in", headers=sent).status_code == 303
