"""The API as a patient person uses it: asks again while it is away, and never twice for the same job."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from tests.chaos.house import until
from tests.e2e.site import SHORT_RUN

PATIENCE_SECONDS = 600.0
BODY: Mapping[str, Any] = {"config": SHORT_RUN}
RESOURCES: Mapping[str, Any] = {"gpus_per_node": 0, "memory": "100M"}
WAIT_SECONDS = 600.0


class Desk:
    """One person's requests."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20.0, trust_env=False
        )

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def order(self, name: str, **fields: Any) -> str:
        """Accepted job's id; asked under one key until there is an answer."""
        resources = {**RESOURCES, **fields.pop("resources", {})}
        body = {**BODY, "name": name, "resources": resources, **fields}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return str(self._ask("POST", "/jobs", json=body, headers=headers)["id"])

    def upload(self, name: str, content: bytes) -> str:
        """An uploaded data set's id."""
        return str(self._ask("POST", "/datasets", files={"file": (name, content)})["id"])

    def act(self, job_id: str, action: str) -> None:
        """`cancel`, `hold` or `release` a job."""
        self._ask("POST", f"/jobs/{job_id}/{action}")

    def job(self, job_id: str) -> Mapping[str, Any]:
        """A job as people see it."""
        return self._ask("GET", f"/jobs/{job_id}")

    def cluster(self) -> Mapping[str, Any]:
        """The cluster as people see it."""
        return self._ask("GET", "/clusters/lab")

    def refuses_writing(self) -> bool | None:
        """Whether a request that writes is answered 503 now."""
        answer = self._http.post("/jobs", json={**BODY, "name": "refused", "resources": RESOURCES})
        if answer.is_success:
            raise AssertionError(f"a job was accepted as {answer.json()['id']} on a database that keeps nothing")
        return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE or None

    def wait_status(self, job_id: str, *wanted: str, seconds: float = WAIT_SECONDS) -> Mapping[str, Any]:
        """The job once it has one of these statuses. Raises TimeoutError."""

        def look() -> Mapping[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in wanted else None

        return until(f"{' or '.join(wanted)} job {job_id}", look, seconds)

    def wait_reason(self, job_id: str, status: str) -> str:
        """Why a job waits, once it is told. Raises TimeoutError."""

        def look() -> str | None:
            job = self.job(job_id)
            is_told = job["status"] == status and (job["status_reason"] or "").startswith("waiting")
            return str(job["status_reason"]) if is_told else None

        return until(f"reason of {job_id} to be {status}", look, WAIT_SECONDS)

    def _ask(self, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._http.request(method, path, **more)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    if answer.is_error:
                        raise RuntimeError(f"{method} {path} was answered {answer.status_code}: {answer.text}")
                    return dict(answer.json())
            time.sleep(0.1)
