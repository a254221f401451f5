"""Sign-in by a real OIDC provider in a browser, and the sign-out that ends both sessions."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.oidc_provider.real import RealProvider, running_provider
from tests.pages.stage import Stage, stage

pytestmark = pytest.mark.system


@contextmanager
def site(folder: Path) -> Iterator[tuple[Stage, RealProvider]]:
    """A server and its provider, each of which knows the other's address."""
    port = free_port()
    own = f"http://127.0.0.1:{port}/sign-in"
    with running_provider(folder, [f"{own}/oidc/callback"], signed_out_uris=[own]) as provider:
        provider.set_account("sub-1", preferred_username="lin", name="Lin")
        given = {"oidc_issuer": provider.issuer, "oidc_client_id": "packtrain", "oidc_new_users": True}
        with stage(folder, 0, port, given) as staged:
            yield staged, provider


def free_port() -> int:
    """A port of the loopback that nobody has at this moment."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that nobody is signed in with."""
    context = browser.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def test_a_sign_out_ends_the_session_at_the_provider_too(built: None, tmp_path: Path, page: Page) -> None:
    with site(tmp_path) as (staged, provider):
        page.goto(f"{staged.url}/people")
        page.get_by_role("link", name="Sign in with 127.0.0.1").click()
        page.locator('[name="login"]').fill("sub-1")
        page.locator('[name="password"]').fill("x")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()  # consent
        page.wait_for_url(f"{staged.url}/people")
        page.locator("header summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{provider.issuer}/**")
        page.locator("button", has_text="Yes, sign me out").click()
        page.wait_for_url(f"{staged.url}/sign-in")
        page.goto(f"{staged.url}/people")
        page.get_by_role("link", name="Sign in with 127.0.0.1").click()
        expect(page.locator('[name="login"]')).to_be_visible()
