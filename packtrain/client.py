"""A small typed client of the native API, for the command line and for scripts.

    from packtrain import Packtrain

    with Packtrain.from_environment() as lab:
        data = lab.upload_dataset(Path("chats.json"))
        job = lab.submit(
            name="chats", datasets=[data["id"]], resources={"gpus_per_node": 1},
            config={"model_name_or_path": "tiny-llama", "stage": "sft", "do_train": True, "finetuning_type": "lora"},
        )
        ended = lab.wait(job["id"], on_progress=lambda progress: print(progress["percentage"], progress["loss"]))
        print(ended["status"], ended["result"])
        lab.download(job["id"], Path("adapter"))

Every method may raise packtrain.errors.ServerUnreachable, and packtrain.errors.ApiError when the server refuses.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx
from typing_extensions import Self, Unpack

from packtrain.connection import Connection, find_connection
from packtrain.schema import (
    Artifact,
    Cluster,
    Dataset,
    DatasetReport,
    Event,
    Job,
    JobFields,
    Preview,
    Progress,
    Validation,
)
from packtrain.transport.download import OnBytes, download_archive, download_file, wanted
from packtrain.transport.event_stream import resumed_events
from packtrain.transport.http import Http, Query, Upload
from packtrain.transport.log_text import LogStream, LogText
from packtrain.transport.long_poll import Clock, Outage, follow
from packtrain.transport.upload import CountedFile

Page = dict[str, Any]


class Packtrain:
    """One server, spoken to with one token. Safe requests are repeated when nobody answers, others never."""

    def __init__(self, url: str, token: str, *, source: str = "the caller") -> None:
        """`source` says in errors where the address was found."""
        self._http = Http(Connection(url.rstrip("/"), token, source))

    @classmethod
    def from_environment(cls, folder: Path | None = None) -> Self:
        """The server of PACKTRAIN_URL and PACKTRAIN_TOKEN, or of `.packtrain/env` here or above.

        Raises NotConfigured.
        """
        found = find_connection(os.environ, folder or Path.cwd())
        return cls(found.url, found.token, source=found.source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, **fields: Unpack[JobFields]) -> Job:
        """A new job. Sent again when the answer was lost, under a key by which the server makes it only once."""
        return cast(Job, self._http.post("jobs", fields, idempotency_key=uuid.uuid4().hex))

    def validate(self, **fields: Unpack[JobFields]) -> Validation:
        """What the server would say to this job, with the script and configuration it would run; nothing is stored."""
        return cast(Validation, self._http.post("jobs/validate", fields))

    def job(self, job_id: str) -> Job:
        """One job."""
        return cast(Job, self._http.get(_path("jobs", job_id)))

    def jobs(self, *, limit: int = 50, after: str | None = None, **filters: str | list[str]) -> Page:
        """One page of jobs, newest first: `{"data": [...], "has_more", "next"}`; filters as in `GET /jobs`."""
        return cast(Page, self._http.get("jobs", _page_query(limit, after, filters)))

    def cancel(self, job_id: str, *, save: bool = False) -> Job:
        """Ask for the end of a job; it says `cancelled` once Slurm has confirmed it. `save`: with a checkpoint."""
        return cast(Job, self._http.post(_path("jobs", job_id, "cancel"), {"save": save}))

    def hold(self, job_id: str) -> Job:
        """Keep a queued job from being submitted, or take one back from Slurm, a running training with a checkpoint."""
        return cast(Job, self._http.post(_path("jobs", job_id, "hold")))

    def release(self, job_id: str) -> Job:
        """Let a held job go: from its newest checkpoint, where it has one."""
        return cast(Job, self._http.post(_path("jobs", job_id, "release")))

    def retry(self, job_id: str, **changes: Unpack[JobFields]) -> Job:
        """A new job that asks for the same as an ended one, but for the changes (`failure["retry"]` has some ready)."""
        path, key = _path("jobs", job_id, "retry"), uuid.uuid4().hex
        return cast(Job, self._http.post(path, changes or None, idempotency_key=key))

    def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        """How far a job is. With `since` (a version) the answer comes when there is a newer one or the wait is over."""
        query = {} if since is None else {"since": since, "wait": wait_seconds}
        answer = self._http.get(_path("jobs", job_id, "progress"), query, read_seconds=wait_seconds + 30.0)
        return cast(Progress, answer)

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[Progress], None] | None = None,
        *,
        patience_seconds: float = 900.0,
        clock: Clock | None = None,
    ) -> Job:
        """Wait until a job has ended; `on_progress` gets every new version. Outages up to the patience are sat out."""
        for update in follow(self, job_id, patience_seconds=patience_seconds, clock=clock):
            if on_progress is not None and not isinstance(update, Outage):
                on_progress(update["progress"])
        return self.job(job_id)

    def events(self, job_id: str) -> Iterator[Event]:
        """Everything that happened to a job, in order."""
        return cast(Iterator[Event], self._all(_path("jobs", job_id, "events")))

    def logs(
        self, job_id: str, stream: LogStream = "stdout", *, tail: int = 200, attempt: int | None = None
    ) -> LogText:
        """The last lines of a log (1 MiB at most), of the newest attempt when none is given."""
        query: dict[str, str | int] = {"stream": stream, "tail": tail}
        if attempt is not None:
            query["attempt"] = attempt
        with self._http.stream(_path("jobs", job_id, "logs"), query) as answer:
            text = answer.read().decode("utf-8", "replace")
            return LogText(text, int(answer.headers["X-Packtrain-Next-Offset"]))

    def follow_logs(
        self,
        job_id: str,
        stream: LogStream = "stdout",
        *,
        offset: int = 0,
        patience_seconds: float = 900.0,
        clock: Clock | None = None,
    ) -> Iterator[str]:
        """A log's text from an offset in bytes on, as it appears, until the job has ended. Outages are sat out."""

        def open_stream(last_id: str | None) -> AbstractContextManager[httpx.Response]:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
            query = {"stream": stream, "offset": offset}
            return self._http.stream(_path("jobs", job_id, "logs", "stream"), query, headers)

        for event in resumed_events(open_stream, patience_seconds=patience_seconds, clock=clock):
            yield json.loads(event.data)["text"]

    def artifacts(self, job_id: str) -> list[Artifact]:
        """The files in a job's output folder."""
        return cast(list[Artifact], self._http.get(_path("jobs", job_id, "artifacts"))["data"])

    def wanted(self, job_id: str, *, checkpoints: bool = False) -> list[Artifact]:
        """The files that `download` would fetch."""
        return wanted(self.artifacts(job_id), checkpoints=checkpoints)

    def download(
        self, job_id: str, folder: Path, *, checkpoints: bool = False, on_bytes: OnBytes | None = None
    ) -> list[Path]:
        """Fetch a job's files into a folder, going on where an earlier download broke off; what is there stays.

        Checkpoints are left out unless asked for. `on_bytes(path, position)` hears of every piece.
        Raises UnsafePath, BrokenTransfer.
        """
        files = self.wanted(job_id, checkpoints=checkpoints)
        return [download_file(partial(self._open, job_id, file), file, folder, on_bytes) for file in files]

    def download_archive(self, job_id: str, target: Path, on_bytes: OnBytes | None = None) -> Path:
        """The final adapter or model as one tar file. Raises BrokenTransfer."""
        return download_archive(self._http.stream(_path("jobs", job_id, "archive")), target, on_bytes)

    def upload_dataset(
        self,
        path: Path,
        *,
        name: str | None = None,
        purpose: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Dataset:
        """Store a data file, streamed; `on_bytes` hears of every piece sent.

        `purpose` (sft, ranking, kto, pretrain) decides where its columns serve several.
        """
        fields = {"name": name or path.stem, **({"purpose": purpose} if purpose is not None else {})}
        with path.open("rb") as file:
            upload = Upload(fields, {"file": (path.name, CountedFile(file, on_bytes))})
            return cast(Dataset, self._http.post_file("datasets", upload))

    def add_dataset(
        self,
        cluster_path: str,
        *,
        cluster: str | None = None,
        name: str | None = None,
        data_format: str | None = None,
        purpose: str | None = None,
        tokenizer: str | None = None,
    ) -> Dataset:
        """A file that lies on a cluster as a data set: it is `checking` until its `check_job` has ended."""
        given = {"cluster": cluster, "name": name, "format": data_format, "purpose": purpose, "tokenizer": tokenizer}
        body = {"cluster_path": cluster_path, **{key: value for key, value in given.items() if value is not None}}
        return cast(Dataset, self._http.post("datasets", body))

    def datasets(self, *, limit: int = 50, after: str | None = None) -> Page:
        """One page of data sets, newest first."""
        return cast(Page, self._http.get("datasets", _page_query(limit, after, {})))

    def dataset(self, dataset_id: str) -> Dataset:
        """One data set."""
        return cast(Dataset, self._http.get(_path("datasets", dataset_id)))

    def dataset_report(self, dataset_id: str, *, cutoff_len: int | None = None) -> DatasetReport:
        """How much of it is trained on, which rows are not, and why; and how many are longer than cutoff_len."""
        query = {"cutoff_len": cutoff_len} if cutoff_len is not None else {}
        return cast(DatasetReport, self._http.get(_path("datasets", dataset_id, "report"), query))

    def dataset_preview(
        self, dataset_id: str, *, template: str | None = None, count: int = 3, **training: bool
    ) -> Preview:
        """The first rows, with a template as the model sees them under these arguments of the training."""
        query = {"count": str(count), **{name: json.dumps(given) for name, given in training.items()}}
        query |= {"template": template} if template is not None else {}
        return cast(Preview, self._http.get(_path("datasets", dataset_id, "preview"), query))

    def delete_dataset(self, dataset_id: str) -> None:
        """Forget a data set; refused while a job that has not ended trains on it."""
        self._http.delete(_path("datasets", dataset_id))

    def recipes(self) -> Page:
        """Every recipe."""
        return cast(Page, self._http.get("recipes"))

    def recipe(self, name: str) -> dict[str, Any]:
        """One recipe."""
        return cast(dict[str, Any], self._http.get(_path("recipes", name)))

    def secrets(self) -> Page:
        """One's own secrets, by name only."""
        return cast(Page, self._http.get("secrets"))

    def keep_secret(self, name: str, value: str) -> None:
        """Keep a secret, in place of an older one of this name."""
        self._http.put(_path("secrets", name), {"value": value})

    def delete_secret(self, name: str) -> None:
        """Forget a secret."""
        self._http.delete(_path("secrets", name))

    def checkpoints(self, job_id: str) -> dict[str, Any]:
        """The checkpoints of an ended job: `{"data": [...], "total_bytes"}`."""
        return cast(dict[str, Any], self._http.get(_path("jobs", job_id, "checkpoints")))

    def remove_checkpoint(self, job_id: str, step: int) -> None:
        """Ask for a checkpoint's removal from the cluster."""
        self._http.delete(_path("jobs", job_id, "checkpoints", str(step)))

    def clusters(self) -> Page:
        """Every cluster as last seen."""
        return cast(Page, self._http.get("clusters"))

    def cluster(self, name: str) -> Cluster:
        """One cluster as last seen."""
        return cast(Cluster, self._http.get(_path("clusters", name)))

    def _open(self, job_id: str, file: Artifact, offset: int) -> AbstractContextManager[httpx.Response]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        return self._http.stream(_path("jobs", job_id, "artifacts", *file["path"].split("/")), headers=headers)

    def _all(self, path: str) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            page = self._http.get(path, _page_query(500, after, {}))
            yield from page["data"]
            after = page.get("next")
            if not page.get("has_more") or after is None:
                return


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _page_query(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Query:
    return {"limit": limit, **({"after": after} if after else {}), **filters}
