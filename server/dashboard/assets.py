"""Script and style of the pages by their hashed names, as `make pages` built them."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from tuning.errors import NotFound

BUILT = Path(__file__).resolve().parents[2] / "templates" / "dashboard" / "built"
router = APIRouter(include_in_schema=False)
_log = logging.getLogger(__name__)
_A_YEAR = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_NAME = re.compile(r"[A-Za-z0-9_-]+\.(js|css)")


@dataclass(frozen=True)
class Assets:
    """Addresses of the built files, by their names before the build."""

    folder: Path
    names: Mapping[str, str]

    def address(self, name: str) -> str:
        """Path of a file on this server; of one that was not built a path at which nothing is."""
        return f"/assets/{self.names.get(name, name)}"


def read_assets(folder: Path = BUILT) -> Assets:
    """The files of the last build; none where there was no build."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        _log.warning("the pages have no script and no style: `make pages` builds them", extra={"action": "pages"})
        return Assets(folder, {})
    return Assets(folder, json.loads(manifest.read_text(encoding="utf-8")))


@router.get("/assets/{name}")
def asset(name: str, request: Request) -> Response:
    """A built file; its name holds its hash, so a browser keeps it."""
    folder: Path = request.app.state.pages.assets.folder
    if not _NAME.fullmatch(name) or not (folder / name).is_file():
        raise NotFound("there is no such file")
    file = folder / name
    headers = {"Cache-Control": _A_YEAR, "X-Content-Type-Options": "nosniff"}
    return FileResponse(file, media_type=_TYPES[file.suffix], headers=headers)
