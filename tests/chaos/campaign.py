"""Trials, one after another on one house, and what they have shown."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import median

import httpx

from container.steps import say
from tests.chaos.audit import Finding, audit
from tests.chaos.faults import Fault, all_faults
from tests.chaos.house import House, furnished, until
from tests.chaos.orders import Counter, Receipt, draw_orders
from tests.chaos.points import Strike, SubmissionWatch
from tests.chaos.recovery import await_recovery
from tests.chaos.scene import FaultMissed, Scene
from tests.chaos.site import trial as site_trial
from tests.chaos.site.all_faults import site_faults
from tests.chaos.site.kind import SiteFault
from tests.chaos.site.scene import WronglyEndedError

ONE_LINK_SECONDS = 600.0


class NotOnce(AssertionError):
    """A trial did not end with every accepted job in Slurm once."""


@dataclass(frozen=True)
class Plan:
    """Which trials: each is drawn from the seed and its number alone, so that one can be had again by itself."""

    trials: int
    seed: int
    first: int = 1
    kinds: Sequence[Fault | SiteFault] = (*all_faults(), *site_faults())

    def faults(self) -> Iterator[tuple[int, Fault | SiteFault]]:
        """The trials' numbers and faults: every fault once, in an order by chance, then every fault once more."""
        drawn = _shuffled_for_ever(self.seed, self.kinds)
        return islice(enumerate(drawn, start=1), self.first - 1, self.first - 1 + self.trials)

    def replay(self, number: int) -> str:
        """The command that does one trial again."""
        return f"python -m tests.chaos --seed {self.seed} --first {number} --trials 1"


@dataclass(frozen=True)
class Trial:
    """How one trial went."""

    number: int
    fault: str
    finding: Finding
    seconds: float
    recovery_seconds: float
    """From the end of the fault to the end of the last job."""
    audit_again: Callable[[], Sequence[str]]
    """Nothing has come to its jobs after it was over; returns what is wrong."""
    strikes: Sequence[Strike] = ()

    @property
    def hits(self) -> int:
        """How many strikes came exactly at the point that was wanted, not beyond it."""
        return sum(strike.seen is strike.wanted for strike in self.strikes)


def run(plan: Plan, state: Path) -> list[Trial]:
    """Do the trials. Raises NotOnce at the first that goes wrong; the logs are left in the state folder."""
    say(f"chaos: {plan.trials} trials, seed {plan.seed}")
    done: list[Trial] = []
    with furnished(state) as (house, token):
        for number, fault in plan.faults():
            try:
                done.append(play(house, token, plan.seed, number, fault))
            except (TimeoutError, FaultMissed, WronglyEndedError, RuntimeError, httpx.HTTPError) as error:
                raise NotOnce(_report(plan, state, number, fault.name, [str(error)])) from error
            last = done[-1]
            say(_progress(last))
            if last.finding.complaints:
                raise NotOnce(_report(plan, state, number, fault.name, last.finding.complaints))
        for trial in done:
            if late := trial.audit_again():
                raise NotOnce(_report(plan, state, trial.number, trial.fault, late))
    return done


def play(house: House, token: str, seed: int, number: int, fault: Fault | SiteFault) -> Trial:
    """One trial. Raises what its fault or its recovery raises; what the audit found is in its finding."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 (not a secret)
    house.staff(fault.crew)
    if isinstance(fault, SiteFault):
        return _site_trial(house, token, number, rng, fault)
    house.account(accounting=True)
    return _submission_trial(house, token, number, rng, fault)


def table(done: Iterable[Trial]) -> str:
    """By fault: how often, and how long it took from the end of the fault to the end of the last job."""
    by_fault: dict[str, list[Trial]] = defaultdict(list)
    for trial in done:
        by_fault[trial.fault].append(trial)
    lines = [f"{'fault':42} trials  jobs  on the point  held back  recovery: median  longest"]
    lines += [_line(fault, trials) for fault, trials in sorted(by_fault.items())]
    return "\n".join(lines)


def _line(fault: str, trials: Sequence[Trial]) -> str:
    jobs = sum(trial.finding.jobs for trial in trials)
    held_back = sum(trial.finding.held_back for trial in trials)
    strikes = sum(len(trial.strikes) for trial in trials)
    hits = f"{sum(trial.hits for trial in trials)} of {strikes}" if strikes else "-"
    seconds = [trial.recovery_seconds for trial in trials]
    times = f"{median(seconds):14.1f} s {max(seconds):6.1f} s"
    return f"{fault:42} {len(trials):6} {jobs:5} {hits:>13} {held_back:10} {times}"


def _progress(trial: Trial) -> str:
    struck = ", ".join(strike.seen for strike in trial.strikes)
    return f"{trial.number:4}  {trial.fault:42} {trial.finding.jobs} jobs  {trial.seconds:5.1f} s  {struck}".rstrip()


def _submission_trial(house: House, token: str, number: int, rng: random.Random, fault: Fault) -> Trial:
    prefix, began, counter = _prefix(number), time.monotonic(), Counter(house.url, token)
    watch = SubmissionWatch(house.database, house.cluster, house.proxy, prefix)
    orders = draw_orders(prefix, rng)
    with ThreadPoolExecutor(len(orders)) as pool:
        placed = counter.place(orders, pool)
        fault.strike(Scene(house, watch, rng))
        undone = time.monotonic()
        receipts = [future.result() for future in placed]
    stuck = await_recovery(house, prefix, receipts)
    recovery = time.monotonic() - undone
    finding = audit(house, prefix, receipts)
    _await_one_link(house)
    finding = Finding(stuck + finding.complaints, finding.jobs, finding.held_back)
    again = partial(_late_complaints, house, prefix, receipts)
    return Trial(number, fault.name, finding, time.monotonic() - began, recovery, again, watch.strikes)


def _site_trial(house: House, token: str, number: int, rng: random.Random, fault: SiteFault) -> Trial:
    prefix, began = _prefix(number), time.monotonic()
    expected, recovery = site_trial.play(house, token, prefix, rng, fault)
    complaints = site_trial.judge(house, prefix, expected)
    _await_one_link(house)
    finding = Finding(complaints, len(expected), site_trial.held_back(house, expected))
    again = partial(site_trial.judge, house, prefix, expected)
    return Trial(number, fault.name, finding, time.monotonic() - began, recovery, again)


def _late_complaints(house: House, prefix: str, receipts: Sequence[Receipt]) -> Sequence[str]:
    return audit(house, prefix, receipts).complaints


def _await_one_link(house: House) -> None:
    until("single SSH connection", lambda: house.proxy.links <= 1 or None, ONE_LINK_SECONDS)


def _prefix(number: int) -> str:
    return f"trial-{number}-"


def _shuffled_for_ever(seed: int, kinds: Sequence[Fault | SiteFault]) -> Iterator[Fault | SiteFault]:
    rng = random.Random(seed)  # noqa: S311 (not a secret)
    for _ in count():
        yield from rng.sample(kinds, len(kinds))


def _report(plan: Plan, state: Path, number: int, fault: str, complaints: Sequence[str]) -> str:
    said = "\n  ".join(complaints)
    return f"trial {number} ({fault}), seed {plan.seed}:\n  {said}\nlogs: {state}\nagain: {plan.replay(number)}"
