"""What an attempt of a check runs."""

import json
from dataclasses import fields
from typing import Any

import pytest

from tests.factories import make_cluster_settings
from tuning.datasets.check.cluster_program import Order
from tuning.errors import InvalidInput
from tuning.jobs.attempt.check_archive import check_archive
from tuning.jobs.attempt.check_plan import CheckPlan, plan_check, resolve_places

CLUSTER = make_cluster_settings(allowed_roots=("/shared/data",))
CONFIG = {"dataset": "ds_1", "cluster_path": "/shared/data/x.jsonl"}
RESOURCES = {"cluster": "lab", "nodes": 1, "gpus_per_node": 0, "cpus_per_gpu": 1, "memory": "4G", "time_limit": "60"}


def planned(**config: Any) -> CheckPlan:
    return plan_check("job_1", 2, {**CONFIG, **config}, RESOURCES, CLUSTER)


def test_it_sends_the_program_and_its_order_beside_the_script() -> None:
    plan = planned(tokenizer="tiny-qwen2", purpose="sft")
    assert sorted(plan.files) == ["check.json", "check.pyz", "inside.pyz", "job.sh"]
    assert plan.files["check.pyz"] == check_archive()
    order = json.loads(plan.files["check.json"])
    assert order == {
        "path": "/shared/data/x.jsonl",
        "roots": ["/shared/data"],
        "closed": [f"/shared/packtrain/{name}" for name in ("jobs", "incoming", "datasets", "compiled")],
        "arriving": "/shared/packtrain/jobs/job_1/2/cache/arriving",
        "content": "/shared/packtrain/jobs/job_1/2/cache/content/{sha256}.{extension}",
        "report": "/shared/packtrain/jobs/job_1/output/checked.json",
        "tokenizer": "/shared/models/tiny-qwen2",
        "purpose": "sft",
    }
    assert order.keys() <= {field.name for field in fields(Order)}
    assert Order(**order).format is None


def test_it_is_small_and_asks_for_no_gpu() -> None:
    script = planned().script
    assert "command=check\n" in script
    assert "--gres" not in script
    assert "#SBATCH --cpus-per-task=1\n" in script
    assert "gpu_flags=( )" in script
    assert "/shared/data:/shared/data:ro" in script


def test_it_has_the_sites_options_but_takes_no_whole_node() -> None:
    cluster = CLUSTER.model_copy(update={"sbatch_options": {"reservation": "class", "exclusive": True}})
    script = plan_check("job_1", 2, CONFIG, RESOURCES, cluster).script
    assert "#SBATCH --reservation=class\n" in script
    assert "--exclusive" not in script


def test_no_word_of_a_users_is_in_the_script() -> None:
    assert "x.jsonl" not in planned().script


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("data/x.jsonl", "not an absolute path"),
        ("/shared/data/../x.jsonl", "climbs"),
        ("/shared/data/a b", "characters"),
        ("/shared/data/$(id)", "characters"),
        ("/shared/data/a\x00", "characters"),
        ("/etc/passwd", "outside"),
        ("/shared/database/x", "outside"),
    ],
)
def test_a_path_is_held_to_the_roots(path: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        planned(cluster_path=path)
    (finding,) = refused.value.findings
    assert finding.loc == ("cluster_path",)
    assert finding.hint


def test_our_own_folders_hold_no_data() -> None:
    cluster = make_cluster_settings(allowed_roots=("/shared",))
    for own in ("jobs/job_1/1/secrets/KEY", "incoming/x", "compiled/x"):
        with pytest.raises(InvalidInput, match="own folder"):
            resolve_places({"cluster_path": f"/shared/packtrain/{own}"}, cluster)
    assert resolve_places({"cluster_path": "/shared//x"}, cluster) == {"cluster_path": "/shared/x"}


@pytest.mark.parametrize("tokenizer", ["nobody", "Qwen/Qwen2-7B", "/etc"])
def test_a_tokenizer_is_a_model_of_the_cluster(tokenizer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        planned(tokenizer=tokenizer)
    assert [finding.loc for finding in refused.value.findings] == [("tokenizer",)]
