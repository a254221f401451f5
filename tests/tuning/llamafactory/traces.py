"""Synthetic runs: what LLaMA-Factory would log, when it would end, and what others would have predicted.

Step times are drawn, then the log is written as LogCallback of 0.9.5 writes it (whole seconds, the average of the
process as remaining_time), so that `remaining_time` and tqdm's smoothing can be held against the estimator.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from tuning.llamafactory.plan import Cadence, TrainingPlan
from tuning.llamafactory.trainer_log import LogPoint, PointKind

SCENARIOS = ("evaluations", "saves", "both", "warm_up", "resumed", "slowed")
TQDM_SMOOTHING = 0.3


@dataclass(frozen=True)
class Line:
    """A line, when it was written, and what the other two estimators said at that moment."""

    written_at_seconds: float
    point: LogPoint
    remaining_time_seconds: float
    tqdm_seconds: float


@dataclass(frozen=True)
class Trace:
    """One attempt from the start of its training to its end."""

    scenario: str
    plan: TrainingPlan
    lines: tuple[Line, ...]
    first_step: int
    ends_at_seconds: float
    poll_seconds: float

    def line_at(self, share: float) -> Line:
        """The first line at or after this share of the attempt's steps."""
        last = self.lines[-1].point.current_steps
        wanted = self.first_step + share * (last - self.first_step)
        return next(line for line in self.lines if line.point.current_steps >= wanted)


@dataclass
class _Run:
    """The clock of a simulated process, and tqdm beside it."""

    random: random.Random
    started_at: float
    now: float
    step: int
    total: int
    lines: list[Line] = field(default_factory=list)
    ema_steps: float = 0.0
    ema_seconds: float = 0.0
    last_update_at: float = 0.0

    def update_tqdm(self, steps: int) -> None:
        seconds = self.now - self.last_update_at
        self.ema_steps = TQDM_SMOOTHING * steps + (1 - TQDM_SMOOTHING) * self.ema_steps
        self.ema_seconds = TQDM_SMOOTHING * seconds + (1 - TQDM_SMOOTHING) * self.ema_seconds
        self.last_update_at = self.now

    def log(self, kind: PointKind, tokens_per_step: int) -> None:
        elapsed = self.now - self.started_at
        left = self.total - self.step
        point = LogPoint(
            current_steps=self.step,
            total_steps=self.total,
            kind=kind,
            epoch=3 * self.step / self.total,
            percentage=100 * self.step / self.total,
            values={"eval_loss": 1.0} if kind == "eval" else {"loss": 2.0} if kind == "train" else {},
            elapsed_seconds=int(elapsed),
            total_tokens=self.step * tokens_per_step,
            diverged=False,
        )
        tqdm = left * self.ema_seconds / self.ema_steps
        self.lines.append(Line(self.now, point, int(left * elapsed / self.step), tqdm))


@dataclass(frozen=True)
class _Costs:
    """What was drawn for one run."""

    step_seconds: float
    spread: float
    eval_seconds: float
    save_seconds: float
    compile_seconds: float
    warm_up_steps: float
    slow_from: float
    slow_factor: float
    slow_evaluations: bool
    tail_seconds: float


def make_trace(scenario: str, seed: int) -> Trace:
    """A run drawn from the seed; the same seed gives the same run."""
    draw = random.Random(f"{scenario}-{seed}")  # noqa: S311 - simulated runs, no secrets
    total = draw.randint(150, 1500)
    plan = _draw_plan(draw, scenario, total)
    costs = _draw_costs(draw, scenario, total, plan)
    first_step = round(total * draw.uniform(0.2, 0.7)) if scenario == "resumed" else 0
    started_at = draw.uniform(0, 100)
    run = _Run(draw, started_at, started_at, first_step, total, last_update_at=started_at)
    if first_step:  # transformers skips to the checkpoint, and its bar counts those steps as done in no time
        run.now += draw.uniform(1, 20)
        run.update_tqdm(first_step)
    ends_at = _train(run, plan, costs)
    return Trace(scenario, plan, tuple(run.lines), first_step, ends_at, draw.choice((2.0, 5.0, 10.0)))


def polls(trace: Trace, until_seconds: float) -> Iterator[tuple[float, tuple[LogPoint, ...]]]:
    """Each poll's time with the lines that are new to it; the last one comes at `until_seconds`."""
    start = trace.lines[0].written_at_seconds - 3 * trace.poll_seconds
    at, read = start, 0
    while at < until_seconds:
        at = min(at + trace.poll_seconds, until_seconds)
        fresh = [line.point for line in trace.lines[read:] if line.written_at_seconds <= at]
        read += len(fresh)
        yield at, tuple(fresh)


def log_text(trace: Trace) -> str:
    """The trace's lines as LLaMA-Factory would have written them."""
    return "".join(_json_line(line) for line in trace.lines)


def _draw_plan(draw: random.Random, scenario: str, total: int) -> TrainingPlan:
    mixed = scenario in ("resumed", "warm_up")  # real runs of these kinds evaluate and save too, or do not
    evaluates = scenario in ("evaluations", "both", "slowed") or (mixed and draw.random() < 0.5)
    saves = scenario in ("saves", "both") or (mixed and draw.random() < 0.5)
    val_size = draw.uniform(0.05, 0.2)
    return TrainingPlan(
        logging_steps=10,
        evaluation=Cadence(max(10, total // draw.randint(4, 12) // 10 * 10), "steps", at_end=True)
        if evaluates
        else None,
        saving=Cadence(max(20, total // draw.randint(4, 12)) if saves else 10 * total, "steps", at_end=True),
        evaluates_at_end=evaluates,
        eval_epoch_share=0.35 * val_size / (1 - val_size) if evaluates else None,
    )


def _draw_costs(draw: random.Random, scenario: str, total: int, plan: TrainingPlan) -> _Costs:
    step = draw.choice((0.4, 1.0, 3.0, 10.0, 30.0)) * draw.uniform(0.7, 1.4)
    share = plan.eval_epoch_share or 0.0
    is_warm = scenario == "warm_up"
    saves = plan.saving is not None and plan.saving.every <= total
    return _Costs(
        step_seconds=step,
        spread=draw.uniform(0.03, 0.2),
        eval_seconds=share * (total / 3) * step * draw.uniform(0.6, 1.6),  # the plan's guess is a guess
        save_seconds=step * draw.uniform(2, 12) if saves else draw.uniform(0.2, 3),
        compile_seconds=step * draw.uniform(5, 25) if is_warm else step * draw.uniform(0, 3),
        warm_up_steps=draw.uniform(2, 10) if is_warm else 0.0,
        slow_from=draw.uniform(0.45, 0.55) * total if scenario == "slowed" else total + 1,
        slow_factor=draw.uniform(1.4, 2.5),
        slow_evaluations=draw.random() < 0.5,
        tail_seconds=draw.uniform(2, 8),
    )


def _train(run: _Run, plan: TrainingPlan, costs: _Costs) -> float:
    run.now += costs.compile_seconds
    first = run.step
    while run.step < run.total:
        run.step += 1
        run.now += _step_seconds(run, costs, run.step - first)
        run.update_tqdm(1)
        if run.step % 10 == 0 or run.step == first + 1 == 1:
            run.log("train", 4096)
        if plan.evaluation and plan.evaluation.count(run.step, run.step, run.total, None):
            run.now += _eval_seconds(run, costs)
            run.log("eval", 4096)
        if plan.saving and plan.saving.count(run.step, run.step, run.total, None):
            run.now += costs.save_seconds * run.random.uniform(0.8, 1.3)
    run.log("final", 4096)
    after = _eval_seconds(run, costs) if plan.evaluates_at_end else 0.0
    return run.now + costs.save_seconds + after + costs.tail_seconds


def _step_seconds(run: _Run, costs: _Costs, nth: int) -> float:
    seconds = costs.step_seconds * run.random.lognormvariate(0, costs.spread)
    if costs.warm_up_steps:
        seconds *= 1 + 4 * 0.5 ** (nth / costs.warm_up_steps)
    return seconds * (costs.slow_factor if run.step >= costs.slow_from else 1)


def _eval_seconds(run: _Run, costs: _Costs) -> float:
    is_slow = costs.slow_evaluations and run.step >= costs.slow_from
    return costs.eval_seconds * run.random.uniform(0.95, 1.05) * (costs.slow_factor if is_slow else 1)


def _json_line(line: Line) -> str:
    point = line.point
    named = {"loss": "loss", "eval_loss": "eval_loss"}
    values = "".join(f'"{name}": {point.values[name]}, ' for name in named if name in point.values)
    elapsed = timedelta(seconds=point.elapsed_seconds)
    left = timedelta(seconds=int(line.remaining_time_seconds))
    steps = f'"current_steps": {point.current_steps}, "total_steps": {point.total_steps}'
    times = f'"elapsed_time": "{elapsed}", "remaining_time": "{left}", "total_tokens": {point.total_tokens}'
    return f'{{{steps}, {values}"epoch": {point.epoch}, "percentage": {point.percentage:.2f}, {times}}}\n'
