"""The client against the real server: what the stub of the other tests says must be what the server says."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner, Result

from packtrain.cli.main import app as command_line
from packtrain.client import Packtrain
from packtrain.errors import ApiError
from tests.factories import make_token
from tests.packtrain.stub_server import job_json, serving_app
from tuning.db.engine import transaction
from tuning.people.models import User

Run = Callable[..., Result]
CONFIG = """# ours
model_name_or_path: tiny-qwen2
stage: sft
do_train: true
finetuning_type: lora
template: qwen
"""
ROWS = [{"instruction": "Translate.", "input": "犬", "output": "dog"}, {"instruction": "Translate.", "output": ""}]


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'packtrain.db')}"


@pytest.fixture
def api(
    app: FastAPI, sessions: sessionmaker[Session], user: User, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Packtrain]:
    with transaction(sessions) as session:
        monkeypatch.setenv("PACKTRAIN_TOKEN", make_token(session, user))
    with serving_app(app) as url:
        monkeypatch.setenv("PACKTRAIN_URL", url)
        with Packtrain.from_environment() as open_api:
            yield open_api


@pytest.fixture
def run(api: Packtrain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG, encoding="utf-8")
    Path("rows.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return lambda *words: CliRunner().invoke(command_line, list(words))


def _submitted(run: Run, *words: str) -> str:
    result = run("submit", "config.yaml", "--data", "rows.json", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.split()[0]


def test_the_stub_shows_jobs_as_the_server_does(run: Run, api: Packtrain) -> None:
    job = api.job(_submitted(run, "--hold"))
    stub = job_json()
    assert set(stub) <= set(job)
    assert set(stub["progress"]) <= set(job["progress"])


def test_a_job_from_its_submission_to_its_end(run: Run, api: Packtrain) -> None:
    job = _submitted(run, "--hold", "--name", "日英 [bold]", "--tag", "team=mt", "--gpus", "1")
    assert run("show", job).stdout.splitlines()[0] == f"{job} held"
    assert job in run("list", "--status", "held", "--tag", "team=mt", "--owner", "ada", "--search", "日英").stdout
    assert job not in run("list", "--status", "running", "--status", "pending").stdout
    assert run("release", job).stdout == f"{job} queued\n"
    assert run("hold", job).stdout == f"{job} held\n"
    assert run("cancel", job).stdout == f"{job} cancelled\n"
    watched = run("watch", job)
    assert watched.exit_code == 3
    assert "cancelled by ada" in watched.stdout
    again = run("retry", job).stdout.split()[0]
    assert api.job(again)["tags"] == {"team": "mt"}
    assert [event["type"] for event in api.events(job)][-1] == "job.cancelled"
    assert api.wait(job)["status"] == "cancelled"


def test_jobs_by_short_ids_and_several_at_once(run: Run, api: Packtrain) -> None:
    first = _submitted(run, "--hold", "--tag", "sweep=7")
    assert run("show", "@last").stdout.startswith(first)
    second = _submitted(run, "--hold", "--tag", "sweep=7")
    assert run("priority", first[:14], "7").stdout == f"{first} held, priority 7\n"
    assert run("list", "--mine", "--active", "--sort", "priority").stdout.splitlines()[1].startswith(first)
    assert "there is no user bob" in run("list", "--owner", "bob").stderr
    cancelled = run("cancel", "--all", "--tag", "sweep=7", "--yes").stdout.splitlines()
    assert sorted(cancelled) == sorted([f"{first} cancelled", f"{second} cancelled"])
    assert run("delete", first, second, "--yes").exit_code == 0
    assert run("list").stderr == "no jobs\n"


def test_a_clone_leaves_an_argument_out(run: Run, api: Packtrain) -> None:
    first = _submitted(run, "--hold", "--set", "max_steps=3", "--set", "seed=1")
    clone = run("clone", "@last", "--set", "max_steps=null", "--time", "2h", "--hold").stdout.split()[0]
    config, resources = api.job(clone)["config"], api.job(clone)["resources"]
    assert ("max_steps" in config, config["seed"], resources["time_limit"]) == (False, 1, "02:00:00")
    assert "max_steps" in run("compare", first, clone).stdout
    assert run("config", clone).stdout.splitlines()
    assert run("script", clone).stdout.startswith("#!")


def test_refused_data_leaves_no_data_set_and_remarks_are_told(run: Run, api: Packtrain) -> None:
    wrong = run("submit", "config.yaml", "--data", "rows.json", "--set", "lora_rnk=8")
    assert (wrong.exit_code, api.datasets()["data"]) == (1, [])
    assert run("check", "config.yaml", "--data", "rows.json").exit_code == 0
    assert api.datasets()["data"] == []
    told = run("submit", "config.yaml", "--data", "rows.json", "--hold", "--set", "output_dir=saves")
    assert "warning: output_dir is taken over by packtrain" in told.stderr
    assert "warning: output_dir is taken over by packtrain" in run("show", "@last").stdout


def test_events_are_followed_to_the_jobs_end(run: Run) -> None:
    job = _submitted(run, "--hold")
    run("cancel", job)
    lines = run("events", job, "-f").stdout.splitlines()
    assert "job.cancelled" in lines[-1]
    told = [json.loads(line) for line in run("events", job, "-f", "--json").stdout.splitlines()]
    assert [event["job_id"] for event in told if "type" in event] == [job] * len(lines)
    assert len(told) == len(lines)


def test_logs_of_a_job_that_wrote_none_are_empty_and_end_with_it(run: Run) -> None:
    job = _submitted(run, "--hold")
    run("cancel", job)
    assert run("logs", job).stdout == ""
    assert run("logs", job, "-f", "--stderr").stdout == ""
    assert "has left no files yet" in run("download", job).stderr


def test_what_is_wrong_in_a_file_is_told_by_check_and_by_submit(run: Run) -> None:
    Path("wrong.yaml").write_text(CONFIG + "lora_rnk: 8\n", encoding="utf-8")
    for words in (("check", "wrong.yaml"), ("submit", "wrong.yaml"), ("submit", "wrong.yaml", "--set", "seed=1")):
        result = run(*words)
        assert result.exit_code == 1
        assert "lora_rnk" in result.stderr
        assert "-> did you mean lora_rank?" in result.stderr


def test_a_dry_run_stores_nothing(run: Run, api: Packtrain) -> None:
    data = run("datasets", "upload", "rows.json").stdout.strip()
    result = run("submit", "config.yaml", "--data", data, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "model_name_or_path:" in result.stdout
    assert api.jobs()["data"] == []


def test_a_data_set_from_its_upload_to_its_end(run: Run, api: Packtrain) -> None:
    data = run("datasets", "upload", "rows.json", "--name", "犬 [red]").stdout.strip()
    assert "犬 [red]" in run("datasets", "list").stdout
    assert "rows are trained on" in run("datasets", "show", data).stdout
    assert run("datasets", "delete", data).exit_code == 0
    with pytest.raises(ApiError, match="HTTP 404"):
        api.dataset(data)


def test_a_data_file_that_would_crash_a_job_is_refused_with_its_place(run: Run) -> None:
    Path("broken.jsonl").write_text('{"instruction": "a", "output": "b"}\n{"instruction": \n', encoding="utf-8")
    result = run("datasets", "upload", "broken.jsonl")
    assert result.exit_code == 1
    assert "line 2" in result.stderr


def test_clusters_as_the_server_shows_them(run: Run) -> None:
    assert run("clusters", "list").stdout.splitlines()[1].startswith("lab ")
    assert "not yet reached" in run("clusters", "show", "lab").stdout
    assert "there is no cluster x" in run("clusters", "show", "x").stderr


def test_a_data_set_is_for_what_its_owner_says(run: Run, api: Packtrain) -> None:
    row = {"instruction": "a", "output": "b", "chosen": "b", "rejected": "c"}
    Path("pairs.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    data = run("datasets", "upload", "pairs.jsonl", "--purpose", "sft").stdout.strip()
    assert api.dataset(data)["purpose"] == "sft"
    assert api.dataset(run("datasets", "upload", "pairs.jsonl").stdout.strip())["purpose"] == "ranking"


def test_a_script_is_read_by_the_server_with_the_files_beside_it(run: Run, api: Packtrain) -> None:
    script = "#!/bin/bash\n#SBATCH -J theirs -t 00:30:00\ncd x && llamafactory-cli train config.yaml dataset=identity\n"
    Path("train.sbatch").write_text(script, encoding="utf-8")
    checked = run("check", "train.sbatch")
    assert checked.exit_code == 0, checked.output
    assert "script: line 3: `cd` is not run" in checked.stderr
    submitted = run("submit", "train.sbatch")
    assert submitted.exit_code == 0, submitted.output
    job = api.job(submitted.stdout.split()[0])
    assert (job["name"], job["resources"]["time_limit"], job["config"]["dataset"]) == ("theirs", "00:30:00", "identity")


def test_a_command_of_a_program_makes_a_job(api: Packtrain) -> None:
    line = "CUDA_VISIBLE_DEVICES=0,1 llamafactory-cli train conf/config.yaml dataset=identity"
    job = api.submit(command=line, files={"config.yaml": CONFIG})
    assert (job["resources"]["gpus_per_node"], job["config"]["dataset"]) == (2, "identity")
