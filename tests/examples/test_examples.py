"""What we ship as examples is what we would accept, without a word about any row."""

from pathlib import Path

import pytest
import yaml

from tuning.datasets.check.run import validate

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "form", "encoding", "rows"),
    [("ja-en-pairs.json", "alpaca", "json", 312), ("ja-en-chats.jsonl", "sharegpt", "jsonl", 100)],
)
def test_all_rows_of_a_sample_are_trained_on(name: str, form: str, encoding: str, rows: int) -> None:
    with (EXAMPLES / "datasets" / name).open("rb") as stream:
        report = validate(stream).report
    assert (report.format, report.encoding, report.rows, report.kept) == (form, encoding, rows, rows)
    assert (report.problems, report.unused_columns) == ((), ())


def test_the_configuration_leaves_the_data_to_the_job() -> None:
    config = yaml.safe_load((EXAMPLES / "llama3_lora_sft.yaml").read_text(encoding="utf-8"))
    assert (config["model_name_or_path"], config["template"]) == ("tiny-llama", "llama3")
    assert "dataset" not in config


def test_the_examples_stay_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 1_000_000
