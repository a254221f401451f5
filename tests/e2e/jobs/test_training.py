"""Every way of training, each as a real run of a tiny model; the runs are submitted together and share the lab."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import pytest

from packtrain.client import Packtrain
from packtrain.schema import Job, JobFields
from tests.e2e.site import Site, wait_for, wait_status

EXAMPLES = Path(__file__).parents[3] / "examples/datasets"
SECRET = "wandb-key-that-nobody-may-see"
SHORT: dict[str, Any] = {
    "cutoff_len": 128,
    "max_samples": 40,
    "max_steps": 3,
    "logging_steps": 1,
    "gradient_accumulation_steps": 1,
    "per_device_train_batch_size": 2,
    "plot_loss": False,
    "warmup_steps": 0,
    "warmup_ratio": 0,
    "eval_strategy": "no",
    "val_size": 0,
}
QWEN = {"model_name_or_path": "tiny-qwen2", "template": "qwen", **SHORT}
LLAMA = {"model_name_or_path": "tiny-llama", "template": "llama3", **SHORT}
PHI = {"model_name_or_path": "tiny-phi3", "template": "phi", **SHORT}
# DeepSpeed on a CPU: in 32 bits, since LLaMA-Factory refuses bf16 without a GPU unless use_cpu is set.
WIDE = {"bf16": False}

PROMISED = "full"
"""The run that `make test` is content with (tests/e2e/promises.py)."""

Fields = Callable[["Material"], JobFields]


class Material:
    """What the runs learn from, uploaded once, and the jobs by the name of their run."""

    def __init__(self, client: Packtrain, folder: Path) -> None:
        pairs = json.loads((EXAMPLES / "ja-en-pairs.json").read_text(encoding="utf-8"))[:40]
        answers = [pair["output"] for pair in pairs]
        self.pairs = client.upload_dataset(EXAMPLES / "ja-en-pairs.json")["id"]
        self.chats = client.upload_dataset(EXAMPLES / "ja-en-chats.jsonl")["id"]
        ranked = [
            {"instruction": pair["instruction"], "input": pair.get("input", ""), "chosen": good, "rejected": bad}
            for pair, good, bad in zip(pairs, answers, reversed(answers), strict=True)
        ]
        self.ranking = _upload(client, folder / "ranking.jsonl", ranked)
        tagged = [{**pair, "kto_tag": tag} for pair, tag in zip(pairs, cycle((True, False)), strict=False)]
        self.tagged = _upload(client, folder / "kto.jsonl", tagged)
        self.text = _upload(client, folder / "text.jsonl", [{"text": answer} for answer in answers])
        self.jobs: dict[str, Job] = {}


def _upload(client: Packtrain, path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return client.upload_dataset(path)["id"]


def _on_pairs(recipe: str, config: Mapping[str, Any], **more: Any) -> Fields:
    return _on(lambda material: material.pairs, recipe, config, more)


def _on_chats(recipe: str, config: Mapping[str, Any], **more: Any) -> Fields:
    return _on(lambda material: material.chats, recipe, config, more)


def _on(data: Callable[["Material"], str], recipe: str, config: Mapping[str, Any], more: Mapping[str, Any]) -> Fields:
    def fields(material: Material) -> JobFields:
        own = {"recipe": recipe, "config": dict(config), "datasets": [data(material)], **more}
        return cast(JobFields, own)

    return fields


RUNS: dict[str, Fields] = {
    # seed 000: LoRA on one's own alpaca data, metrics to W&B
    "wmt": _on_pairs("wmt-lora-sft", {**LLAMA, "run_name": "wmt", "save_steps": 1}, secrets=["WANDB_API_KEY"],
                     keep_checkpoints=2),
    # seed 002: QLoRA on chats
    "qlora": _on_chats("qlora-sft", QWEN),
    # seed 003: Qwen2 by every method, on one GPU, several, several nodes
    "full": _on_pairs("full-sft", QWEN),
    "freeze": _on_pairs("full-sft", {**QWEN, "finetuning_type": "freeze", "freeze_trainable_layers": 1}),
    "lora": _on_chats("qwen2-lora-sft", QWEN),
    "dora": _on_chats("dora-sft", QWEN),
    "two processes": _on_pairs("full-sft", QWEN, resources={"gpus_per_node": 2}),
    "two nodes": _on_pairs("lora-sft", QWEN, resources={"nodes": 2, "gpus_per_node": 2}),
    "zero0": _on_pairs("full-sft", {**QWEN, **WIDE, "deepspeed": "examples/deepspeed/ds_z0_config.json"},
                       resources={"gpus_per_node": 2}),
    "zero2": _on_pairs("lora-sft", {**QWEN, **WIDE, "deepspeed": "zero2"}, resources={"gpus_per_node": 2}),
    "zero3": _on_pairs("full-sft-zero3", {**QWEN, **WIDE}, resources={"gpus_per_node": 2}),
    # seed 004: Phi-3, evaluated while it trains
    "phi3": _on_chats("phi3-lora-sft", {**PHI, "val_size": 0.1, "eval_strategy": "steps", "eval_steps": 1,
                                        "save_steps": 1}),
    # the other stages
    "pretrain": lambda material: {"recipe": "pretrain", "config": QWEN, "datasets": [material.text]},
    "reward": lambda material: {"recipe": "reward", "config": QWEN, "datasets": [material.ranking]},
    "dpo": lambda material: {"recipe": "dpo", "config": QWEN, "datasets": [material.ranking]},
    "orpo": lambda material: {"recipe": "dpo", "config": {**QWEN, "pref_loss": "orpo"},
                              "datasets": [material.ranking]},
    "simpo": lambda material: {"recipe": "dpo", "config": {**QWEN, "pref_loss": "simpo"},
                               "datasets": [material.ranking]},
    "kto": lambda material: {"recipe": "kto", "config": QWEN, "datasets": [material.tagged]},
    # what is laid over a method
    "rslora": _on_pairs("lora-sft", {**QWEN, "use_rslora": True, "loraplus_lr_ratio": 16.0,
                                     "neftune_noise_alpha": 5, "packing": True}),
    "pissa": _on_pairs("lora-sft", {**QWEN, "pissa_init": True}),
    "early stopping": _on_pairs("lora-sft", {
        **QWEN, "max_steps": 40, "learning_rate": 0.0, "val_size": 0.1, "eval_strategy": "steps", "eval_steps": 1,
        "early_stopping_steps": 2, "metric_for_best_model": "eval_loss",
    }),
    # what is made of the others: they wait for them
    "merge": lambda material: {"recipe": "merge", "source_job": material.jobs["lora"]["id"],
                               "config": {"export_size": 2, "export_legacy_format": False}},
    "predict": lambda material: {"recipe": "predict", "source_job": material.jobs["lora"]["id"],
                                 "datasets": [material.pairs],
                                 "config": {"max_samples": 3, "max_new_tokens": 4, "cutoff_len": 128}},
    "further": lambda material: {"recipe": "phi3-lora-sft", "source_job": material.jobs["phi3"]["id"],
                                 "checkpoint": 2, "config": SHORT, "datasets": [material.chats]},
}  # fmt: skip


@pytest.fixture(scope="module")
def client_of_all(site: Site) -> Iterator[Packtrain]:
    with site.client() as client:
        yield client


@pytest.fixture(scope="module")
def material(
    client_of_all: Packtrain, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Material:
    """Every run that a selected test asks for, submitted: others would stand in the way of the tests that follow."""
    client_of_all.keep_secret("WANDB_API_KEY", SECRET)
    material = Material(client_of_all, tmp_path_factory.mktemp("data"))
    for name in asked_for([item.name for item in request.session.items if item.path == request.path]):
        wish = RUNS[name](material)
        wish["name"] = name
        material.jobs[name] = client_of_all.submit(**wish)
    return material


def asked_for(tests: Sequence[str]) -> list[str]:
    """The run of the promise alone where nothing else is to be seen; some of all others are made of each other."""
    return [PROMISED] if tests == [f"test_it_trains_to_its_end[{PROMISED}]"] else list(RUNS)


def ended(client: Packtrain, material: Material, name: str) -> Job:
    return wait_status(client, material.jobs[name]["id"], "succeeded")


def paths(site: Site, job: Job) -> set[str]:
    return {artifact["path"] for artifact in site.get(f"jobs/{job['id']}/artifacts").json()["data"]}


@pytest.mark.parametrize("name", RUNS)
def test_it_trains_to_its_end(client: Packtrain, material: Material, name: str) -> None:
    job = ended(client, material, name)
    assert job["failure"] is None
    assert job["result"]
    if job["kind"] == "train" and name != "early stopping":
        assert job["result"]["steps"] == 3


def test_the_key_of_wb_is_nowhere_but_in_the_run(site: Site, client: Packtrain, material: Material) -> None:
    job = ended(client, material, "wmt")
    folder = f"packtrain/jobs/{job['id']}"
    assert site.on_cluster(f"grep -rl {SECRET} {folder} || true") == ""
    assert site.on_cluster(f"ls {folder}/1/secrets 2>/dev/null || true") == ""
    shown = [site.get(f"jobs/{job['id']}{what}").text for what in ("", "/script", "/config", "/events", "/logs")]
    logs = site.get(f"jobs/{job['id']}/logs?stream=stderr").text
    assert not any(SECRET in text for text in (*shown, logs))
    assert "wandb" in logs


def test_of_its_checkpoints_the_newest_two_stay(site: Site, client: Packtrain, material: Material) -> None:
    job = ended(client, material, "wmt")

    def steps() -> list[int]:
        return [one["step"] for one in client.checkpoints(job["id"])["data"]]

    wait_for("removal", lambda: steps() == [2, 3] or None)
    client.remove_checkpoint(job["id"], 2)
    wait_for("removal", lambda: steps() == [3] or None)
    assert site.on_cluster(f"ls packtrain/jobs/{job['id']}/output | grep checkpoint") == "checkpoint-3\n"


def test_several_processes_were_really_several(site: Site, client: Packtrain, material: Material) -> None:
    job = ended(client, material, "two nodes")
    log = client.logs(job["id"], stream="stderr", tail=5000).text
    assert "Total train batch size (w. parallel, distributed & accumulation) = 8" in log, "2 each in 4 processes"


@pytest.mark.parametrize(("name", "stage"), [("zero0", 0), ("zero2", 2), ("zero3", 3)])
def test_deepspeed_ran_with_the_file_that_packtrain_wrote(
    site: Site, client: Packtrain, material: Material, name: str, stage: int
) -> None:
    job = ended(client, material, name)
    written = json.loads(site.on_cluster(f"cat packtrain/jobs/{job['id']}/1/deepspeed.json"))
    assert written["zero_optimization"]["stage"] == stage
    assert (
        f"deepspeed: /home/packtrain/packtrain/jobs/{job['id']}/1/deepspeed.json"
        in site.get(f"jobs/{job['id']}/config").text
    )


def test_a_run_that_no_longer_improves_stops_early(client: Packtrain, material: Material) -> None:
    job = ended(client, material, "early stopping")
    assert job["result"]
    assert job["result"]["steps"] < 40
    assert "early" in (job["status_reason"] or "")


def test_a_merged_model_is_whole(site: Site, client: Packtrain, material: Material) -> None:
    job = ended(client, material, "merge")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= paths(site, job)
    assert len(site.get(f"jobs/{job['id']}/archive").content) > 1_000_000


def test_predictions_are_artifacts(client: Packtrain, site: Site, material: Material, tmp_path: Path) -> None:
    job = ended(client, material, "predict")
    assert job["result"]
    assert {"bleu_4", "rouge_l"} <= set(job["result"])
    assert {"generated_predictions.jsonl", "predict_results.json"} <= paths(site, job)
    client.download(job["id"], tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "generated_predictions.jsonl").read_text().splitlines()]
    assert [set(row) for row in rows] == [{"prompt", "predict", "label"}] * 3


def test_it_was_evaluated_while_it_trained(site: Site, client: Packtrain, material: Material) -> None:
    job = ended(client, material, "phi3")
    series = site.get(f"jobs/{job['id']}/metrics").json()["series"]
    assert len(series["eval_loss"]["values"]) >= 3


def test_a_checkpoint_is_trained_further(site: Site, client: Packtrain, material: Material) -> None:
    job, source = ended(client, material, "further"), material.jobs["phi3"]["id"]
    assert f"jobs/{source}/output/checkpoint-2" in site.get(f"jobs/{job['id']}/config").text
    assert "adapter_model.safetensors" in paths(site, job)
