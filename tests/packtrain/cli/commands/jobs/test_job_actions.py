"""`packtrain cancel`, `hold`, `release`, `delete`, `priority`: of a job, of several, of all."""

import json
from typing import Any

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json

OTHER_ID = "job_0123456789abcdefghjz"


def _two() -> list[dict[str, Any]]:
    return [job_json(name="first"), job_json(id=OTHER_ID, name="second", progress={"status": "held"})]


@pytest.mark.parametrize("word", ["cancel", "hold", "release"])
def test_actions_are_posted_once(run: Run, stub: Stub, word: str) -> None:
    result = run(word, JOB_ID)
    assert result.exit_code == 0
    assert stub.requests == [("POST", f"/api/v1/jobs/{JOB_ID}/{word}")]
    assert JOB_ID in result.stdout


def test_cancel_says_that_it_is_not_yet_done(run: Run) -> None:
    assert run("cancel", JOB_ID).stdout == f"{JOB_ID} queued, to be cancelled\n"


def test_several_are_done_one_after_the_other_each_once(run: Run, stub: Stub) -> None:
    assert run("hold", JOB_ID, OTHER_ID, JOB_ID).exit_code == 0
    assert [path for _, path in stub.requests] == [f"/api/v1/jobs/{each}/hold" for each in (JOB_ID, OTHER_ID)]


def test_what_is_refused_does_not_stop_the_others(run: Run, stub: Stub) -> None:
    stub.refused_paths = {f"/api/v1/jobs/{JOB_ID}/hold": (409, {"title": "Conflict", "detail": "it has ended"})}
    result = run("hold", JOB_ID, OTHER_ID)
    assert result.exit_code == 1
    assert result.stderr == f"{JOB_ID}:\nerror: it has ended (HTTP 409)\n"
    assert result.stdout.count("\n") == 1


def test_all_are_ones_own_of_the_right_status_after_a_yes(run: Run, stub: Stub) -> None:
    stub.listed = _two()
    result = run("release", "--all", "--tag", "sweep=7", "--yes")
    assert result.exit_code == 0, result.output
    assert ("GET", "/api/v1/jobs?limit=500&owner=alice&tag=sweep%3A7") in stub.requests
    assert [path for method, path in stub.requests if method == "POST"] == [f"/api/v1/jobs/{OTHER_ID}/release"]
    assert f"{OTHER_ID}  held        second" in result.stderr


def test_without_a_yes_nothing_is_done_to_all(run: Run, stub: Stub) -> None:
    stub.listed = _two()
    result = run("cancel", "--all")
    assert result.exit_code == 1
    assert "say so beforehand with --yes" in result.stderr
    assert not [path for method, path in stub.requests if method == "POST"]


@pytest.mark.parametrize("words", [(), ("--all", JOB_ID), ("--tag", "a=b", JOB_ID)])
def test_a_selection_that_is_none_or_two_is_usage(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    assert run("cancel", *words).exit_code == 2
    assert stub.requests == []


def test_json_of_an_action_is_the_job_or_all_of_them(run: Run, stub: Stub) -> None:
    assert json.loads(run("hold", JOB_ID, "--json").stdout) == stub.current()
    assert json.loads(run("hold", JOB_ID, OTHER_ID, "--json").stdout) == {"data": [stub.current()] * 2}


def test_delete_asks_first(run: Run, stub: Stub) -> None:
    assert run("delete", JOB_ID).exit_code == 1
    assert stub.requests == []
    assert run("delete", JOB_ID, "--yes").stdout == f"{JOB_ID} is deleted\n"
    assert stub.requests[-1] == ("DELETE", f"/api/v1/jobs/{JOB_ID}")


def test_a_priority_may_be_negative(run: Run, stub: Stub) -> None:
    assert run("priority", JOB_ID, "-5").stdout == f"{JOB_ID} queued, priority -5\n"
    assert stub.bodies == [{"priority": -5}]
