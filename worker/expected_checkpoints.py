"""Next checkpoints of runs: their files are looked for with the other files of a cycle, at no further command."""

from collections.abc import Collection, Iterable

from tuning.jobs.layout import output_directory
from tuning.jobs.queries.driver import LiveAttempt
from tuning.llamafactory.progress.checkpoints import due_checkpoints, next_checkpoint
from tuning.llamafactory.progress.eta_state import EtaState

_Key = tuple[str, int]


class ExpectedCheckpoints:
    """Steps of checkpoints, by attempt. In memory: a new worker learns them with the next estimate."""

    def __init__(self) -> None:
        self._steps: dict[_Key, int] = {}
        self._due: dict[_Key, tuple[int, ...]] = {}
        self._newest_told: dict[_Key, int] = {}

    def expect(self, attempt: LiveAttempt, state: EtaState) -> None:
        """From now on those that follow from this state are looked for."""
        key = (attempt.job_id, attempt.number)
        self._due[key] = due_checkpoints(state)
        step = next_checkpoint(state)
        if step is None:
            self._steps.pop(key, None)
        else:
            self._steps[key] = step

    def expect_no_news(self, attempt: LiveAttempt) -> None:
        """Note that the checkpoint that would tell of progress is there, and tells nothing."""
        self._steps.pop((attempt.job_id, attempt.number), None)

    def step_of(self, attempt: LiveAttempt) -> int | None:
        """The step of the one that tells of progress."""
        return self._steps.get((attempt.job_id, attempt.number))

    def path_of(self, root: str, attempt: LiveAttempt) -> str | None:
        """The file that this one has when it is whole."""
        step = self.step_of(attempt)
        return _path(root, attempt, step) if step else None

    def untold(self, root: str, attempt: LiveAttempt) -> dict[int, str]:
        """Checkpoints whose saving was not told yet: the files that they have when they are whole, by step."""
        key = (attempt.job_id, attempt.number)
        newest_told = self._newest_told.get(key, 0)
        return {step: _path(root, attempt, step) for step in self._due.get(key, ()) if step > newest_told}

    def told(self, attempt: LiveAttempt, step: int) -> None:
        """People were told that this one was saved: neither it nor an older one is looked for again."""
        key = (attempt.job_id, attempt.number)
        self._newest_told[key] = max(step, self._newest_told.get(key, 0))

    def paths(self, root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
        """The files to look for."""
        return [path for attempt in attempts for path in self._paths(root, attempt)]

    def keep_only(self, attempts: Collection[LiveAttempt]) -> None:
        """Forget those of all others: they have ended."""
        live = {(attempt.job_id, attempt.number) for attempt in attempts}
        self._steps = {key: step for key, step in self._steps.items() if key in live}
        self._due = {key: steps for key, steps in self._due.items() if key in live}
        self._newest_told = {key: step for key, step in self._newest_told.items() if key in live}

    def _paths(self, root: str, attempt: LiveAttempt) -> list[str]:
        telling = self.path_of(root, attempt)
        own = [telling] if telling is not None else []
        return list(dict.fromkeys([*own, *self.untold(root, attempt).values()]))


def _path(root: str, attempt: LiveAttempt, step: int) -> str:
    return f"{output_directory(root, attempt.job_id)}/checkpoint-{step}/trainer_state.json"
