"""Next checkpoints of runs that log seldom: one path of each is looked for with the other files of a cycle."""

from collections.abc import Collection, Iterable

from tuning.jobs.layout import output_directory
from tuning.jobs.queries.driver import LiveAttempt

_Key = tuple[str, int]


class ExpectedCheckpoints:
    """Step of the next checkpoint, by attempt. In memory: a new worker learns it with the next estimate."""

    def __init__(self) -> None:
        self._steps: dict[_Key, int] = {}

    def expect(self, attempt: LiveAttempt, step: int | None) -> None:
        """From now on this one is looked for, or none."""
        if step is None:
            self._steps.pop((attempt.job_id, attempt.number), None)
        else:
            self._steps[attempt.job_id, attempt.number] = step

    def step_of(self, attempt: LiveAttempt) -> int | None:
        """The step that is looked for."""
        return self._steps.get((attempt.job_id, attempt.number))

    def path_of(self, root: str, attempt: LiveAttempt) -> str | None:
        """The file that a checkpoint has when it is whole."""
        step = self.step_of(attempt)
        return f"{output_directory(root, attempt.job_id)}/checkpoint-{step}/trainer_state.json" if step else None

    def paths(self, root: str, attempts: Iterable[LiveAttempt]) -> list[str]:
        """The files to look for."""
        return [path for attempt in attempts if (path := self.path_of(root, attempt)) is not None]

    def keep_only(self, attempts: Collection[LiveAttempt]) -> None:
        """Forget those of all others: they have ended."""
        live = {(attempt.job_id, attempt.number) for attempt in attempts}
        self._steps = {key: step for key, step in self._steps.items() if key in live}
