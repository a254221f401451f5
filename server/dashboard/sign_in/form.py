"""Page of sign-in: the form for a token, the way to the provider, and what went wrong."""

from typing import cast

from fastapi import Request
from starlette.responses import Response

from server.dashboard.access import local_path
from server.dashboard.page import render
from server.dashboard.sign_in.provider.client import OidcProvider
from server.http.errors.error_handlers import status_of
from tuning.errors import PacktrainError, Unavailable


def provider_of(request: Request) -> OidcProvider | None:
    """The provider of the settings, where there is one."""
    return cast("OidcProvider | None", request.app.state.oidc_provider)


def sign_in_page(request: Request, onward: str, error: PacktrainError | None = None) -> Response:
    """The page, with a sentence and the status of an error where there was one."""
    provider = provider_of(request)
    problem = None if error is None else f"{error}: {error.hint}" if error.hint else str(error)
    values = {"next": local_path(onward), "problem": problem, "oidc_name": provider.name if provider else None}
    page = render(request, "sign_in.html", 200 if error is None else status_of(error), **values)
    if isinstance(error, Unavailable):
        page.headers["Retry-After"] = str(error.retry_after_seconds)
    return page
