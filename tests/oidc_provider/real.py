"""A real OIDC provider on the loopback, and somebody who signs in there."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from container import cache
from container.steps import run_logged

HERE = Path(__file__).parent
FILES = tuple(HERE / name for name in (".npmrc", "package.json", "package-lock.json", "provider.mjs"))
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_LONGEST_WAY = 10


@dataclass
class RealProvider:
    """A provider that runs, with accounts that a test may change."""

    issuer: str
    file: Path
    values: dict[str, Any] = field(default_factory=dict)

    def set_account(self, subject: str, **claims: object) -> None:
        """Change the claims about somebody from here on."""
        self.values["accounts"][subject] = claims
        self.write()

    def write(self) -> None:
        """Tell the provider."""
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.values), encoding="utf-8")
        part.replace(self.file)


@contextmanager
def running_provider(
    folder: Path,
    redirect_uris: Sequence[str],
    *,
    signed_out_uris: Sequence[str] = (),
    secret: str | None = None,
    claims_in_id_token: bool = False,
) -> Iterator[RealProvider]:
    """Run it until the block ends; its modules are fetched by the lock file where the cache has none of these."""
    program = cache.build_once(cache.cache_root() / f"oidc-provider-{cache.digest(FILES)}", _install) / "provider.mjs"
    uris = {"redirect_uris": list(redirect_uris), "post_logout_redirect_uris": list(signed_out_uris)}
    values = {**uris, "accounts": {}, "claims_in_id_token": claims_in_id_token}
    provider = RealProvider("", folder / "provider.json", {**values, "client_secret": secret})
    provider.write()
    command = ["node", str(program), str(provider.file)]
    with (
        (folder / "provider.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            provider.issuer = _issuer(process.stdout)
            yield provider
        finally:
            process.terminate()


def walk_through(address: str, subject: str) -> str:
    """Sign in at the provider as this account, as a browser does; the address that it leads back to."""
    forms: list[Mapping[str, str]] = [{"prompt": "login", "login": subject, "password": "x"}, {"prompt": "consent"}]
    own = httpx.URL(address).netloc
    with httpx.Client(timeout=30) as browser:
        answer = browser.get(address)
        for _ in range(_LONGEST_WAY):
            if answer.is_redirect:
                onward = urljoin(str(answer.url), answer.headers["location"])
                if httpx.URL(onward).netloc != own:
                    return onward
                answer = browser.get(onward)
            else:
                action = _ACTION.search(answer.text)
                assert action is not None, answer.text
                answer = browser.post(urljoin(str(answer.url), html.unescape(action[1])), data=forms.pop(0))
    raise AssertionError("the provider leads nowhere")


def _install(folder: Path) -> None:
    folder.mkdir()
    for file in FILES:
        shutil.copy(file, folder)
    run_logged(["npm", "--prefix", folder, "ci", "--silent"], cache.cache_root() / "oidc-provider.log")


def _issuer(lines: Iterator[str]) -> str:
    for line in lines:
        if line.startswith("issuer "):
            return line.removeprefix("issuer ").strip()
    raise AssertionError("the provider did not start")
