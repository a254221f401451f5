"""`packtrain datasets add`: a file on a cluster, waited for."""

import json

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, Stub, job_json

ON_LAB = {"cluster": "lab", "cluster_path": "/data/x.csv", "check_job": JOB_ID}


def test_it_is_waited_for_and_its_report_is_told(run: Run, stub: Stub) -> None:
    stub.checked = ON_LAB
    stub.versions = [job_json(), job_json(progress={"status": "succeeded", "version": 2})]
    words = ("--name", "our data", "--cluster", "lab", "--tokenizer", "tiny-llama", "--purpose", "sft")
    result = run("datasets", "add", "/data/x.csv", "--format", "alpaca", *words)
    assert result.exit_code == 0, result.output
    assert result.stdout == "ds_1\n"
    assert stub.bodies == [
        {
            "cluster_path": "/data/x.csv",
            "cluster": "lab",
            "name": "our data",
            "format": "alpaca",
            "purpose": "sft",
            "tokenizer": "tiny-llama",
        }
    ]
    lines = result.stderr.splitlines()
    assert lines[:2] == [f"ds_1 is being checked on lab by {JOB_ID}", "queued"]
    assert "  2 of 3 rows are trained on" in lines


def test_a_refusal_is_told_with_its_lines(run: Run, stub: Stub) -> None:
    findings = [{"loc": ["file", 3], "message": "row 3 (line 3): not valid JSON", "hint": "mend the line"}]
    stub.checked = {**ON_LAB, "status": "refused", "format": None, "rows": None, "size_bytes": None}
    stub.checked |= {"purpose": None, "findings": findings}
    stub.versions = [job_json(progress={"status": "succeeded"})]
    result = run("datasets", "add", "/data/x.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-3:] == [
        "  refused:",
        "  file.3: row 3 (line 3): not valid JSON",
        "    -> mend the line",
    ]
    shown = run("datasets", "show", "ds_1").stdout.splitlines()
    assert shown[:2] == ["ds_1  chats  lab:/data/x.csv", "  refused:"]
    assert run("datasets", "list").exit_code == 0


def test_one_need_not_wait(run: Run, stub: Stub) -> None:
    stub.checked = {**ON_LAB, "status": "checking"}
    stub.versions = [job_json(progress={"status": "succeeded"})]
    result = run("datasets", "add", "/data/x.csv", "--no-wait")
    assert (result.exit_code, result.stdout) == (0, "ds_1\n")
    assert not any("/jobs/" in path for _, path in stub.requests)
    assert json.loads(run("datasets", "add", "/data/x.csv", "--no-wait", "--json").stdout)["status"] == "checking"
    assert "being checked on lab by" in run("datasets", "show", "ds_1").stdout
