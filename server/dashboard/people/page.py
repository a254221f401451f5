"""Routes of the people's pages."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from server.dashboard.access import PageReader
from server.dashboard.fragments import Fragment
from server.dashboard.page import is_fragment, render, rendered
from server.dashboard.people.filters import PERIODS_DAYS, FiltersQuery, Part, PeopleFilters
from server.dashboard.people.lab import audit_list, lab_use, limit_list, user_list
from server.dashboard.people.person import person_on_page
from server.dashboard.people.team import team_on_page
from server.dashboard.routes import PageRoute
from server.dependencies import ClustersDep, NowDep, SessionDep
from tuning.errors import NotFound
from tuning.notices.events import KNOWN, PATTERNS
from tuning.notices.models import WebhookKind
from tuning.people.roles import Role
from tuning.people.scopes import Scope
from tuning.people.teams import found_team
from tuning.people.tokens import Principal
from tuning.people.users import found_user
from tuning.queue.limits.limit import LimitKind, SubjectKind

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/people")
def show_people(
    request: Request,
    session: SessionDep,
    clusters: ClustersDep,
    reader: PageReader,
    filters: FiltersQuery,
    now: NowDep,
) -> Response:
    """Teams with their use, limits, users, or (for administrators) the record of changes. Raises NotFound."""
    shown = _part(session, reader, filters, now)
    values = {**_common(reader, filters), "clusters": sorted(clusters)}
    return _answer(request, f"people/{filters.show.value}.html", shown=shown, **values)


@router.get("/people/{name}")
def show_person(
    request: Request, name: str, session: SessionDep, reader: PageReader, filters: FiltersQuery, now: NowDep
) -> Response:
    """One person. Raises NotFound."""
    user = found_user(session, _plain(name))
    shown = person_on_page(session, reader, user, filters, now)
    return _answer(request, "people/person.html", shown=shown, **_common(reader, filters))


@router.get("/people/teams/{name}")
def show_team(
    request: Request,
    name: str,
    session: SessionDep,
    clusters: ClustersDep,
    reader: PageReader,
    filters: FiltersQuery,
    now: NowDep,
) -> Response:
    """One team. Raises NotFound."""
    shown = team_on_page(session, reader, found_team(session, _plain(name)), filters, now)
    values = {**_common(reader, filters), "clusters": sorted(clusters)}
    return _answer(request, "people/team.html", shown=shown, **values)


def _answer(request: Request, template: str, **values: Any) -> Response:
    """The page; its content alone with a tag, as the page's script asks for it every few seconds. Shared by nobody."""
    if not is_fragment(request.headers):
        return render(request, template, **values)
    return Fragment.of(rendered(request, template, **values)).answer(request)


def _part(session: Session, reader: Principal, filters: PeopleFilters, now: datetime) -> Any:
    if filters.show is Part.AUDIT:
        if not reader.is_administrator:
            raise NotFound("there is no such page")
        return audit_list(session, filters)
    if filters.show is Part.LIMITS:
        return limit_list(session, reader, filters, now)
    return (
        user_list(session, reader, filters) if filters.show is Part.PEOPLE else lab_use(session, reader, filters, now)
    )


def _common(reader: Principal, filters: PeopleFilters) -> dict[str, Any]:
    """Values of all these pages: what may be chosen, and what the reader may change."""
    return {
        "filters": filters,
        "periods_days": PERIODS_DAYS,
        "may_change": reader.scope.includes(Scope.SUBMIT),
        "scopes": [scope for scope in Scope if reader.scope.includes(scope)],
        "roles": list(Role),
        "kinds": list(LimitKind),
        "subject_kinds": list(SubjectKind),
        "webhook_kinds": list(WebhookKind),
        "events": (*PATTERNS, *KNOWN),
    }


def _plain(name: str) -> str:
    """A name from the path; what PostgreSQL cannot even look for is not asked of the database."""
    return name if name.isprintable() and len(name) <= 100 else "\ufffd"
