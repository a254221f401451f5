"""Templates that fit the model's family."""

import pytest

from tuning.llamafactory.kinds import SourceModel
from tuning.recipes.fitting import doubt_template, fitting_template


@pytest.mark.parametrize(
    ("config", "source", "hint"),
    [
        ({"model_name_or_path": "/m/Phi-3-mini-4k-instruct", "template": "qwen"}, None, "phi fits it"),
        ({"template": "qwen"}, SourceModel("/m/Phi-3-mini-4k-instruct", "jobs/job_1/output"), "phi fits it"),
        ({"template": "qwen"}, SourceModel("jobs/job_1/output", None, "phi"), "leave it out: phi is taken over"),
        ({"template": "qwen3"}, SourceModel("/m/Qwen3-8B", "jobs/job_1/output", "qwen3_nothink"), None),
        ({"template": "phi"}, SourceModel("jobs/job_1/output", None, "phi"), None),
        ({"template": "qwen"}, SourceModel("jobs/job_1/output"), None),
        ({}, SourceModel("/m/Phi-3-mini-4k-instruct", "jobs/job_1/output", "phi"), None),
        ({"template": "qwen"}, None, None),
    ],
)
def test_a_template_of_another_family_is_doubted(
    config: dict[str, str], source: SourceModel | None, hint: str | None
) -> None:
    found = list(doubt_template(config, source))
    assert [(finding.severity, finding.hint) for finding in found] == ([("warning", hint)] if hint else [])


def test_a_recipe_without_a_template_gets_that_of_the_models_name() -> None:
    assert fitting_template({"model_name_or_path": "Qwen2.5-7B-Instruct"}) == {"template": "qwen"}
    assert fitting_template({"model_name_or_path": "Qwen2.5-7B-Instruct", "template": "phi"}) == {}
    assert fitting_template({"model_name_or_path": "ours"}) == {}


def test_config_json_tells_the_family_of_a_name_that_says_nothing_or_another() -> None:
    ours = {"model_name_or_path": "ours", "template": "llama3"}
    [finding] = doubt_template(ours, model_type="qwen2")
    assert "which the model's config.json says" in finding.message
    assert list(doubt_template({"model_name_or_path": "llama-3-8b", "template": "qwen"}, model_type="qwen2")) == []
    assert list(doubt_template(ours, model_type="llama")) == [], "many families are Llamas"
