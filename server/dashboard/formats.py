"""Durations, sizes and numbers as pages show them. Pure."""

import math
from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_ABSENT = "–"
_LARGEST_WRITTEN_OUT = 1e15


def duration(seconds: float | None) -> str:
    """`45 s`, `3 min`, `1 h 20 min`, `2 d 4 h`; a dash for None."""
    if seconds is None or not math.isfinite(seconds):
        return _ABSENT
    whole = max(round(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def size(count_bytes: float | None) -> str:
    """`812 B`, `1.4 GB`, in powers of 1000; a dash for None."""
    if count_bytes is None:
        return _ABSENT
    value, unit = float(count_bytes), 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_SIZES[unit]}" if unit == 0 or value >= 99.5 else f"{value:.1f} {_SIZES[unit]}"


def number(value: float | None, digits: int = 4) -> str:
    """With this many significant digits, thin spaces between thousands; a dash for None."""
    if value is None:
        return _ABSENT
    if not math.isfinite(value):
        return str(value)
    if abs(value) < _LARGEST_WRITTEN_OUT and (float(value).is_integer() or abs(value) >= 10**digits):
        value = round(value)
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """`37 %`, and `99 %` until it is whole; a dash for None."""
    if value is None:
        return _ABSENT
    return f"{math.floor(min(max(value, 0.0), 100.0))} %"


def iso_time(seconds: float) -> str:
    """A time (seconds since 1970) for `<time datetime>`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large} {unit} {small} {small_unit}" if small else f"{large} {unit}"
