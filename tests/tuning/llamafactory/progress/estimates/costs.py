"""What the parts of a simulated run take."""

import random
from dataclasses import dataclass

from tuning.llamafactory.config.schedule import TrainingPlan


@dataclass(frozen=True)
class Costs:
    """What was drawn for one run."""

    step_seconds: float
    spread: float
    """Of one step beside the next: the standard deviation of its logarithm."""
    drift: float
    """The same of a level that wanders over some fifty steps: lengths of samples, heat, a shared file system."""
    hiccup_share: float
    """Of the steps that take five to twenty times as long."""
    eval_seconds: float
    save_seconds: float
    compile_seconds: float
    warm_up_steps: float
    """Steps until the slowness of the beginning has halved; 0 = there is none."""
    slow_from: float
    """The step from which on everything takes slow_factor times as long."""
    busy_steps: tuple[tuple[int, int], ...]
    """(first, end): the same for a while, when a neighbour on the node is busy."""
    slow_factor: float
    slow_evaluations: bool
    tail_seconds: float


def draw_costs(draw: random.Random, kind: str, total: int, plan: TrainingPlan) -> Costs:
    """For a run of so many steps."""
    step = draw.choice((0.4, 1.0, 3.0, 10.0, 30.0)) * draw.uniform(0.7, 1.4)
    is_warm = kind == "warm-up"
    return Costs(
        step_seconds=step,
        spread=draw.uniform(0.03, 0.2),
        drift=draw.uniform(0.1, 0.25) if kind == "drifting" else draw.uniform(0, 0.03),
        hiccup_share=draw.uniform(0.005, 0.02) if kind == "hiccups" else 0.0,
        eval_seconds=(plan.eval_epoch_share or 0.0) * (total / 3) * step * draw.uniform(0.6, 1.6),  # the plan guesses
        save_seconds=plan.save_seconds * draw.uniform(0.3, 3),  # the plan guesses
        compile_seconds=step * draw.uniform(5, 25) if is_warm else step * draw.uniform(0, 3),
        warm_up_steps=draw.uniform(2, 10) if is_warm else 0.0,
        slow_from=draw.uniform(0.45, 0.55) * total if kind == "slowed" else total + 1,
        busy_steps=_draw_busy_steps(draw, total) if kind == "neighbours" else (),
        slow_factor=draw.uniform(1.2, 1.6) if kind == "neighbours" else draw.uniform(1.4, 2.5),
        slow_evaluations=draw.random() < 0.5,
        tail_seconds=draw.uniform(2, 8),
    )


def _draw_busy_steps(draw: random.Random, total: int) -> tuple[tuple[int, int], ...]:
    """Some tenths of the run, here and there."""
    lengths = [round(total * draw.uniform(0.03, 0.12)) for _ in range(draw.randint(2, 5))]
    firsts = [draw.randint(0, total) for _ in lengths]
    return tuple((first, first + length) for first, length in zip(firsts, lengths, strict=True))
