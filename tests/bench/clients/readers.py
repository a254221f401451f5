"""People and tools that read the API while something else is measured."""

import http.client
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from tests.e2e.site import Site

READERS = 3
PAUSE_SECONDS = 0.05
VIEWS = ("", "/progress", "/metrics", "/events", "/logs?tail=200", "/logs?stream=stderr&tail=200")


@dataclass
class Readers:
    """How much was read, and whether anything was refused."""

    requests: int = 0
    refused: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def reading(site: Site, job_ids: Sequence[str]) -> Iterator[Readers]:
    """Status, progress, metrics, events, log tails and lists of these jobs, until the block ends."""
    readers, env = Readers(), site.env()
    paths = [f"/api/v1/jobs/{job_id}{view}" for job_id in job_ids for view in VIEWS] + ["/api/v1/jobs?limit=50"]
    headers = {"Authorization": f"Bearer {env['PACKTRAIN_TOKEN']}"}
    threads = [threading.Thread(target=_read, args=(readers, site.port, paths, headers)) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield readers
    finally:
        readers.stop.set()
        for thread in threads:
            thread.join()
    if readers.refused:
        raise RuntimeError(f"the server refused to be read: {readers.refused[0]}")


def _read(readers: Readers, port: int, paths: Sequence[str], headers: dict[str, str]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for path in cycle(paths):
            if readers.stop.wait(PAUSE_SECONDS):
                return
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
            readers.requests += 1
            if answer.status != 200:
                readers.refused.append(f"{path}: {answer.status} {said[:200]!r}")
