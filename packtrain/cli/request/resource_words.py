"""Time limits and memory as people write them, in the form that Slurm takes. Pure."""

import re
from decimal import Decimal

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_UNIT_WORDS = {"day": "d", "days": "d", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "min": "m", "mins": "m"}
_UNIT_WORDS |= {"minute": "m", "minutes": "m", "sec": "s", "secs": "s", "second": "s", "seconds": "s"}
_PART = r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*([a-z]+)\s*"
_TIME = re.compile(f"(?:{_PART})+")
_MEMORY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?\s*([KMGT])(?:I?B)?")
_SMALLER = {"T": "G", "G": "M", "M": "K", "K": "K"}


def slurm_time(text: str) -> str:
    """`8h`, `90min`, `1d 12h` as D-HH:MM:SS; all else, Slurm's own forms among it, as it stands."""
    words = text.strip().lower()
    if not _TIME.fullmatch(words):
        return text
    parts = [(Decimal(count), _UNIT_WORDS.get(unit, unit)) for count, unit in re.findall(_PART, words)]
    if any(unit not in _SECONDS for _, unit in parts):
        return text
    minutes, seconds = divmod(int(sum(count * _SECONDS[unit] for count, unit in parts)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours:02}:{minutes:02}:{seconds:02}"
    return f"{days}-{clock}" if days else clock


def slurm_memory(text: str) -> str:
    """`64GB`, `64 GiB`, `1.5T` as a number and K, M, G or T; all else as it stands."""
    match = _MEMORY.fullmatch(text.strip().upper())
    if match is None:
        return text
    whole, fraction, unit = match.groups()
    if fraction is None:
        return f"{whole}{unit}"
    return f"{int(Decimal(f'{whole}.{fraction}') * 1024)}{_SMALLER[unit]}" if unit != "K" else f"{whole}K"
