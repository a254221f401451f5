"""Answers of the API about an attacker's job, taken while it runs and once it has ended."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx

from packtrain.client import Packtrain
from packtrain.errors import ApiError, BrokenTransfer
from packtrain.schema import Job
from tests.e2e.escape.inside.loot import canaries_in
from tests.e2e.escape.inside.output import FILES
from tests.e2e.escape.people import Member
from tests.e2e.site import ENDED, Site, wait_for

PATHS = (
    "own.txt",
    *FILES,
    "checkpoint-5/id_canary",
    "checkpoint-6/trainer_state.json",
    "home/.ssh/id_canary",
    "all/home/packtrain/.ssh/id_canary",
    "../../../.ssh/id_canary",
    "..%2F..%2F..%2F.ssh%2Fid_canary",
)
RACED = ("race.json", "race/id_canary")
END_SECONDS = 1200.0


def canaries_until_the_end(site: Site, mallory: Member, job: Job) -> set[str]:
    """Each canary that the API served, asked all along for what races and at the end for everything."""
    served: set[str] = set()

    def look() -> bool | None:
        served.update(_of_paths(site, mallory.token, job, RACED))
        return True if mallory.client.job(job["id"])["status"] in ENDED else None

    wait_for("end of the attack", look, END_SECONDS)
    served.update(_of_paths(site, mallory.token, job, PATHS))
    served.update(_of_logs(mallory.client, job))
    served.update(_of_archive(mallory.client, job))
    return served


def _of_paths(site: Site, token: str, job: Job, paths: tuple[str, ...]) -> Iterator[str]:
    base = f"{site.env()['PACKTRAIN_URL']}/api/v1/jobs/{job['id']}/artifacts"
    for path in paths:
        url = f"{base}/{path if '%' in path else quote(path)}"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
        yield from canaries_in(answer.content)


def _of_logs(mallory: Packtrain, job: Job) -> Iterator[str]:
    yield from canaries_in(mallory.logs(job["id"]).text.encode())
    yield from canaries_in(mallory.logs(job["id"], "stderr").text.encode())


def _of_archive(mallory: Packtrain, job: Job) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, suppress(ApiError, BrokenTransfer):
        yield from canaries_in(mallory.download_archive(job["id"], Path(folder, "all.tar")).read_bytes())
