"""Address and token of the server: two environment variables, or the file that `make up` writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packtrain.errors import NotConfigured

ENV_FILE = Path(".packtrain/env")


@dataclass(frozen=True)
class Connection:
    """A server's address, the token for it (never shown), and where both were found."""

    url: str
    token: str = field(repr=False)
    source: str


def find_connection(environment: Mapping[str, str], folder: Path) -> Connection:
    """PACKTRAIN_URL and PACKTRAIN_TOKEN, or else `.packtrain/env` in `folder` or the nearest one above it.

    Never one from here and one from there: a token must not travel to a server that it was not made for.
    Raises NotConfigured.
    """
    if environment.get("PACKTRAIN_URL") or environment.get("PACKTRAIN_TOKEN"):
        return _connection(environment, "the environment")
    for parent in (folder, *folder.parents):
        path = parent / ENV_FILE
        if path.is_file():
            return _connection(_read(path), str(path))
    raise NotConfigured(
        f"no server is known: PACKTRAIN_URL and PACKTRAIN_TOKEN are unset and there is no {ENV_FILE} here or above",
        hint="set both, or run `make up` in a checkout of packtrain",
    )


def _connection(values: Mapping[str, str], source: str) -> Connection:
    url, token = values.get("PACKTRAIN_URL", ""), values.get("PACKTRAIN_TOKEN", "")
    for name, value in (("PACKTRAIN_URL", url), ("PACKTRAIN_TOKEN", token)):
        if not value:
            raise NotConfigured(f"{name} is missing in {source}", hint="address and token go together: set both")
    if not url.startswith(("http://", "https://")):
        raise NotConfigured(f"PACKTRAIN_URL in {source} must begin with http:// or https://, not {url!r}")
    if not (token.isascii() and token.isprintable()):
        raise NotConfigured(f"PACKTRAIN_TOKEN in {source} holds characters that no token has")
    return Connection(url.rstrip("/"), token, source)


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"cannot read {path}: {error}") from error
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip().strip("'\"") for key, _, value in pairs}
