"""Reasons for which Slurm lets a job wait, in words: whether it will start by itself, and what to do. Pure.

squeue(1) "JOB REASON CODES" and job_reason_string() of 22.05 to 24.11: the names of limits are made of parts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HELD_AFTER_LAUNCH = frozenset({"launch failed requeued held", "JobHoldMaxRequeue"})
"""Reasons with which Slurm holds a job that its nodes could not start."""
_LESS = "ask for less, or for another QOS or account (packtrain retry)"
_SMALLER = "cancel it and retry it with other resources"


@dataclass(frozen=True)
class WaitingReason:
    """Meaning of a reason."""

    words: str
    starts_by_itself: bool = True
    is_of_all: bool = False
    """Whether each job of the same account and QOS waits for the same."""
    is_of_size: bool = False
    """Whether each job of the same account and QOS that asks for as much does not start either."""


def _never(words: str) -> WaitingReason:
    return WaitingReason(words, starts_by_itself=False)


_EXACT: Mapping[str, WaitingReason] = {
    "DependencyNeverSatisfied": _never("the job that it waits for has failed: cancel it and retry"),
    "JobHeldAdmin": _never("an administrator of the cluster holds it: ask them"),
    "job requeued in held state": _never("an administrator of the cluster put it back and holds it: ask them"),
    "JobHeldUser": _never("somebody held it in Slurm: `scontrol release` there, or cancel it and retry"),
    "BadConstraints": _never(f"no node has what it asks for: {_SMALLER}"),
    "AccountNotAllowed": _never("its account may not use the partition: retry with another account or partition"),
    "QOSNotAllowed": _never("its QOS may not use the partition: retry with another QOS or partition"),
    "InvalidAccount": _never("its account does not exist: retry with another"),
    "InvalidQOS": _never("its QOS does not exist: retry with another"),
    "PartitionTimeLimit": _never("it asks for more time than the partition allows: retry with a shorter time_limit"),
    "PartitionNodeLimit": _never("it asks for more or fewer nodes than the partition allows: retry with others"),
    "ReservationDeleted": _never("its reservation is gone: retry without it"),
    "DeadLine": _never("it cannot end before its deadline"),
    "AccountingPolicy": _never("the site's accounting forbids it: ask the operator"),
    "BeginTime": WaitingReason("Slurm put it back and starts it again after a pause"),
    "PartitionDown": WaitingReason("its partition is down: it starts when the site has it up again"),
    "PartitionInactive": WaitingReason("its partition is inactive: it starts when the site has it up again"),
    "Reservation": WaitingReason("it waits for its reservation to begin"),
    "ReqNodeNotAvail": WaitingReason("nodes that it needs are down, drained or reserved for somebody else"),
    "Licenses": WaitingReason("the licenses that it asks for are in use"),
    "QOSUsageThreshold": WaitingReason("its QOS lets nobody start who has used so much: ask the site", is_of_all=True),
}
_PATTERNS: tuple[tuple[str, WaitingReason], ...] = (
    (r"Nodes.required.for.job.are.DOWN.*", _EXACT["ReqNodeNotAvail"]),
    (r"ReqNodeNotAvail.*", _EXACT["ReqNodeNotAvail"]),
    (
        r"(QOS|Assoc\w*?)Max\w*(PerJob|PerNode)\w*|QOSTimeLimit|AssocTimeLimit|Association(Time|Resource)Limit",
        WaitingReason(f"a job of its size is more than its QOS or account allows: {_LESS}", False, is_of_size=True),
    ),
    (r"QOSMin\w+", _never("it asks for less than its QOS wants: retry with more, or with another QOS")),
    (
        r"(QOS|Assoc)Grp\w*RunMin(ute)?s\w*",
        WaitingReason(
            "running jobs of its account or QOS have as much time left as is allowed at once", is_of_all=True
        ),
    ),
    (
        r"(QOS|Assoc)Grp\w*(Minutes|Billing\w*)(Limit)?",
        WaitingReason(
            "the budget of its account or QOS is used up: ask the site for more, or retry with another account",
            False,
            is_of_all=True,
        ),
    ),
    (
        r"(QOS|Assoc)\w*(Grp|Max)\w+|(QOS|Assoc\w*?)JobLimit|QOSResourceLimit|AssocMaxJobsLimit|MaxMemPerLimit",
        WaitingReason("others of its account or QOS use what is allowed at once: it starts when some of them end"),
    ),
)


def meaning_of_reason(reason: str | None) -> WaitingReason | None:
    """The meaning of a pending job's reason; None where it just waits for its turn, or nobody knows."""
    if reason is None or reason in _EXACT:
        return _EXACT.get(reason or "")
    return next((meaning for pattern, meaning in _PATTERNS if re.fullmatch(pattern, reason)), None)


def waiting_words(reason: str | None) -> str | None:
    """Explanation of a pending job's reason, and what to do; None where it just waits for its turn."""
    meaning = meaning_of_reason(reason)
    if meaning is None or meaning.starts_by_itself:
        return meaning.words if meaning else None
    return f"it does not start by itself: {meaning.words}"
