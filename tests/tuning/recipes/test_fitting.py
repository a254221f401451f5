"""Templates that fit the model's family."""

import pytest

from tuning.llamafactory.kinds import SourceModel
from tuning.recipes.fitting import doubt_template


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
