from collections.abc import Sequence
from typing import cast

import pytest

from packtrain.errors import ServerUnreachable
from packtrain.schema import Job, Progress
from packtrain.transport.long_poll import WAIT_SECONDS, Clock, Outage, follow
from tests.packtrain.stub_server import JOB_ID, job_json


class Script:
    """Answers in their order to whoever asks for the progress, and a clock that moves only when somebody sleeps."""

    def __init__(self, answers: Sequence[Job | ServerUnreachable]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int | None, int]] = []
        self.seconds = 0.0
        self.clock = Clock(read=lambda: self.seconds, sleep=self._sleep)

    def job(self, job_id: str) -> Job:
        answer = self.answers[0]
        if isinstance(answer, ServerUnreachable):
            raise answer
        return answer

    def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
        self.asked.append((since, wait_seconds))
        if len(self.answers) > 1:
            self.answers.pop(0)
        return self.job(job_id)["progress"]

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


def _job(**progress: object) -> Job:
    return cast(Job, job_json(progress=progress))


AWAY = ServerUnreachable("nobody")


def test_every_change_comes_once_and_the_end_is_the_last() -> None:
    queued, running, done = (
        _job(),
        _job(version=2, status="running"),
        _job(version=3, status="succeeded"),
    )
    script = Script([queued, queued, running, running, done])
    assert list(follow(script, JOB_ID, clock=script.clock)) == [queued, running, done]
    assert script.asked == [(version, WAIT_SECONDS) for version in (1, 1, 2, 2)]


def test_a_new_place_in_the_queue_is_a_change_though_the_version_stays() -> None:
    third, second, done = (
        _job(queue_position=3),
        _job(queue_position=2),
        _job(version=2, status="cancelled"),
    )
    script = Script([third, second, done])
    assert list(follow(script, JOB_ID, clock=script.clock)) == [third, second, done]


def test_a_worker_that_is_gone_is_a_change_though_the_version_stays() -> None:
    running, alone, done = (
        _job(status="running"),
        _job(status="running", unattended_since="2026-11-21T11:40:00Z"),
        _job(version=2, status="cancelled"),
    )
    script = Script([running, alone, done])
    assert list(follow(script, JOB_ID, clock=script.clock)) == [running, alone, done]


def test_an_outage_is_told_and_sat_out_and_what_follows_is_shown_again() -> None:
    running, done = _job(status="running"), _job(version=2, status="succeeded")
    script = Script([running, AWAY, AWAY, running, done])
    updates = list(follow(script, JOB_ID, clock=script.clock))
    assert updates == [running, Outage(0.0, AWAY), Outage(5.0, AWAY), running, done]


def test_patience_ends() -> None:
    script = Script([_job(), AWAY])
    updates = follow(script, JOB_ID, patience_seconds=60.0, clock=script.clock)
    with pytest.raises(ServerUnreachable):
        list(updates)
    assert 60.0 < script.seconds < 70.0


def test_patience_counts_each_outage_for_itself() -> None:
    running, later = _job(status="running"), _job(version=2, status="running")
    ten_times_away = [AWAY] * 10
    done = _job(version=3, status="succeeded")
    script = Script([running, *ten_times_away, later, *ten_times_away, done])
    assert list(follow(script, JOB_ID, patience_seconds=60.0, clock=script.clock))[-1] == done


def test_a_first_question_without_an_answer_is_told_at_once() -> None:
    with pytest.raises(ServerUnreachable):
        list(follow(Script([AWAY]), JOB_ID))


def test_an_outage_between_the_progress_and_the_job_is_sat_out_too() -> None:
    class Half(Script):
        def job(self, job_id: str) -> Job:
            if len(self.asked) == 1 and not self.seconds:
                raise AWAY
            return super().job(job_id)

        def progress(self, job_id: str, *, since: int | None = None, wait_seconds: int = 0) -> Progress:
            self.asked.append((since, wait_seconds))
            return done["progress"]

    running, done = _job(status="running"), _job(version=2, status="succeeded")
    script = Half([running])
    updates = follow(script, JOB_ID, clock=script.clock)
    assert next(updates) == running
    assert next(updates) == Outage(0.0, AWAY)
    script.answers = [done]
    assert list(updates) == [done]
