"""Reader of a page: the user of the browser's session; without one the browser is sent to sign in."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Depends, Request

from server.http.access.session_cookie import csrf_of, session_text
from server.http.access.token_gate import admitted
from tuning.errors import NotAuthenticated
from tuning.people.tokens import Principal

SIGN_IN = "/sign-in"
HOME = "/"
_LONGEST_PATH = 2_000


class SignInFirst(Exception):
    """A page was asked for without a session that holds; `address` leads to the sign-in, and from there back."""

    def __init__(self, page: str) -> None:
        super().__init__(page)
        self.address = f"{SIGN_IN}?{urlencode({'next': page})}" if page != HOME else SIGN_IN


async def page_reader(request: Request) -> Principal:
    """The user of the browser's session, from the feed's memory; the request is counted.

    Raises SignInFirst, TooManyRequests, Unavailable.
    """
    text = session_text(request.scope)
    if text is None:
        raise SignInFirst(_page(request))
    try:
        reader = await admitted(request.app.state, request, text)
    except NotAuthenticated as error:
        raise SignInFirst(_page(request)) from error
    request.state.reader, request.state.csrf_token = reader, csrf_of(text)
    return reader


async def optional_reader(request: Request) -> Principal | None:
    """The same for a page that everybody may see. Raises TooManyRequests, Unavailable."""
    try:
        return await page_reader(request)
    except SignInFirst:
        return None


PageReader = Annotated[Principal, Depends(page_reader)]
OptionalReader = Annotated[Principal | None, Depends(optional_reader)]


def local_path(text: str) -> str:
    """A path of this server, with its query, to go on to; the queue's page for whatever else was given. Pure.

    A browser takes `//host`, and `/\\host` as well, for another server, and drops tabs and line ends before it looks.
    """
    is_path = text.startswith("/") and not text.startswith(("//", "/\\")) and len(text) <= _LONGEST_PATH
    is_plain = text.isascii() and text.isprintable() and "\\" not in text
    leads_back = text.partition("?")[0].startswith(SIGN_IN)
    return text if is_path and is_plain and not leads_back else HOME


def _page(request: Request) -> str:
    path = quote(request.url.path)
    return f"{path}?{request.url.query}" if request.url.query else path
