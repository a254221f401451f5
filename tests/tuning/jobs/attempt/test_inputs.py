"""Inputs of the next attempt: earlier attempts in their order, data in the job's, saves of other jobs."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_attempt, make_cluster_settings, make_dataset, make_job, make_user
from tuning.errors import InvalidInput
from tuning.jobs.attempt.inputs import attempts_before, keeping_away, learned_before, load_inputs, plan_next
from tuning.jobs.attempt.plan import AttemptPlan
from tuning.llamafactory.progress.eta_state import EtaState, to_json


def test_attempts_before_are_those_of_lower_numbers_the_newest_first(session: Session) -> None:
    job = make_job(session, make_user(session), attempt=3)
    for number in (1, 2, 3):
        make_attempt(session, job, number=number, eta_state=to_json(EtaState(elapsed_before=float(number))))
    assert [attempt.number for attempt in session.scalars(attempts_before(job.id, 3))] == [2, 1]
    learned = learned_before(session, job.id, 3)
    assert learned
    assert learned.elapsed_before == 2.0


def test_inputs_are_gathered_for_each_job(session: Session) -> None:
    owner = make_user(session)
    first, second = make_job(session, owner), make_job(session, owner, kind="predict")
    late, early = make_dataset(session, owner, name="late"), make_dataset(session, owner, name="early")
    cluster, register = make_cluster_settings(), {"identity": {"file_name": "identity.json"}}
    needs = {first.id: (early.id, late.id, "ds_gone")}
    inputs = load_inputs(session, [first, second], needs, cluster, register, lambda wanted: dict.fromkeys(wanted, 9.0))
    assert [data.name for data in inputs[first.id].uploads] == ["early", "late"]
    assert (inputs[first.id].longest_save_elsewhere, inputs[second.id].longest_save_elsewhere) == (9.0, None)
    assert (inputs[second.id].uploads, inputs[second.id].learned) == ([], None)
    assert inputs[first.id].registered == register


def test_data_whose_weights_came_to_light_later_is_not_trained_on_unmasked(session: Session) -> None:
    """Its check may have ended after the job was taken."""
    owner, cluster = make_user(session), make_cluster_settings()
    report = {"turns": [{"up_to": 4, "rows": 1}], "problems": [{"reason": "untrained_history", "rows": 1}]}
    data = make_dataset(session, owner, report=report)
    config = {"model_name_or_path": "tiny-qwen2", "template": "qwen", "stage": "sft"}
    resources = {"cluster": "lab", "nodes": 1, "gpus_per_node": 1, "time_limit": "1:00:00"}
    bare, masked = (
        make_job(session, owner, config={**config, **mask}, resources=resources)
        for mask in ({}, {"mask_history": True})
    )
    needs = dict.fromkeys((bare.id, masked.id), (data.id,))
    inputs = load_inputs(session, [bare, masked], needs, cluster, {}, lambda _: {})
    with pytest.raises(InvalidInput, match="mask_history"):
        plan_next(bare, cluster, inputs[bare.id])
    plan = plan_next(masked, cluster, inputs[masked.id])
    assert isinstance(plan, AttemptPlan)
    assert plan.config["mask_history"] is True


@pytest.mark.parametrize(
    ("asked", "nodes", "excluded"),
    [
        (None, (), None),
        (None, ("n1", "n2"), "n1,n2"),
        ("n[1-3]", ("n7",), "n[1-3],n7"),
        ("n1", ("n1",), "n1"),
        ("n1", ("n" * 500,), "n1"),
    ],
)
def test_nodes_are_left_out_beside_those_of_the_request(
    asked: str | None, nodes: tuple[str, ...], excluded: str | None
) -> None:
    assert keeping_away({"nodes": 1, "exclude": asked}, nodes) == {"nodes": 1, "exclude": excluded}
