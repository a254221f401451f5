"""Fine-tuning jobs by OpenAI's own client, on a real server."""

import json
from collections.abc import Callable
from typing import Any

import openai as errors
import pytest
from openai import OpenAI
from sqlalchemy.orm import Session, sessionmaker

from tests.factories import NOON, Clock, make_dataset, make_job
from tuning.datasets.models import Dataset
from tuning.datasets.status import DatasetStatus
from tuning.db.engine import transaction
from tuning.jobs.models import Job
from tuning.jobs.queries import requests
from tuning.jobs.status import JobStatus
from tuning.people.models import User

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENTRY = {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": {"role_tag": "role"}}
MODEL = "tiny-qwen2"


@pytest.fixture
def file_of(sessions: sessionmaker[Session], user: User) -> Callable[..., str]:
    """Files of `user`, as data sets that are there."""

    def file_of(**columns: Any) -> str:
        with transaction(sessions) as session:
            return "file-" + make_dataset(session, user, **{"entry": ENTRY, **columns}).id.removeprefix("ds_")

    return file_of


@pytest.fixture
def file(file_of: Callable[..., str]) -> str:
    return file_of()


def row_of(sessions: sessionmaker[Session], fine_tuning_job_id: str) -> Job:
    with transaction(sessions) as session:
        job = requests.job_by_id(session, "job_" + fine_tuning_job_id.removeprefix("ftjob-"))
        assert job is not None
        session.expunge(job)
        return job


def test_a_job_is_made_and_shown_in_openais_form(openai: OpenAI, file: str, sessions: sessionmaker[Session]) -> None:
    made = openai.fine_tuning.jobs.create(model=MODEL, training_file=file, suffix="wmt ja", metadata={"team of": "mt"})
    assert (made.status, made.model, made.training_file) == ("queued", MODEL, file)
    assert (made.metadata, made.validation_file, made.fine_tuned_model) == ({"team of": "mt"}, None, None)
    assert (made.method.type if made.method else None, made.seed, made.result_files) == ("supervised", 42, [])
    assert (made.hyperparameters.n_epochs, made.hyperparameters.batch_size) == (3, 8)
    assert openai.fine_tuning.jobs.retrieve(made.id) == made
    job = row_of(sessions, made.id)
    assert (job.name, job.kind, job.recipe, job.status) == ("wmt ja", "train", "lora-sft", JobStatus.QUEUED)


def test_what_openai_can_say_becomes_arguments(
    openai: OpenAI, file: str, file_of: Callable[..., str], sessions: sessionmaker[Session]
) -> None:
    validation = file_of()
    parameters = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    made = openai.fine_tuning.jobs.create(
        model=MODEL,
        training_file=file,
        validation_file=validation,
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": parameters}},  # type: ignore[arg-type]
        integrations=[{"type": "wandb", "wandb": {"project": "mt", "tags": ["a", "b"], "name": "first"}}],
    )
    assert (made.seed, made.validation_file) == (7, validation)
    assert made.method is not None
    assert made.method.model_dump(exclude_none=True)["supervised"]["hyperparameters"] == parameters
    assert made.integrations is not None
    assert made.integrations[0].wandb.model_dump(exclude_none=True) == {
        "project": "mt",
        "tags": ["a", "b"],
        "name": "first",
    }
    config = row_of(sessions, made.id).config
    said = ("num_train_epochs", "gradient_accumulation_steps", "learning_rate", "seed", "val_size", "report_to")
    assert [config[name] for name in said] == [2.0, 4, 5e-5, 7, 0.0, "wandb"]


def test_dpo_with_its_beta(openai: OpenAI, file_of: Callable[..., str], sessions: sessionmaker[Session]) -> None:
    entry = {**ENTRY, "ranking": True, "columns": {"messages": "messages", "chosen": "chosen", "rejected": "rejected"}}
    made = openai.fine_tuning.jobs.create(
        model=MODEL,
        training_file=file_of(entry=entry),
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3}}},
    )
    assert made.method is not None
    assert made.method.model_dump(exclude_none=True)["dpo"]["hyperparameters"]["beta"] == 0.3
    assert row_of(sessions, made.id).config["pref_beta"] == 0.3


def test_native_fields_come_with_extra_body(openai: OpenAI, file: str, sessions: sessionmaker[Session]) -> None:
    native = {
        "config": {"lora_rank": 16, "template": "qwen"},
        "resources": {"time_limit": "01:00:00", "gpus_per_node": 2},
        "class": "scavenger",
        "held": True,
        "keep_checkpoints": 1,
    }
    made = openai.fine_tuning.jobs.create(
        model=MODEL, training_file=file, hyperparameters={"batch_size": 16}, extra_body=native
    )
    job = row_of(sessions, made.id)
    assert (job.status, job.job_class, job.keep_checkpoints, job.gpus) == (JobStatus.HELD, "scavenger", 1, 2)
    assert (job.config["lora_rank"], job.config["gradient_accumulation_steps"]) == (16, 8)
    assert (made.status, made.hyperparameters.batch_size) == ("queued", 16)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
    ({"hyperparameters": {"n_epochs": 1000}}, "hyperparameters.n_epochs"),
    ({"suffix": "x" * 65}, "suffix"),
    ({"suffix": ""}, "suffix"),
    ({"metadata": {f"k{number}": "v" for number in range(17)}}, "metadata"),
    ({"metadata": {"a:b": "v"}}, "metadata"),
    ({"metadata": {"a": "v" * 513}}, "metadata"),
    ({"seed": -1}, "seed"),
    ({"model": "no such model"}, "model"),
    ({"extra_body": {"lora_rank": 8}}, "lora_rank"),
    ({"extra_body": {"config": {"lora_rnak": 8}}}, "config.lora_rnak"),
    ({"extra_body": {"recipe": "no-such"}}, "recipe"),
    ({"extra_body": {"team": "others"}}, "team"),
    ({"extra_body": {"config": {"seed": 1}}, "seed": 2}, "seed"),
    ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised"),
    ({"method": {"type": "dpo"}, "extra_body": {"recipe": "lora-sft"}}, "method.type"),
]


@pytest.mark.parametrize(("fields", "param"), BAD)
def test_what_is_wrong_is_told_with_its_place(openai: OpenAI, file: str, fields: dict[str, Any], param: str) -> None:
    with pytest.raises((errors.BadRequestError, errors.UnprocessableEntityError)) as refused:
        openai.fine_tuning.jobs.create(**{"model": MODEL, "training_file": file, **fields})
    assert refused.value.param == param
    assert refused.value.request_id


def test_reinforcement_is_refused_in_words(openai: OpenAI, file: str) -> None:
    method: Any = {"type": "reinforcement", "reinforcement": {"grader": {"type": "string_check"}}}
    with pytest.raises(errors.BadRequestError, match="supervised and dpo are") as refused:
        openai.fine_tuning.jobs.create(model=MODEL, training_file=file, method=method)
    assert refused.value.param == "method.type"


@pytest.mark.parametrize("wrong", ["file-nowhere", "nonsense", "ds_a"])
def test_a_file_that_is_not_there_is_not_found(openai: OpenAI, file: str, wrong: str) -> None:
    with pytest.raises(errors.NotFoundError, match="there is no file"):
        openai.fine_tuning.jobs.create(model=MODEL, training_file=wrong)
    with pytest.raises(errors.NotFoundError, match="there is no file"):
        openai.fine_tuning.jobs.create(model=MODEL, training_file=file, validation_file=wrong)


@pytest.mark.parametrize("wrong", ["ftjob-nowhere", "nonsense", "job_a", "ftjob-" + "x" * 100])
def test_a_job_that_is_not_there_is_not_found(openai: OpenAI, wrong: str) -> None:
    jobs = openai.fine_tuning.jobs
    for ask in (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume, jobs.list_events, jobs.checkpoints.list):
        with pytest.raises(errors.NotFoundError, match="there is no fine-tuning job"):
            ask(wrong)


def test_a_job_of_another_kind_is_no_fine_tuning_job(
    openai: OpenAI, sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        job = make_job(session, user, kind="predict")
    with pytest.raises(errors.NotFoundError, match="kind predict"):
        openai.fine_tuning.jobs.retrieve("ftjob-" + job.id.removeprefix("job_"))


def test_a_native_job_is_whole_here(openai: OpenAI, sessions: sessionmaker[Session], user: User) -> None:
    with transaction(sessions) as session:
        config = {"model_name_or_path": "/shared/models/tiny-qwen2", "stage": "sft", "dataset": "identity"}
        job = make_job(
            session,
            user,
            tags={"a": "b"},
            config={**config, "num_train_epochs": 0.5},
            status=JobStatus.SUCCEEDED,
            current_steps=9,
            finished_at=NOON,
            result={"tokens": 1234.0},
        )
    shown = openai.fine_tuning.jobs.retrieve("ftjob-" + (x := job.id.removeprefix("job_")))
    assert (shown.status, shown.model, shown.training_file, shown.metadata) == (
        "succeeded",
        MODEL,
        "identity",
        {"a": "b"},
    )
    assert (shown.trained_tokens, shown.result_files) == (1234, [f"file-results-{x}"])
    assert shown.fine_tuned_model == f"ft:tiny-qwen2:lab:wmt-ja-en:{x}"
    assert shown.hyperparameters.n_epochs == "auto"


def test_a_failure_is_told_with_its_hint(openai: OpenAI, sessions: sessionmaker[Session], user: User) -> None:
    failure = {"code": "out_of_memory", "message": "the GPU is full", "hint": "take a smaller batch", "evidence": []}
    with transaction(sessions) as session:
        job = make_job(session, user, status=JobStatus.FAILED, finished_at=NOON, failure=failure)
    error = openai.fine_tuning.jobs.retrieve("ftjob-" + job.id.removeprefix("job_")).error
    assert error is not None
    assert (error.code, error.message, error.param) == (
        "out_of_memory",
        "the GPU is full (take a smaller batch)",
        None,
    )


def test_a_list_is_walked_a_page_at_a_time(openai: OpenAI, file: str, clock: Clock) -> None:
    create: Callable[..., Any] = openai.fine_tuning.jobs.create
    made = []
    for number in range(5):
        clock.advance(1)
        metadata = {"part": "odd" if number % 2 else "even"}
        given = {"metadata": metadata} if number else {}
        made.append(create(model=MODEL, training_file=file, **given).id)
    assert [job.id for job in openai.fine_tuning.jobs.list(limit=2)] == made[::-1]
    odd = openai.fine_tuning.jobs.list(metadata={"part": "odd"})
    assert [job.id for job in odd] == [made[3], made[1]]
    bare = openai.fine_tuning.jobs.list(extra_query={"metadata": "null"})
    assert [job.id for job in bare] == [made[0]]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"status": "failed"}, {"after": "ftjob-nowhere"}])
def test_a_list_that_cannot_be_is_refused(openai: OpenAI, query: dict[str, Any]) -> None:
    with pytest.raises(errors.APIStatusError) as refused:
        openai.fine_tuning.jobs.list(extra_query=query)
    assert refused.value.status_code in (400, 404, 422)


def test_pausing_and_going_on_and_cancelling(openai: OpenAI, file: str) -> None:
    jobs = openai.fine_tuning.jobs
    job_id = jobs.create(model=MODEL, training_file=file).id
    assert jobs.pause(job_id).status == "queued"
    assert jobs.list_events(job_id).data[0].message.startswith("The job is paused")
    assert jobs.resume(job_id).status == "queued"
    assert jobs.cancel(job_id).status == "cancelled"
    assert jobs.cancel(job_id).status == "cancelled"  # twice is once, as for the native API
    for refused in (jobs.pause, jobs.resume):
        with pytest.raises(errors.BadRequestError, match="is cancelled"):
            refused(job_id)


def test_a_job_of_somebody_else_is_theirs_to_change(
    openai: OpenAI, file: str, client_of: Callable[[str], OpenAI]
) -> None:
    job_id = openai.fine_tuning.jobs.create(model=MODEL, training_file=file).id
    with pytest.raises(errors.PermissionDeniedError):
        client_of("bob").fine_tuning.jobs.cancel(job_id)


def test_the_file_of_somebody_else_is_none_to_train_on(
    openai: OpenAI, file: str, client_of: Callable[[str], OpenAI]
) -> None:
    openai.fine_tuning.jobs.create(model=MODEL, training_file=file)
    with pytest.raises(errors.NotFoundError):
        client_of("bob").fine_tuning.jobs.create(model=MODEL, training_file=file)


def test_a_create_that_is_sent_again_makes_one_job(openai: OpenAI, file: str, clock: Clock) -> None:
    create: Callable[..., Any] = openai.fine_tuning.jobs.create
    fields = {"model": MODEL, "training_file": file}
    first = create(**fields).id
    again = {"x-stainless-retry-count": "1"}
    clock.advance(60)
    assert create(**fields, extra_headers=again).id == first
    assert create(**fields, suffix="another", extra_headers=again).id != first
    assert create(**fields).id != first
    clock.advance(601)
    assert create(**fields, extra_headers=again).id != first


def test_an_idempotency_key_makes_one_job(openai: OpenAI, file: str) -> None:
    create: Callable[..., Any] = openai.fine_tuning.jobs.create
    fields = {"model": MODEL, "training_file": file, "extra_headers": {"Idempotency-Key": "k"}}
    assert create(**fields).id == create(**fields).id
    with pytest.raises(errors.BadRequestError) as refused:
        create(**fields, suffix="another")
    assert refused.value.param == "Idempotency-Key"


def test_a_refused_file_lets_its_job_fail_at_once(
    openai: OpenAI, file_of: Callable[..., str], sessions: sessionmaker[Session]
) -> None:
    found = {"loc": ["file", 3], "message": "row 3 (line 3): there is no answer", "hint": None}
    bad = file_of(status=DatasetStatus.REFUSED, findings=[found], entry={}, sha256="")
    job = openai.fine_tuning.jobs.create(model=MODEL, training_file=bad, extra_body={"held": True})
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")
    assert "line 3" in job.error.message
    messages = [event.message for event in openai.fine_tuning.jobs.list_events(job.id)]
    assert [message.partition(":")[0] for message in messages[:2]] == ["The job failed", "The job is queued"]
    assert f"{bad}: row 3 (line 3): there is no answer" in messages
    assert row_of(sessions, job.id).failure == {
        "code": "invalid_training_file",
        "message": job.error.message.removesuffix(" (correct the file, upload it again, and make a new job with it)"),
        "hint": "correct the file, upload it again, and make a new job with it",
        "evidence": [found["message"]],
        "retry": None,
    }


def test_a_refused_validation_file_is_told_as_such(openai: OpenAI, file: str, file_of: Callable[..., str]) -> None:
    found = {"loc": ["file", 1], "message": "row 1 (line 1): nothing", "hint": None}
    bad = file_of(status=DatasetStatus.REFUSED, findings=[found], entry={}, sha256="")
    job = openai.fine_tuning.jobs.create(model=MODEL, training_file=file, validation_file=bad)
    assert (job.status, job.error.code if job.error else None) == ("failed", "invalid_validation_file")
    assert (job.training_file, job.validation_file) == (file, bad)


def test_a_file_that_is_checked_lets_its_job_wait(
    openai: OpenAI, file_of: Callable[..., str], sessions: sessionmaker[Session], user: User
) -> None:
    with transaction(sessions) as session:
        check = make_job(session, user, kind="check", status=JobStatus.RUNNING)
    unknown = {"entry": {}, "sha256": "", "extension": "", "format": "", "cluster": "lab", "check_job": check.id}
    data = file_of(status=DatasetStatus.CHECKING, **unknown)
    job = openai.fine_tuning.jobs.create(model=MODEL, training_file=data)
    assert job.status == "validating_files"
    with transaction(sessions) as session:
        own = requests.belongings(session, ["job_" + job.id.removeprefix("ftjob-")])
        assert list(own.dependencies.values()) == [[check.id]]
        session.query(Dataset).update({"status": DatasetStatus.READY, "entry": ENTRY})
    assert openai.fine_tuning.jobs.retrieve(job.id).status == "queued"


def test_a_person_who_sees_only_their_own_finds_no_job_of_others(
    openai: OpenAI, file: str, sessions: sessionmaker[Session], app: Any, client_of: Callable[[str], OpenAI]
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"visible_jobs": "own"})
    job = openai.fine_tuning.jobs.create(model=MODEL, training_file=file)
    bob = client_of("bob")
    for ask in (bob.fine_tuning.jobs.retrieve, bob.fine_tuning.jobs.cancel, bob.fine_tuning.jobs.list_events):
        with pytest.raises(errors.NotFoundError):
            ask(job.id)
    assert list(bob.fine_tuning.jobs.list()) == []
    with pytest.raises(errors.NotFoundError):
        bob.fine_tuning.jobs.create(model=MODEL, training_file=file)
    assert json.loads(job.model_dump_json())["object"] == "fine_tuning.job"


def weights_report(rows: int, of_weight_0: int) -> dict[str, Any]:
    """Of a file whose rows have two answers, the first of some of them with the weight 0."""
    return {"turns": [{"up_to": 4, "rows": rows}], "problems": [{"reason": "untrained_history", "rows": of_weight_0}]}


def test_weights_of_messages_are_kept_or_the_job_refused(
    openai: OpenAI, file_of: Callable[..., str], sessions: sessionmaker[Session]
) -> None:
    made = openai.fine_tuning.jobs.create(model=MODEL, training_file=file_of(report=weights_report(3, 3)))
    assert row_of(sessions, made.id).config["mask_history"] is True
    mixed = file_of(report=weights_report(3, 2))
    with pytest.raises(errors.BadRequestError, match="mask_history: true") as refused:
        openai.fine_tuning.jobs.create(model=MODEL, training_file=mixed)
    assert refused.value.param == "training_file"
    wish = {"config": {"mask_history": True}}
    assert openai.fine_tuning.jobs.create(model=MODEL, training_file=mixed, extra_body=wish).status == "queued"
