"""`packtrain metrics` and `packtrain compare`."""

import json

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json

OTHER_ID = "job_0123456789abcdefghjz"


def test_each_series_is_a_line_of_bars_and_numbers(run: Run, stub: Stub) -> None:
    stub.series = {
        "loss": {"steps": [1, 2, 3], "values": [3.0, 1.0, 2.0], "total": 3},
        "gone": {"steps": [1], "values": [None], "total": 1},
        "none": {"steps": [], "values": [], "total": 0},
    }
    head, loss, gone = run("metrics", JOB_ID).stdout.splitlines()
    assert head.split() == ["SERIES", "COURSE", "FIRST", "LAST", "LOWEST", "HIGHEST", "POINTS"]
    assert loss.split() == ["loss", "█▁▅", "3", "2", "1", "3", "3"]
    assert gone.split() == ["gone", "not", "a", "number", "1"]


def test_a_job_without_numbers_says_so(run: Run) -> None:
    assert run("metrics", JOB_ID).stderr == f"{JOB_ID} has logged no numbers yet\n"


def test_metrics_are_had_as_csv_and_json(run: Run, stub: Stub) -> None:
    stub.texts = {"metrics.csv": "step,loss\n1,2.0\n"}
    assert run("metrics", JOB_ID, "--csv").stdout == "step,loss\n1,2.0\n"
    assert json.loads(run("metrics", JOB_ID, "--json", "--points", "9").stdout) == {"job_id": JOB_ID, "series": {}}
    assert stub.requests[-1] == ("GET", f"/api/v1/jobs/{JOB_ID}/metrics?points=9")


def test_a_comparison_shows_what_differs_and_what_came(run: Run, stub: Stub) -> None:
    stub.by_id = {
        JOB_ID: job_json(name="a", config={"stage": "sft", "lr": 0.1}, result={"train_loss": 0.5}),
        OTHER_ID: job_json(id=OTHER_ID, name="b", config={"stage": "sft", "lr": 0.2}, result={"train_loss": 0.4}),
    }
    lines = [line.split() for line in run("compare", JOB_ID, OTHER_ID).stdout.splitlines()]
    assert lines[:2] == [[JOB_ID, OTHER_ID], ["name", "a", "b"]]
    assert ["lr", "0.1", "0.2"] in lines
    assert ["train_loss", "0.5", "0.4"] in lines
    assert not [line for line in lines if line[:1] == ["stage"]]
    told = json.loads(run("compare", JOB_ID, OTHER_ID, "--json").stdout)
    assert (told["jobs"], told["differences"]) == ([JOB_ID, OTHER_ID], {"lr": [0.1, 0.2]})


@pytest.mark.parametrize("words", [(JOB_ID,), (JOB_ID, JOB_ID)])
def test_a_run_is_not_compared_with_itself(run: Run, words: tuple[str, ...]) -> None:
    assert run("compare", *words).exit_code == 2
