"""Why a pending job waits, by the names that Slurm has for it."""

import pytest

from tuning.slurm.pending_reasons import meaning_of_reason, waiting_words

PER_JOB = (
    "QOSMaxGRESPerJob", "QOSMaxCpuPerJobLimit", "QOSMaxNodePerJobLimit", "QOSMaxWallDurationPerJobLimit",
    "QOSMaxMemoryPerJob", "AssocMaxGRESPerJob", "AssocMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit",
    "QOSMaxGRESMinutesPerJob", "AssocMaxCPUMinutesPerJobLimit", "QOSMaxGRESPerNode", "QOSTimeLimit",
)  # fmt: skip
BUDGETS = ("AssocGrpGRESMinutes", "QOSGrpGRESMinutes", "AssocGrpCPUMinutesLimit", "QOSGrpCPUMinutesLimit",
           "AssocGrpBillingMinutes")  # fmt: skip
IN_USE = (
    "QOSGrpGRES", "AssocGrpGRES", "QOSMaxGRESPerUser", "QOSMaxGRESPerAccount", "QOSMaxCpuPerUserLimit",
    "QOSMaxJobsPerUserLimit", "AssocMaxJobsLimit", "QOSGrpNodeLimit", "AssocGrpJobsLimit", "QOSJobLimit",
    "QOSMaxNodePerUserLimit", "AssocGrpMemLimit", "QOSResourceLimit",
)  # fmt: skip


@pytest.mark.parametrize("reason", PER_JOB)
def test_a_job_that_is_too_large_never_starts_by_itself(reason: str) -> None:
    meaning = meaning_of_reason(reason)
    assert meaning
    assert (meaning.starts_by_itself, meaning.is_of_size) == (False, True)
    assert str(waiting_words(reason)).startswith("it does not start by itself: a job of its size is more than")


@pytest.mark.parametrize("reason", BUDGETS)
def test_a_budget_that_is_used_up_stops_all_of_the_account(reason: str) -> None:
    meaning = meaning_of_reason(reason)
    assert meaning
    assert (meaning.starts_by_itself, meaning.is_of_all) == (False, True)
    assert "the budget of its account or QOS is used up" in str(waiting_words(reason))


@pytest.mark.parametrize("reason", IN_USE)
def test_a_limit_that_others_use_up_is_waited_for(reason: str) -> None:
    meaning = meaning_of_reason(reason)
    assert meaning
    assert (meaning.starts_by_itself, meaning.is_of_all, meaning.is_of_size) == (True, False, False)
    assert str(waiting_words(reason)).startswith("others of its account or QOS use what is allowed at once")


@pytest.mark.parametrize("reason", ["AssocGrpGRESRunMinutes", "QOSGrpCPURunMinutesLimit"])
def test_running_jobs_may_use_up_the_minutes_of_an_account_for_a_while(reason: str) -> None:
    assert str(waiting_words(reason)).startswith("running jobs of its account")


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin", "BadConstraints", "InvalidQOS", "QOSMinGRES"])
def test_what_is_to_be_done_is_said(reason: str) -> None:
    assert str(waiting_words(reason)).startswith("it does not start by itself: ")


AWAY = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"


@pytest.mark.parametrize("reason", ["ReqNodeNotAvail", "ReqNodeNotAvail, UnavailableNodes:n[1-2]", AWAY])
def test_nodes_that_are_away_are_waited_for(reason: str) -> None:
    assert str(waiting_words(reason)).startswith("nodes that it needs are down")


@pytest.mark.parametrize("reason", [None, "Priority", "Resources", "None", "Dependency", "a\nb", ""])
def test_of_a_turn_that_is_waited_for_nothing_is_said(reason: str | None) -> None:
    assert waiting_words(reason) is None
