"""Renewal of open pages: a page's script asks for the content again, and all who see the same share it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session, sessionmaker
from starlette.datastructures import Headers
from starlette.responses import Response

from server.dashboard.fragments import SharedFragments
from server.dashboard.page import language_of_request, rendered
from server.dependencies import SessionsDep, in_transaction

Values = Callable[[Session], Mapping[str, Any]]


@dataclass(frozen=True)
class Renewal:
    """A script's request for content, and where it is kept and read. No session is held: memory answers mostly."""

    request: Request
    fragments: SharedFragments
    sessions: sessionmaker[Session]

    async def answer(self, template: str, of: Hashable, changed: Hashable, values: Values) -> Response:
        """The content of a template, shared by all who ask for the same (`of`); made anew where `changed` differs.

        Also where the browser takes nothing kept: what it has just changed need not be in the feed's memory yet.
        Raises what reading the `values` raises.
        """
        key = fragment_key(template, of, language_of_request(self.request))
        is_anew = is_wanted_anew(self.request.headers)
        known = object() if is_anew else changed
        fragment = await self.fragments.get(key, known, lambda: self._made(template, values), rests=not is_anew)
        return fragment.answer(self.request)

    def _made(self, template: str, values: Values) -> str:
        return in_transaction(self.sessions, lambda session: rendered(self.request, template, **values(session)))


def fragment_key(template: str, of: Hashable, language: str) -> Hashable:
    """The key of content among all that is shared."""
    return template, of, language


def is_wanted_anew(headers: Headers) -> bool:
    """Whether a browser takes nothing kept."""
    return headers.get("cache-control") == "no-cache"


async def get_renewal(request: Request, sessions: SessionsDep) -> Renewal:
    """For routes of fragments."""
    return Renewal(request, cast(SharedFragments, request.app.state.fragments), sessions)


RenewalDep = Annotated[Renewal, Depends(get_renewal)]
