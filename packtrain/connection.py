"""Address and token of the server: two environment variables, or the file that `make up` or `packtrain login` wrote."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packtrain.errors import NotConfigured

ENV_FILE = Path(".packtrain/env")
_API = re.compile(r"(/+api/+v1)?/*$")


@dataclass(frozen=True)
class Connection:
    """A server's address, the token for it (never shown), and where both were found."""

    url: str
    token: str = field(repr=False)
    source: str


def server_url(text: str) -> str:
    """A server's address without what lies below it: people copy it with /api/v1 at its end."""
    return _API.sub("", text.strip())


def user_file(environment: Mapping[str, str]) -> Path | None:
    """The file that `packtrain login` writes; None where there is no home folder."""
    for name, below in (("XDG_CONFIG_HOME", ""), ("APPDATA", ""), ("HOME", ".config")):
        if environment.get(name):
            return Path(environment[name], below, "packtrain", "env")
    return None


def find_connection(environment: Mapping[str, str], folder: Path) -> Connection:
    """PACKTRAIN_URL and PACKTRAIN_TOKEN, or `.packtrain/env` in `folder` or the nearest one above it, or the user's.

    Never one from here and one from there: a token must not travel to a server that it was not made for.
    Raises NotConfigured.
    """
    if environment.get("PACKTRAIN_URL") or environment.get("PACKTRAIN_TOKEN"):
        return _connection(environment, "the environment")
    own = user_file(environment)
    for path in (*(parent / ENV_FILE for parent in (folder, *folder.parents)), *([own] if own else [])):
        if path.is_file():
            return _connection(_read(path), str(path))
    raise NotConfigured(
        f"no server is known: PACKTRAIN_URL and PACKTRAIN_TOKEN are unset and there is no {ENV_FILE} here or above",
        hint="`packtrain login` asks for both and keeps them",
    )


def keep_connection(connection: Connection, path: Path) -> None:
    """Write address and token to a file that only its owner can read. Raises NotConfigured."""
    text = f"PACKTRAIN_URL={connection.url}\nPACKTRAIN_TOKEN={connection.token}\n"
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise NotConfigured(f"cannot write {path}: {error.strerror}", hint="make room, or set the variables") from error


def checked_connection(url: str, token: str, source: str) -> Connection:
    """Address and token after their check. Raises NotConfigured."""
    return _connection({"PACKTRAIN_URL": url, "PACKTRAIN_TOKEN": token}, source)


def _connection(values: Mapping[str, str], source: str) -> Connection:
    url, token = values.get("PACKTRAIN_URL", ""), values.get("PACKTRAIN_TOKEN", "")
    for name, value in (("PACKTRAIN_URL", url), ("PACKTRAIN_TOKEN", token)):
        if not value:
            raise NotConfigured(f"{name} is missing in {source}", hint="address and token go together: set both")
    if not url.startswith(("http://", "https://")):
        raise NotConfigured(f"PACKTRAIN_URL in {source} must begin with http:// or https://, not {url!r}")
    if not (token.isascii() and token.isprintable()):
        raise NotConfigured(f"PACKTRAIN_TOKEN in {source} holds characters that no token has")
    return Connection(server_url(url), token, source)


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"cannot read {path}: {error}") from error
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, _, value in pairs}
