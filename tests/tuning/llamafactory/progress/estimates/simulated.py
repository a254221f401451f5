"""Simulated runs, each drawn from its seed: step times first, then the log as LogCallback of 0.9.5 writes it.

It counts whole seconds from the start of its process, and its remaining_time is the process's average step.
"""

import math
import random
from dataclasses import dataclass, field

from tests.tuning.llamafactory.progress.estimates.costs import Costs, draw_costs
from tests.tuning.llamafactory.progress.estimates.tqdm_bar import TqdmBar
from tests.tuning.llamafactory.progress.estimates.traces import Line, Trace
from tuning.llamafactory.config.schedule import Cadence, TrainingPlan
from tuning.llamafactory.progress.trainer_log import LogPoint, PointKind

KINDS = (
    "plain",
    "evaluations",
    "saves",
    "both",
    "warm-up",
    "resumed",
    "slowed",
    "drifting",
    "hiccups",
    "neighbours",
    "few lines",
)
TOKENS_PER_STEP = 4096


def make_trace(kind: str, seed: int) -> Trace:
    """A run of one of KINDS; the same seed gives the same run."""
    draw = random.Random(f"{kind}-{seed}")  # noqa: S311 - simulated runs, no secrets
    total = draw.randint(150, 1500)
    plan = _draw_plan(draw, kind, total)
    costs = draw_costs(draw, kind, total, plan)
    began_at, first = draw.uniform(0, 100), 0
    earlier: tuple[Line, ...] = ()
    if kind == "resumed":
        first, stopped = _draw_stop(draw, total)
        before = _Process(draw, plan, costs, total, 0, began_at)
        before.train(stopped)
        # half of the time packtrain saw the process before, half of the time it is a run that came from elsewhere
        earlier = tuple(before.lines) if draw.random() < 0.5 else ()
        began_at = before.now + draw.uniform(30, 3600)
    process = _Process(draw, plan, costs, total, first, began_at)
    process.train(total)
    ends_at = process.close()
    return Trace(
        kind=kind,
        plan=plan,
        lines=(*earlier, *process.lines),
        bar=tuple(process.bar.updates),
        began_at_seconds=began_at,
        first_step=first,
        ends_at_seconds=ends_at,
        poll_seconds=draw.choice((2.0, 5.0, 10.0)),
    )


def _draw_stop(draw: random.Random, total: int) -> tuple[int, int]:
    """(the checkpoint from which the second process goes on, the step at which the first one was stopped)"""
    checkpoint = round(total * draw.uniform(0.2, 0.7))
    return checkpoint, checkpoint + draw.randint(0, total // 10)


def _draw_plan(draw: random.Random, kind: str, total: int) -> TrainingPlan:
    mixed = kind not in ("plain", "evaluations", "saves", "both")  # real runs evaluate and save too, or do not
    evaluates = kind in ("evaluations", "both") or (mixed and draw.random() < 0.5)
    saves = kind in ("saves", "both") or (mixed and draw.random() < 0.5)
    every = max(10, total // draw.randint(8, 15)) if kind == "few lines" else 10
    val_size = draw.uniform(0.05, 0.2)
    evaluation = Cadence(max(10, total // draw.randint(4, 12) // 10 * 10), "steps", at_end=True)
    return TrainingPlan(
        logging_steps=every,
        evaluation=evaluation if evaluates else None,
        saving=Cadence(max(20, total // draw.randint(4, 12)) if saves else 10 * total, "steps", at_end=True),
        evaluates_at_end=evaluates,
        eval_epoch_share=0.35 * val_size / (1 - val_size) if evaluates else None,
        save_seconds=draw.choice((1.0, 1.0, 20.0)),  # two of three train an adapter
    )


@dataclass
class _Process:
    """One process that trains, its clock, its log and its bar."""

    draw: random.Random
    plan: TrainingPlan
    costs: Costs
    total: int
    first_step: int
    began_at: float
    lines: list[Line] = field(default_factory=list)
    step: int = 0
    drift: float = 0.0

    def __post_init__(self) -> None:
        self.step, self.now = self.first_step, self.began_at
        self.bar = TqdmBar(self.total, self.began_at)

    def train(self, until_step: int) -> None:
        """Up to and with this step."""
        if self.first_step:  # transformers skips to the checkpoint, and its bar counts those steps as done in no time
            self.now += self.draw.uniform(1, 20)
            self.bar.update(self.first_step, self.now)
        self.now += self.costs.compile_seconds
        while self.step < until_step:
            self._one_step()

    def close(self) -> float:
        """The last line; returns when the process ends."""
        self._log("final")
        after = self._evaluation_seconds() if self.plan.evaluates_at_end else 0.0
        return self.now + self.costs.save_seconds + after + self.costs.tail_seconds

    def _one_step(self) -> None:
        self.step += 1
        self.now += self._step_seconds()
        self.bar.update(1, self.now)
        if self.step % self.plan.logging_steps == 0 or self.step == 1:
            self._log("train")
        if self._is_due(self.plan.evaluation):
            self.now += self._evaluation_seconds()
            self._log("eval")
        if self._is_due(self.plan.saving):
            self.now += self.costs.save_seconds * self.draw.uniform(0.8, 1.3)

    def _is_due(self, cadence: Cadence | None) -> bool:
        return cadence is not None and cadence.count(self.step, self.step, self.total, None) > 0

    def _step_seconds(self) -> float:
        costs, nth = self.costs, self.step - self.first_step
        self.drift = 0.98 * self.drift + self.draw.gauss(0, costs.drift * math.sqrt(1 - 0.98**2))
        seconds = costs.step_seconds * self.draw.lognormvariate(0, costs.spread) * math.exp(self.drift)
        if costs.warm_up_steps:
            seconds *= 1 + 4 * 0.5 ** (nth / costs.warm_up_steps)
        if self.draw.random() < costs.hiccup_share:
            seconds += costs.step_seconds * self.draw.uniform(5, 20)
        return seconds * self._slow_factor()

    def _slow_factor(self) -> float:
        costs = self.costs
        is_busy = any(first <= self.step < end for first, end in costs.busy_steps)
        return costs.slow_factor if is_busy or self.step >= costs.slow_from else 1.0

    def _evaluation_seconds(self) -> float:
        slow = self._slow_factor() if self.costs.slow_evaluations else 1.0
        return self.costs.eval_seconds * self.draw.uniform(0.95, 1.05) * slow

    def _log(self, kind: PointKind) -> None:
        elapsed = self.now - self.began_at
        values: dict[str, float | None] = {"eval_loss": 1.0} if kind == "eval" else {}
        if kind == "train":
            values = {"loss": 2.0}
        point = LogPoint(
            current_steps=self.step,
            total_steps=self.total,
            kind=kind,
            epoch=3 * self.step / self.total,
            percentage=100 * self.step / self.total,
            values=values,
            elapsed_seconds=int(elapsed),
            total_tokens=self.step * TOKENS_PER_STEP,
            diverged=False,
        )
        self.lines.append(Line(self.now, point, int((self.total - self.step) * elapsed / self.step)))
