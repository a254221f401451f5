"""Fine-tuning jobs made by OpenAI's request: translated, checked and stored as those of the native API are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from server.dependencies import CurrentUser, NowDep, SessionDep
from server.http.idempotency import IdempotencyKey
from server.job_surroundings import SurroundingsDep
from server.openai.files.collection import OwnFilesDep
from server.openai.fine_tuning.bodies import FineTuningRequest
from server.openai.fine_tuning.request import RequestContext, asks_for_batch, job_request, with_openai_places
from server.openai.fine_tuning.wandb import WANDB_KEY
from server.openai.ids import dataset_id_of
from tuning.datasets import repository
from tuning.datasets.message_weights import has_last_answers_alone, has_untrained_history
from tuning.datasets.models import Dataset
from tuning.errors import InvalidInput, NotFound
from tuning.jobs.actions import create
from tuning.jobs.actions.intake import Surroundings, resources_of
from tuning.jobs.models import Job
from tuning.jobs.request.resources import world_size
from tuning.jobs.request.spec import JobRequest
from tuning.people.tokens import Principal

Sendings = Annotated[int | None, Header(alias="x-stainless-retry-count", ge=0, le=1000)]
"""Number of times that OpenAI's client has sent a request before; clients that repeat nothing may not count."""


@dataclass(frozen=True)
class NewFineTuningJobs:
    """Inputs of the route that makes a fine-tuning job."""

    session: Session
    user: Principal
    around: Surroundings
    now: datetime
    idempotency_key: str | None
    sent_before: int | None
    own_files: ColumnElement[bool]

    def create(self, body: FineTuningRequest) -> Job:
        """The job. Raises InvalidInput with places in OpenAI's request, and NotFound for a file that is not there."""
        files = self._files(body)
        asker = create.Asker(self.user.user_id, self.idempotency_key, sent_before=self.sent_before)
        try:
            return create.create_job(self.session, self._native(body, files), asker, self.around, self.now)[0]
        except InvalidInput as error:
            raise InvalidInput(with_openai_places(error.findings, body)) from error

    def _native(self, body: FineTuningRequest, files: Sequence[Dataset]) -> JobRequest:
        """The processes follow from the native request: that of a single one tells them."""
        has_key = bool(body.integrations) and not self.around.missing_secrets([WANDB_KEY])
        around = RequestContext(1, has_key, _has_last_answers_alone([file.report for file in files]))
        request = job_request(body, around)
        if not asks_for_batch(body):
            return request
        processes = world_size(resources_of(request, self.around))
        return job_request(body, replace(around, processes=processes)) if processes > 1 else request

    def _files(self, body: FineTuningRequest) -> list[Dataset]:
        return [self._file(file_id) for file_id in (body.training_file, body.validation_file) if file_id]

    def _file(self, file_id: str) -> Dataset:
        found = repository.find(self.session, dataset_id_of(file_id), self.own_files)
        if found is None:
            raise NotFound(f"there is no file {file_id}", hint="GET /v1/files lists those that are there")
        return found


def _has_last_answers_alone(reports: Sequence[Mapping[str, Any]]) -> bool:
    has_weights = any(has_untrained_history(report) for report in reports)
    return has_weights and all(has_last_answers_alone(report) for report in reports)


async def new_fine_tuning_jobs(
    session: SessionDep,
    user: CurrentUser,
    around: SurroundingsDep,
    now: NowDep,
    own_files: OwnFilesDep,
    idempotency_key: IdempotencyKey = None,
    sent_before: Sendings = None,
) -> NewFineTuningJobs:
    """For the route that makes a fine-tuning job."""
    waiting = replace(around, takes_unready_data=True)
    return NewFineTuningJobs(session, user, waiting, now, idempotency_key, sent_before, own_files)


NewFineTuningJobsDep = Annotated[NewFineTuningJobs, Depends(new_fine_tuning_jobs)]
