"""A workload under packtrain's order and under the yardsticks FIFO and EASY."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuning.queue.order import Weights
from tuning.queue.simulation.engine import AtLook, StartedJob, go_on, simulate
from tuning.queue.simulation.measures import Measures, measure, waits_beyond_bound
from tuning.queue.simulation.policies import Easy, FairQueue, Fifo
from tuning.queue.simulation.trace import Trace


@dataclass(frozen=True)
class Comparison:
    """Measures of a workload under each order, by its name."""

    runs: Mapping[str, Sequence[StartedJob]]
    measures: Mapping[str, Measures]
    beyond_bound: int
    """Jobs that waited longer under packtrain's order than its bound says."""


def compare(trace: Trace, weights: Weights, at_look: AtLook = go_on) -> Comparison:
    """All three, one after the other; `at_look` may raise to end it."""
    ours = FairQueue((job.person for job in trace.jobs), weights)
    runs = {policy.name: simulate(trace, policy, at_look) for policy in (Fifo(), Easy(), ours)}
    measures = {name: measure(its, trace.gpus) for name, its in runs.items()}
    return Comparison(runs, measures, waits_beyond_bound(runs[ours.name], weights.overdue_seconds))
