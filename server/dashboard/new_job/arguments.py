"""Names of LLaMA-Factory's arguments with types, defaults, choices and a line of help: for the editor's completion."""

import functools
import json

from fastapi import APIRouter
from starlette.responses import Response

from tuning.llamafactory.arguments.accepted import Argument, load_schema

router = APIRouter(include_in_schema=False)
_AN_HOUR = "private, max-age=3600"


@router.get("/jobs/new/arguments")
def list_arguments() -> Response:
    """All of the newest LLaMA-Factory that is known, and its templates; nothing of it is anybody's own."""
    return Response(_arguments(), media_type="application/json", headers={"Cache-Control": _AN_HOUR})


@functools.cache
def _arguments() -> bytes:
    schema = load_schema()
    shown = [_shown(argument, schema.templates) for argument in schema.arguments.values()]
    return json.dumps({"version": schema.version, "arguments": shown}, ensure_ascii=False).encode()


def _shown(argument: Argument, templates: tuple[str, ...]) -> dict[str, object]:
    types = sorted(argument.types - {"null"})
    values = list(templates) if argument.name == "template" else list(argument.choices)
    if not values and types == ["bool"]:
        values = ["true", "false"]
    return {
        "name": argument.name,
        "type": " | ".join(types),
        "default": argument.default,
        "values": values,
        "help": argument.help,
    }
