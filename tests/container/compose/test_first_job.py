import httpx
import pytest

from container.compose import first_job
from container.steps import StepError

JOB = "/api/v1/jobs/job_1"
ADAPTER = f"{JOB}/artifacts/{first_job.WEIGHTS}"
Answers = dict[str, httpx.Response]


def answers(status: str = "succeeded", steps: int = 10) -> Answers:
    """A server whose only job has ended in one way."""
    return {
        "/api/v1/datasets": httpx.Response(201, json={"id": "ds_1"}),
        "/api/v1/jobs": httpx.Response(201, json={"id": "job_1"}),
        JOB: httpx.Response(200, json={"status_reason": "out of memory", "failure": None}),
        f"{JOB}/progress": httpx.Response(200, json={"status": status, "version": 7, "current_steps": steps}),
        f"{JOB}/logs": httpx.Response(200, text="Traceback"),
        f"{JOB}/artifacts": httpx.Response(200, json={"data": [{"path": first_job.WEIGHTS}]}),
        ADAPTER: httpx.Response(200, content=b"weights"),
    }


def run(server: Answers) -> None:
    transport = httpx.MockTransport(lambda request: server[request.url.path])
    with httpx.Client(base_url="http://server/api/v1", transport=transport) as api:
        first_job.run(api)


def test_a_job_that_succeeds_and_leaves_weights_is_all_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    run(answers())
    assert "job_1 succeeded; adapter_model.safetensors has 7 bytes" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "steps"), [("failed", 3), ("cancelled", 10), ("succeeded", 9)])
def test_another_end_is_told_with_the_job_s_own_words(status: str, steps: int) -> None:
    with pytest.raises(StepError, match=f"(?s)job_1 is {status} at step {steps}.*out of memory.*Traceback"):
        run(answers(status, steps))


def test_missing_weights_are_told_with_what_is_there() -> None:
    server = answers()
    server[f"{JOB}/artifacts"] = httpx.Response(200, json={"data": [{"path": "README.md"}]})
    with pytest.raises(StepError, match=r"no adapter_model.*README\.md"):
        run(server)


def test_weights_that_do_not_come_through_are_an_error() -> None:
    server = answers()
    server[ADAPTER] = httpx.Response(502, text="the cluster does not answer")
    with pytest.raises(StepError, match=r"502.*the cluster does not answer"):
        run(server)


def test_a_refused_upload_is_told() -> None:
    server = answers()
    server["/api/v1/datasets"] = httpx.Response(401, text="this needs a token")
    with pytest.raises(StepError, match=r"POST .*/datasets: 401 this needs a token"):
        run(server)
