"""`packtrain list`: which jobs are asked for, and the table of them."""

import json
from typing import Any

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json

ESCAPE = "\x1b[31m[bold]name\x1b[0m\u202e\x07"
COLUMNS = "JOB NAME STATUS DETAIL GPUS SLURM RAN OWNER AGE"


def _jobs(count: int) -> list[dict[str, Any]]:
    return [job_json(id=f"job_{number:020}", name=f"run {number}") for number in range(count)]


def test_list_is_a_table_that_no_name_can_colour(run: Run, stub: Stub) -> None:
    progress = {"status": "running", "current_steps": 45, "total_steps": 90, "eta_seconds": 540.0}
    stub.versions = [job_json(name=ESCAPE, progress=progress, slurm_job_id=41)]
    result = run("list", "--status", "running", "--status", "pending", "--tag", "team=m=t", "--limit", "7")
    assert result.exit_code == 0, result.output
    assert stub.requests[0] == ("GET", "/api/v1/jobs?limit=7&status=running&status=pending&tag=team%3Am%3Dt")
    head, row = result.stdout.splitlines()
    assert head.split() == COLUMNS.split()
    assert row.split()[:9] == [JOB_ID, "[bold]name", "running", "45/90,", "9", "min", "left", "1", "41"]
    assert not set(result.output) & set("\x1b\x07\u202e")
    assert result.stderr == "1 job\n"


def test_long_names_are_whole_in_a_pipe(run: Run, stub: Stub) -> None:
    stub.versions = [job_json(name="n" * 200)]
    assert "n" * 200 in run("list").stdout


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("--mine",), "owner=alice"),
        (("--active",), "status=held&status=queued&status=submitting&status=pending&status=running"),
        (("--sort", "priority"), "sort=-priority"),
        (("--owner", "bob", "--cluster", "lab", "--search", "wmt"), "owner=bob&cluster=lab&q=wmt"),
    ],
)
def test_filters_and_order_are_the_servers(run: Run, stub: Stub, words: tuple[str, ...], asked: str) -> None:
    assert run("list", *words).exit_code == 0
    assert stub.requests[-1] == ("GET", f"/api/v1/jobs?limit=20&{asked}")


@pytest.mark.parametrize(
    "words", [("--status", "runing"), ("--tag", "team"), ("--mine", "--owner", "bob"), ("--all", "--page", "2")]
)
def test_words_that_make_no_sense_are_usage(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    assert run("list", *words).exit_code == 2
    assert stub.requests == []


@pytest.mark.parametrize(
    ("words", "first", "count"),
    [
        ((), "run 0", "20 jobs, and there are more: --page 2, or --all"),
        (("--page", "2"), "run 20", "jobs 21 to 40, and there are more: --page 3, or --all"),
        (("--page", "3"), "run 40", "jobs 41 to 45"),
        (("--all",), "run 0", "45 jobs"),
    ],
)
def test_pages_have_numbers_and_a_count(run: Run, stub: Stub, words: tuple[str, ...], first: str, count: str) -> None:
    stub.listed = _jobs(45)
    result = run("list", *words)
    assert first in result.stdout.splitlines()[1]
    assert result.stderr == f"{count}\n"


def test_behind_the_last_page_is_nothing(run: Run, stub: Stub) -> None:
    stub.listed = _jobs(3)
    result = run("list", "--page", "9")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no more jobs\n")


def test_all_jobs_are_one_page_of_json(run: Run, stub: Stub) -> None:
    stub.listed = _jobs(600)
    page = json.loads(run("list", "--all", "--json").stdout)
    assert (len(page["data"]), page["has_more"], page["next"]) == (600, False, None)


def test_a_name_that_no_user_has_is_told_by_its_option(run: Run, stub: Stub) -> None:
    errors = [{"loc": ["query", "owner"], "message": "there is no user bob"}]
    stub.refusals = [(422, {"title": "Unprocessable Content", "errors": errors})]
    result = run("list", "--owner", "bob")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "  --owner: there is no user bob"
