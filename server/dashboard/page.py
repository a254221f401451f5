"""HTML pages: the templates' environment, the values of the layout, and the answer with its security headers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fastapi import Request
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse

from server.dashboard import formats
from server.dashboard.assets import Assets, read_assets
from server.dashboard.language import LANGUAGES, catalogue, language_of
from tuning.people.tokens import Principal

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "dashboard"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "X-Fragment, Accept-Language, Cookie",
}
FRAGMENT = "X-Fragment"
"""Header by which a page's script asks for its content alone."""


class CompiledTemplates(BytecodeCache):
    """Code of templates, compiled once for all languages: a template asks for its texts when it is rendered."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in the code of a template, where there is some."""
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template."""
        self._code[bucket.key] = bucket.bytecode_to_string()


class Pages:
    """Templates in each language, and the built files that they name."""

    def __init__(self, assets: Assets | None = None) -> None:
        self.assets = assets or read_assets()
        compiled = CompiledTemplates()
        self._environments = {language: _environment(language, self.assets, compiled) for language in LANGUAGES}

    def compile_all(self) -> None:
        """Read every template in each language: a page that is shown first would wait for that."""
        for environment in self._environments.values():
            for name in environment.list_templates(filter_func=_is_template):
                environment.get_template(name)

    def html(self, language: str, template: str, values: Mapping[str, object]) -> str:
        """The text of a page."""
        return self._environments[language].get_template(template).render(values)


def render(request: Request, template: str, /, status_code: int = 200, **values: object) -> HTMLResponse:
    """A page for whoever asks, in their language; its content alone where the page's script asks for it."""
    return HTMLResponse(rendered(request, template, **values), status_code, headers=dict(HEADERS))


def rendered(request: Request, template: str, /, **values: object) -> str:
    """The text of a page for whoever asks."""
    pages, language = cast(Pages, request.app.state.pages), language_of_request(request)
    return pages.html(language, template, {**_layout_values(request, language), **values})


def language_of_request(request: Request) -> str:
    """The language that the browser asks for."""
    return language_of(request.headers.get("accept-language", ""))


def is_fragment(headers: Headers) -> bool:
    """Whether the page's script asks for the content alone."""
    return headers.get(FRAGMENT) == "main"


def _layout_values(request: Request, language: str) -> dict[str, Any]:
    reader: Principal | None = getattr(request.state, "reader", None)
    return {
        "layout": "fragment.html" if is_fragment(request.headers) else "layout.html",
        "language": language,
        "reader": reader,
        "csrf_token": getattr(request.state, "csrf_token", ""),
        "path": request.url.path,
        "now": request.app.state.clock(),
        "version": request.app.version,
    }


def _is_template(name: str) -> bool:
    """Whether a file below the folder of templates is one: npm puts its modules there as well."""
    return name.endswith(".html") and not name.startswith("node_modules/")


def _environment(language: str, assets: Assets, compiled: CompiledTemplates) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=compiled,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals |= {"asset": assets.address, "iso": formats.iso_time}
    environment.filters |= {
        "duration": formats.duration,
        "size": formats.size,
        "number": formats.number,
        "percent": formats.percent,
    }
    return environment
