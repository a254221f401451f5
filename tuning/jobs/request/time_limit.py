"""Slurm's time limits as text. Pure."""

import re

FORMS = "minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS"
_DAYS = re.compile(r"([0-9]{1,3})-([0-9]{1,6})(?::([0-9]{1,2}))?(?::([0-9]{1,2}))?")
_CLOCK = re.compile(r"(?:([0-9]{1,6}):)?([0-9]{1,6}):([0-9]{1,2})")
_MINUTES = re.compile(r"[0-9]{1,6}")


def parse_time_limit(text: str) -> int:
    """Seconds of a limit in one of sbatch's forms (man sbatch, --time). Raises ValueError with what to give."""
    seconds = _seconds(text)
    if seconds is None:
        raise ValueError(f"{text[:40]!r} is no time limit: give {FORMS}, such as 08:00:00")
    if seconds == 0:
        raise ValueError("a time limit of zero would never run: give such as 08:00:00")
    return seconds


def format_seconds(seconds: int) -> str:
    """The form that Slurm prints: D-HH:MM:SS."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{f'{days}-' if days else ''}{hour:02d}:{minute:02d}:{second:02d}"


def _seconds(text: str) -> int | None:
    if found := _DAYS.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return (hours * 60 + minutes) * 60 + seconds
    if _MINUTES.fullmatch(text):
        return int(text) * 60
    return None
