import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.packtrain.conftest import Run
from tests.packtrain.stub_server import JOB_ID, TOKEN, VALIDATION, Stub, job_json
from tuning.jobs.request.spec import JobRequest, Resources

ESCAPE = "\x1b[31m[bold]name\x1b[0m\u202e\x07"


def _config(text: str = "# ours\nmodel_name_or_path: tiny-llama\n") -> str:
    Path("config.yaml").write_text(text, encoding="utf-8")
    return "config.yaml"


def test_submit_sends_the_file_as_it_stands_and_says_the_id(run: Run, stub: Stub) -> None:
    result = run(
        "submit", _config(), "--name", "日本語", "--gpus", "2", "--time", "08:00:00", "--tag", "team=mt", "--hold"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{JOB_ID}  wmt ja-en  queued\n"
    assert result.stderr == f"follow it with: packtrain watch {JOB_ID}\n"
    assert stub.bodies == [{
        "priority": 0, "held": True, "config_yaml": "# ours\nmodel_name_or_path: tiny-llama\n",
        "datasets": [], "resources": {"gpus_per_node": 2, "time_limit": "08:00:00"}, "tags": {"team": "mt"},
        "name": "日本語",
    }]  # fmt: skip


def test_submit_sends_a_script_and_the_files_that_it_names(run: Run, stub: Stub) -> None:
    _config("a: 1\n")
    Path("train.sbatch").write_text("llamafactory-cli train config.yaml", encoding="utf-8")
    assert run("submit", "train.sbatch", "--gpus", "2").exit_code == 0
    body = JobRequest.model_validate(stub.bodies[0])
    assert (body.script, body.files) == ("llamafactory-cli train config.yaml", {"config.yaml": "a: 1\n"})
    assert (body.config, body.config_yaml, body.resources.gpus_per_node) == (None, None, 2)


@pytest.mark.parametrize("word", ["submit", "check"])
def test_all_behind_two_dashes_is_a_command(run: Run, stub: Stub, word: str) -> None:
    stub.validation = {"valid": True, "errors": [], "warnings": [], "notes": [], "script": None, "config_yaml": None,
                       "estimates": None}  # fmt: skip
    result = run(word, "--gpus", "2", "--", "torchrun", "--nproc_per_node", "2", "src/train.py", "--stage", "sft")
    assert result.exit_code == 0, result.output
    assert stub.bodies[0]["command"] == "torchrun --nproc_per_node 2 src/train.py --stage sft"
    assert "files" not in stub.bodies[0]


def test_nothing_is_laid_over_a_command(run: Run, stub: Stub) -> None:
    result = run("submit", "--set", "lora_rank=8", "--", "llamafactory-cli", "train", "a.yaml")
    assert (result.exit_code, stub.requests) == (1, [])
    assert "nothing is laid over a command with --set or --model" in result.stderr


def test_every_resource_has_its_flag_and_the_body_holds(run: Run, stub: Stub) -> None:
    flags = (
        "--cluster lab --partition gpu --nodes 2 --gpus 4 --gpu-type a100 --cpus-per-gpu 8 --memory 64G "
        "--time 1-00:00:00 --account mt --qos high --constraint nvlink --exclude n[1-2] --sbatch reservation=course"
    )
    assert run("submit", "--model", "m", *flags.split(), "--priority", "-5").exit_code == 0
    request = JobRequest.model_validate(stub.bodies[0])
    assert set(stub.bodies[0]["resources"]) == set(Resources.model_fields)
    assert request.priority == -5


def test_submit_uploads_local_data_first(run: Run, stub: Stub) -> None:
    Path("a.json").write_text("[]", encoding="utf-8")
    result = run("submit", "--model", "tiny-llama", "--data", "a.json", "--data", "ds_old")
    assert result.exit_code == 0, result.output
    assert stub.uploads == [("a", "a.json", b"[]")]
    assert stub.bodies[-1]["datasets"] == ["ds_1", "ds_old"]
    assert "uploaded a.json (2 B) as ds_1" in result.stderr


def test_submit_uploads_nothing_when_the_rest_is_wrong(run: Run, stub: Stub) -> None:
    Path("a.json").write_text("[]", encoding="utf-8")
    result = run("submit", "--model", "m", "--data", "a.json", "--set", "nonsense")
    assert (result.exit_code, stub.requests) == (1, [])
    assert result.stderr == "error: --set: `nonsense` is no key=value\n  -> for example --set learning_rate=1e-4\n"


@pytest.mark.parametrize(
    "words",
    [(), ("missing.yaml",), ("--model", "m", "--watch", "--json"), ("--model", "m", "--gpus", "-1"), ("--modle", "m")],
)
def test_submit_in_a_wrong_form_is_usage(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    assert run("submit", *words).exit_code == 2
    assert stub.requests == []


def test_a_refused_submission_shows_each_finding_in_plain_lines(run: Run, stub: Stub) -> None:
    errors = [{"loc": ["body", "config_yaml", "lora_rnk"], "message": "unknown", "hint": "lora_rank?"}]
    stub.refusals = [(422, {"title": "Unprocessable Content", "detail": "it does not hold", "errors": errors})]
    result = run("submit", _config())
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: the server refuses this (HTTP 422)",
        "  lora_rnk: unknown",
        "    -> lora_rank?",
    ]


def test_submit_and_watch_end_with_the_jobs_end(run: Run, stub: Stub) -> None:
    failure: dict[str, object] = {"code": "x", "message": "out of memory", "hint": None, "evidence": []}
    stub.versions = [job_json(), job_json(progress={"version": 2, "status": "failed"}, failure=failure)]
    result = run("submit", _config(), "--watch")
    assert result.exit_code == 1
    assert "out of memory" in result.stdout


def test_a_dry_run_says_what_the_server_would_say(run: Run, stub: Stub) -> None:
    finding = {"loc": ["config", "lora_rnk"], "message": "unknown", "hint": "lora_rank?"}
    stub.validation = {
        "valid": False, "errors": [finding], "warnings": [], "notes": [], "script": "#!/bin/sh\n",
        "config_yaml": "a: 1\n",
        "estimates": None,
    }  # fmt: skip
    result = run("submit", _config(), "--set", "lora_rank=8", "--dry-run")
    assert result.exit_code == 1
    assert stub.requests == [("POST", "/api/v1/jobs/validate")]
    assert stub.bodies[0]["config"] == {"model_name_or_path": "tiny-llama", "lora_rank": 8}
    assert "error: lora_rnk: unknown\n  -> lora_rank?\n" in result.stderr
    assert result.stdout == "a: 1\n\n"


@pytest.mark.parametrize("words", [("submit", "--dry-run"), ("check",)])
def test_data_is_stored_for_a_check_and_removed_behind_it(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    Path("a.json").write_text("[]", encoding="utf-8")
    result = run(*words, _config(), "--data", "a.json", "--set", "lora_rank=8", "--memory", "64GB", "--time", "8h")
    assert result.exit_code == 0, result.output
    assert stub.bodies[-1]["datasets"] == ["ds_1"]
    assert stub.bodies[-1]["resources"] == {"memory": "64G", "time_limit": "08:00:00"}
    assert stub.requests[-1] == ("DELETE", "/api/v1/datasets/ds_1")


def test_data_of_a_request_that_is_wrong_is_not_sent(run: Run, stub: Stub) -> None:
    Path("a.json").write_text("[]", encoding="utf-8")
    missing = {"loc": ["body", "datasets", 0], "message": "there is no data set ds_00000000000000000000"}
    unnamed = {"loc": ["body", "config_yaml", "dataset"], "message": "there is no data set a"}
    wrong = {"loc": ["body", "config_yaml", "lora_rnk"], "message": "unknown", "hint": "lora_rank?"}
    stub.validation = {"valid": False, **VALIDATION, "errors": [missing, unnamed, wrong]}
    result = run("submit", _config(), "--data", "a.json")
    assert (result.exit_code, stub.uploads) == (1, [])
    assert result.stderr == "error: lora_rnk: unknown\n  -> lora_rank?\n"


@pytest.mark.parametrize("words", [("submit",), ("submit", "--dry-run"), ("check",)])
def test_a_file_that_cannot_be_laid_over_hides_nothing_that_is_wrong_beside_it(
    run: Run, stub: Stub, words: tuple[str, ...]
) -> None:
    Path("bad.yaml").write_text("a: [", encoding="utf-8")
    partition = {"loc": ["body", "resources", "partition"], "message": "lab has no partition gpuu"}
    syntax = {"loc": ["body", "config_yaml", 1, 5], "message": "line 1, column 5: expected ']'"}
    stub.validation = {"valid": False, **VALIDATION, "errors": [syntax, partition]}
    result = run(*words, "bad.yaml", "--set", "lora_rank=8")
    assert (result.exit_code, stub.requests) == (1, [("POST", "/api/v1/jobs/validate")])
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["error", "error"]
    assert "error: bad.yaml: line 1, column 5" in result.stderr
    assert "error: --partition: lab has no partition gpuu" in result.stderr


def test_data_of_a_request_that_is_refused_is_removed(run: Run, stub: Stub) -> None:
    Path("a.json").write_text("[]", encoding="utf-8")
    stub.refused_paths = {"/api/v1/jobs": (422, {"title": "Unprocessable Content", "detail": "its rows do not fit"})}
    assert run("submit", _config(), "--data", "a.json").exit_code == 1
    assert len(stub.uploads) == 1
    assert stub.requests[-1] == ("DELETE", "/api/v1/datasets/ds_1")


def test_submit_tells_what_was_remarked_on_the_request(run: Run, stub: Stub) -> None:
    stub.created = {"warnings": ["resume_from_checkpoint is left out"], "notes": ["output_dir \x1b[2J is ours"]}
    stderr = run("submit", _config()).stderr
    assert stderr.splitlines()[:2] == ["warning: resume_from_checkpoint is left out", "note: output_dir  is ours"]


def test_null_takes_an_argument_of_the_file_away(run: Run, stub: Stub) -> None:
    config = _config("model_name_or_path: m\nmax_steps: 3\n")
    run("submit", config, "--set", "max_steps=null")
    run("submit", config, "--set", "max_steps=null", "--recipe", "lora-sft")
    mine, over_a_recipe = (body["config"] for body in stub.bodies)
    assert (mine, over_a_recipe["max_steps"]) == ({"model_name_or_path": "m"}, None)


def test_check_shows_the_script_that_would_run_when_asked(run: Run, stub: Stub) -> None:
    stub.validation = {
        "valid": True, "errors": [], "warnings": [], "notes": ["output_dir was left out"], "script": "#!/bin/sh\n",
        "config_yaml": "a: 1\n", "estimates": {"gpus": 1},
    }  # fmt: skip
    result = run("check", _config(), "--script")
    assert result.stdout == "a: 1\n\n#!/bin/sh\n\n  gpus  1\n"
    assert "note: output_dir was left out" in result.stderr


def test_check_asks_for_what_the_run_would_have(run: Run, stub: Stub) -> None:
    stub.validation = {"valid": True, "errors": [], "warnings": [], "notes": [], "script": None, "config_yaml": None,
                    "estimates": None}  # fmt: skip
    run("check", _config(), "--kind", "predict", "--data", "ds_1", "--gpus", "4", "--recipe", "predict")
    body = stub.bodies[-1]
    assert (body["kind"], body["recipe"], body["datasets"]) == ("predict", "predict", ["ds_1"])
    assert body["resources"] == {"gpus_per_node": 4}


def test_check_is_content_with_a_good_file(run: Run, stub: Stub) -> None:
    stub.validation = {
        "valid": True,
        "errors": [],
        "warnings": [],
        "notes": [],
        "script": None,
        "config_yaml": None,
        "estimates": None,
    }
    result = run("check", _config())
    assert (result.exit_code, result.stderr) == (0, "valid: nothing was stored\n")


@pytest.mark.parametrize(
    "words",
    [
        ("show", JOB_ID),
        ("list",),
        ("datasets", "list"),
        ("datasets", "show", "ds_1"),
        ("clusters", "list"),
        ("clusters", "show", "lab"),
    ],
)
def test_reading_commands_print_the_apis_json(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    stub.versions = [job_json(name=ESCAPE)]
    result = run(*words, "--json")
    value = json.loads(result.stdout)
    if words[0] in ("show", "list"):
        assert (value["data"][0] if words[0] == "list" else value) == stub.versions[0]
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("words", [(), ("-f",)])
def test_logs_are_shown_inert(run: Run, stub: Stub, words: tuple[str, ...]) -> None:
    stub.logs = {"stdout": "\x1b]0;title\x07one\n 10%\r 20%\n", "stderr": "no\n"}
    stub.later = "\x9b2Jtwo\n"
    assert run("logs", JOB_ID, *words).stdout == "one\n 10%\n 20%\n" + ("2Jtwo\n" if words else "")


def test_logs_of_stderr(run: Run, stub: Stub) -> None:
    stub.logs = {"stdout": "no\n", "stderr": "a\nb\n"}
    assert run("logs", JOB_ID, "--stderr", "--tail", "1").stdout == "b\n"


def test_download_says_where_what_lies(run: Run, stub: Stub) -> None:
    stub.files = {"adapter_config.json": b"{}", "checkpoint-5/x": b"12345"}
    result = run("download", JOB_ID, "--to", "out")
    assert result.stdout == "out  1 files  2 B\n"
    assert Path("out/adapter_config.json").read_bytes() == b"{}"
    assert run("download", JOB_ID, "--all").stdout == f"{JOB_ID}  2 files  7 B\n"


def test_download_writes_nothing_outside(run: Run, stub: Stub) -> None:
    stub.files = {"../evil": b"x"}
    result = run("download", JOB_ID, "--to", "out")
    assert result.exit_code == 1
    assert "cannot be written safely" in result.stderr
    assert not Path("evil").exists()


def test_download_of_an_archive(run: Run) -> None:
    assert run("download", JOB_ID, "--archive", "--to", "out").stdout == f"out/{JOB_ID}.tar  9 B\n"


def test_a_job_without_files_says_so(run: Run) -> None:
    assert "has left no files yet" in run("download", JOB_ID).stderr


def test_a_folder_goes_up_as_one_archive(run: Run, stub: Stub) -> None:
    Path("cups/images").mkdir(parents=True)
    Path("cups/rows.jsonl").write_text("{}", encoding="utf-8")
    Path("cups/images/1.jpg").write_bytes(b"jpg")
    Path("cups/images/2.jpg").symlink_to("1.jpg")
    Path("cups/.cache").mkdir()
    assert run("datasets", "upload", "cups").stdout == "ds_1\n"
    [(name, file_name, content)] = stub.uploads
    assert (name, file_name) == ("cups", "cups.tar")
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert [(each.name, each.isreg()) for each in tar] == [
            ("rows.jsonl", True),
            ("images/1.jpg", True),
            ("images/2.jpg", True),
        ]


def test_data_sets(run: Run, stub: Stub) -> None:
    Path("chats.json").write_text("[]", encoding="utf-8")
    assert run("datasets", "upload", "chats.json", "--name", "our chats").stdout == "ds_1\n"
    assert stub.uploads == [("our chats", "chats.json", b"[]")]
    assert run("datasets", "list").stdout.splitlines()[1].split()[:3] == ["ds_1", "chats", "alpaca"]
    assert run("datasets", "show", "ds_1", "--cutoff-len", "500").stdout.splitlines()[1:] == [
        "  2 of 3 rows are trained on",
        "  1 row left out: no answer",
        "    -> fill output",
        "    line 5: output is empty",
        "  columns that are not read: note",
        "  1 of 2 rows say what an earlier one says",
        "  letters: Latin 75%, Han 25%",
        "  longer than 500 characters, and cut there: 1 to 2 rows",
    ]
    assert run("datasets", "delete", "ds_1").exit_code == 0


def test_clusters(run: Run) -> None:
    _, lab, new = run("clusters", "list").stdout.splitlines()
    assert lab.startswith("lab  ")
    assert "unreachable since " in lab
    assert lab.split()[-5:] == ["3", "of", "8", "1", "2"]
    assert "not yet reached" in new
    shown = run("clusters", "show", "lab").stdout
    assert "1 in trouble" in shown
    assert ["job_7h3k", "watch", "ValueError", "3"] in [line.split()[:4] for line in shown.splitlines()]
    for part in ("Slurm 24.11.5", "no route to host", "gpu (default)", "1 d", "none", "models: tiny-llama, tiny-phi3"):
        assert part in shown


def test_a_wrong_token_is_one_line_and_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKTRAIN_TOKEN", "pt_wrong")
    result = run("show", JOB_ID)
    assert result.exit_code == 1
    assert result.stderr == "error: this token is unknown, expired or revoked (HTTP 401)\n"


def test_without_a_server_the_error_names_address_and_source(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACKTRAIN_URL")
    monkeypatch.delenv("PACKTRAIN_TOKEN")
    assert run("list").exit_code == 2
    Path(".packtrain").mkdir()
    Path(".packtrain/env").write_text(f"PACKTRAIN_URL=http://127.0.0.1:9\nPACKTRAIN_TOKEN={TOKEN}\n", encoding="utf-8")
    result = run("cancel", JOB_ID)
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 (from " in result.stderr
    assert ".packtrain/env" in result.stderr
    assert TOKEN not in result.output
