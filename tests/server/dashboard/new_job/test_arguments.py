"""Arguments for the editor's completion."""

from starlette.testclient import TestClient


def test_arguments_come_with_type_default_values_and_help(signed_in: TestClient) -> None:
    answer = signed_in.get("/jobs/new/arguments", headers={"Accept": "application/json"})
    known = {argument["name"]: argument for argument in answer.json()["arguments"]}
    assert known["lora_rank"] == {
        "name": "lora_rank",
        "type": "int",
        "default": 8,
        "values": [],
        "help": "The intrinsic dimension for LoRA fine-tuning.",
    }
    assert known["bf16"]["values"] == ["true", "false"]
    assert known["stage"]["values"] == ["pt", "sft", "rm", "ppo", "dpo", "kto"]
    assert "qwen" in known["template"]["values"]
    assert "max-age" in answer.headers["cache-control"]
