"""A typed asynchronous client of packtrain's API, with the methods of packtrain.client.Packtrain.

    from packtrain import AsyncPacktrain

    async with AsyncPacktrain.from_environment() as lab:
        job = await lab.submit(config_yaml=text)
        async for line in lab.follow_logs(job["id"]):
            print(line, end="")

For asyncio and trio. Files are read and written in pieces of some 64 KiB between two awaits.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
from typing_extensions import Self, Unpack

from packtrain.chat import AsyncChatMethods
from packtrain.connection import Connection, find_connection, server_url
from packtrain.models import AsyncModelMethods
from packtrain.operations import jobs as jobs_api
from packtrain.operations import people as people_api
from packtrain.operations import site as site_api
from packtrain.people import AsyncPeopleMethods
from packtrain.schema import (
    Artifact,
    Checkpoints,
    Cluster,
    ClusterPage,
    Dataset,
    DatasetPage,
    DatasetReport,
    Event,
    Job,
    JobChange,
    JobFields,
    JobPage,
    Me,
    Metrics,
    Preview,
    Progress,
    QueueEntry,
    QueueEntryPage,
    Recipe,
    RecipePage,
    RetryFields,
    Simulation,
    SimulationRequest,
    Validation,
)
from packtrain.transport.async_download import download_archive, download_file
from packtrain.transport.async_event_stream import resumed_events
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.async_long_poll import follow
from packtrain.transport.download import OnBytes, wanted
from packtrain.transport.event_stream import ENDINGS, PROGRESS
from packtrain.transport.log_text import LogStream, LogText, log_text
from packtrain.transport.long_poll import Outage
from packtrain.transport.upload import CountedFile
from packtrain.uploads import AsyncUploadMethods
from packtrain.webhooks import AsyncWebhookMethods


class AsyncPacktrain(AsyncChatMethods, AsyncModelMethods, AsyncPeopleMethods, AsyncUploadMethods, AsyncWebhookMethods):
    """A server, spoken to with a token. Safe requests are repeated when nobody answers, others never."""

    def __init__(self, url: str, token: str, *, source: str = "the caller") -> None:
        """`source` says in errors where the address was found."""
        self._http = AsyncHttp(Connection(server_url(url), token, source))

    @classmethod
    def from_environment(cls, folder: Path | None = None) -> Self:
        """The server of PACKTRAIN_URL and PACKTRAIN_TOKEN, or of `.packtrain/env` here or above.

        Raises NotConfigured.
        """
        found = find_connection(os.environ, folder or Path.cwd())
        return cls(found.url, found.token, source=found.source)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def submit(self, **fields: Unpack[JobFields]) -> Job:
        """A new job. Sent again when the answer was lost, under a key by which the server makes it only once."""
        return await self._http.send(jobs_api.submit(fields))

    async def validate(self, **fields: Unpack[JobFields]) -> Validation:
        """The server's validation of this job, with the script and configuration it would run; nothing is stored."""
        return await self._http.send(jobs_api.validate(fields))

    async def job(self, job_id: str) -> Job:
        """One job."""
        return await self._http.send(jobs_api.job(job_id))

    async def jobs(self, *, limit: int = 50, after: str | None = None, **filters: str | list[str]) -> JobPage:
        """One page of jobs, newest first; filters as in `GET /jobs`."""
        return await self._http.send(jobs_api.jobs(limit, after, filters))

    async def change(self, job_id: str, **changes: Unpack[JobChange]) -> Job:
        """Another name, priority or tags."""
        return await self._http.send(jobs_api.change(job_id, changes))

    async def delete_job(self, job_id: str) -> None:
        """Forget an ended job, its files on the cluster included."""
        await self._http.send(jobs_api.delete_job(job_id))

    async def cancel(self, job_id: str, *, save: bool = False) -> Job:
        """Ask for the end of a job; it says `cancelled` once Slurm has confirmed it. `save`: with a checkpoint."""
        return await self._http.send(jobs_api.cancel(job_id, save=save))

    async def hold(self, job_id: str) -> Job:
        """Keep a queued job from being submitted, or take one back from Slurm, a running training with a checkpoint."""
        return await self._http.send(jobs_api.hold(job_id))

    async def release(self, job_id: str) -> Job:
        """Let a held job go: from its newest checkpoint, where it has one."""
        return await self._http.send(jobs_api.release(job_id))

    async def retry(self, job_id: str, **changes: Unpack[RetryFields]) -> Job:
        """A new job that asks for the same as an ended one, but for the changes (`failure["retry"]` has some ready)."""
        return await self._http.send(jobs_api.retry(job_id, changes))

    async def clone(self, job_id: str, **changes: Unpack[JobFields]) -> Job:
        """A new job that asks for the same as any other, but for the changes."""
        return await self._http.send(jobs_api.clone(job_id, changes))

    async def script(self, job_id: str, *, attempt: int | None = None) -> str:
        """The batch script: as an attempt was submitted, or as the next one would be."""
        return await self._http.send(jobs_api.script(job_id, attempt))

    async def config(self, job_id: str, *, attempt: int | None = None) -> str:
        """The configuration (YAML) that LLaMA-Factory is given: of an attempt, or of the next one."""
        return await self._http.send(jobs_api.config(job_id, attempt))

    async def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        """A job's progress. With `since` (a version) the answer comes at a newer version, or when the wait is over."""
        return await self._http.send(jobs_api.progress(job_id, since, wait_seconds))

    async def wait(
        self,
        job_id: str,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        patience_seconds: float = 900.0,
    ) -> Job:
        """Wait until a job has ended; `on_progress` gets every new version. Outages up to the patience are sat out."""
        async for update in follow(self, job_id, patience_seconds=patience_seconds):
            if on_progress is not None and not isinstance(update, Outage):
                on_progress(update["progress"])
        return await self.job(job_id)

    async def events(self, job_id: str) -> AsyncIterator[Event]:
        """Events of a job, in order."""
        after: str | None = None
        while True:
            page = await self._http.send(jobs_api.events(job_id, after))
            for event in page["data"]:
                yield event
            after = page["next"]
            if not page["has_more"] or after is None:
                return

    async def follow_events(
        self, job_id: str | None = None, *, after: int | None = None, patience_seconds: float = 900.0
    ) -> AsyncIterator[Event]:
        """Events as they happen, from behind the one of id `after`: of a job until it has ended, or of all jobs.

        Outages are sat out: no event is lost, none comes twice.
        """

        def open_stream(last_id: str | None) -> AbstractAsyncContextManager[httpx.Response]:
            return self._http.stream(jobs_api.event_stream(job_id, after, last_id))

        async for event in resumed_events(open_stream, patience_seconds=patience_seconds):
            if event.type == PROGRESS:
                continue
            told = cast(Event, json.loads(event.data))
            yield told
            if job_id is not None and told["type"] in ENDINGS:
                return

    async def metrics(self, job_id: str, *, points: int | None = None) -> Metrics:
        """The series of the training log, each thinned to so many points."""
        return await self._http.send(jobs_api.metrics(job_id, points))

    async def metrics_csv(self, job_id: str) -> str:
        """Every point of the training log as CSV."""
        return await self._http.send(jobs_api.metrics_csv(job_id))

    async def logs(
        self, job_id: str, stream: LogStream = "stdout", *, tail: int = 200, attempt: int | None = None
    ) -> LogText:
        """The last lines of a log (1 MiB at most), of the newest attempt when none is given."""
        async with self._http.stream(jobs_api.logs(job_id, stream, tail, attempt)) as answer:
            await answer.aread()
            return log_text(answer)

    async def follow_logs(
        self, job_id: str, stream: LogStream = "stdout", *, offset: int = 0, patience_seconds: float = 900.0
    ) -> AsyncIterator[str]:
        """A log's text from an offset in bytes on, as it appears, until the job has ended. Outages are sat out."""

        def open_stream(last_id: str | None) -> AbstractAsyncContextManager[httpx.Response]:
            return self._http.stream(jobs_api.log_stream(job_id, stream, offset, last_id))

        async for event in resumed_events(open_stream, patience_seconds=patience_seconds):
            yield json.loads(event.data)["text"]

    async def artifacts(self, job_id: str) -> list[Artifact]:
        """The files in a job's output folder."""
        return (await self._http.send(jobs_api.artifacts(job_id)))["data"]

    async def wanted(self, job_id: str, *, checkpoints: bool = False) -> list[Artifact]:
        """The files that `download` would fetch."""
        return wanted(await self.artifacts(job_id), checkpoints=checkpoints)

    async def download(
        self, job_id: str, folder: Path, *, checkpoints: bool = False, on_bytes: OnBytes | None = None
    ) -> list[Path]:
        """Fetch a job's files into a folder, going on where an earlier download broke off; what is there stays.

        Checkpoints are left out unless asked for. `on_bytes(path, position)` hears of every piece.
        Raises UnsafePath, BrokenTransfer.
        """
        files = await self.wanted(job_id, checkpoints=checkpoints)
        return [await download_file(partial(self._open, job_id, file), file, folder, on_bytes) for file in files]

    async def download_archive(self, job_id: str, target: Path, on_bytes: OnBytes | None = None) -> Path:
        """The final adapter or model as one tar file. Raises BrokenTransfer."""
        return await download_archive(self._http.stream(jobs_api.archive(job_id)), target, on_bytes)

    async def upload_dataset(
        self,
        path: Path,
        *,
        name: str | None = None,
        purpose: str | None = None,
        entry: Mapping[str, Any] | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Dataset:
        """Store a data file, streamed; `on_bytes` hears of every piece sent.

        `purpose` (sft, ranking, kto, pretrain, questions) decides where its columns serve several.
        `entry` is what a dataset_info.json has for it: formatting, columns, tags, ranking, num_samples.
        """
        with path.open("rb") as file:
            sent = (path.name, CountedFile(file, on_bytes))
            return await self._http.send(site_api.upload_dataset(name or path.stem, purpose, entry, sent))

    async def add_dataset(
        self,
        cluster_path: str,
        *,
        cluster: str | None = None,
        name: str | None = None,
        data_format: str | None = None,
        purpose: str | None = None,
        tokenizer: str | None = None,
        entry: Mapping[str, Any] | None = None,
    ) -> Dataset:
        """A file that lies on a cluster as a data set: it is `checking` until its `check_job` has ended."""
        given = {"cluster": cluster, "name": name, "format": data_format, "purpose": purpose, "tokenizer": tokenizer}
        given_entry = dict(entry) if entry is not None else None
        return await self._http.send(site_api.add_dataset(cluster_path, **given, entry=given_entry))

    async def datasets(
        self,
        *,
        limit: int = 50,
        after: str | None = None,
        q: str | None = None,
        owner: str | None = None,
        sha256: str | None = None,
    ) -> DatasetPage:
        """One page of data sets, newest first: all, or those of a name (`q`), an owner, a content (`sha256`)."""
        return await self._http.send(site_api.datasets(limit, after, q=q, owner=owner, sha256=sha256))

    async def dataset(self, dataset_id: str) -> Dataset:
        """One data set."""
        return await self._http.send(site_api.dataset(dataset_id))

    async def dataset_report(self, dataset_id: str, *, cutoff_len: int | None = None) -> DatasetReport:
        """The report of a data set: rows trained on, rows that are not and why, and the number beyond cutoff_len."""
        return await self._http.send(site_api.dataset_report(dataset_id, cutoff_len))

    async def dataset_preview(
        self, dataset_id: str, *, template: str | None = None, count: int = 3, first: int = 1, **training: bool
    ) -> Preview:
        """Rows from the `first`, with a template as the model sees them under these arguments of the training."""
        return await self._http.send(site_api.dataset_preview(dataset_id, template, count, first, training))

    async def delete_dataset(self, dataset_id: str) -> None:
        """Forget a data set; refused while a job that has not ended trains on it."""
        await self._http.send(site_api.delete_dataset(dataset_id))

    async def recipes(self) -> RecipePage:
        """Every recipe."""
        return await self._http.send(site_api.recipes())

    async def recipe(self, name: str) -> Recipe:
        """One recipe."""
        return await self._http.send(site_api.recipe(name))

    async def checkpoints(self, job_id: str) -> Checkpoints:
        """The checkpoints that a job's ended attempts left."""
        return await self._http.send(jobs_api.checkpoints(job_id))

    async def remove_checkpoint(self, job_id: str, step: int) -> None:
        """Ask for a checkpoint's removal from the cluster."""
        await self._http.send(jobs_api.remove_checkpoint(job_id, step))

    async def clusters(self) -> ClusterPage:
        """Every cluster as last seen."""
        return await self._http.send(site_api.clusters())

    async def cluster(self, name: str) -> Cluster:
        """One cluster as last seen."""
        return await self._http.send(site_api.cluster(name))

    async def queue(self, *, limit: int = 50, after: str | None = None, cluster: str | None = None) -> QueueEntryPage:
        """A page of the jobs that have not begun, in their order, with the reasons for their places."""
        return await self._http.send(site_api.queue(limit, after, cluster))

    async def queue_entry(self, job_id: str) -> QueueEntry:
        """The place of a job in the queue, what it waits for, and when it is expected to start and end."""
        return await self._http.send(site_api.queue_entry(job_id))

    async def simulate_queue(self, **fields: Unpack[SimulationRequest]) -> Simulation:
        """Try the order of the queue on a workload: `trace`, in the Standard Workload Format, or `history=True`."""
        return await self._http.send(site_api.simulate_queue(fields))

    async def me(self) -> Me:
        """The user and scopes of the token."""
        return await self._http.send(people_api.me())

    def _open(self, job_id: str, file: Artifact, offset: int) -> AbstractAsyncContextManager[httpx.Response]:
        return self._http.stream(jobs_api.artifact(job_id, file["path"], offset))
