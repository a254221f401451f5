"""Numbers and times in words. Pure; times are shown in the reader's zone."""

from datetime import datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SIZES = ("kB", "MB", "GB", "TB")


def duration(seconds: float) -> str:
    """The two greatest units of a duration: `14 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left = max(0, round(seconds))
    for index, (unit, length) in enumerate(_UNITS[:-1]):
        if left >= length:
            whole, rest = divmod(left, length)
            lesser, lesser_length = _UNITS[index + 1]
            return f"{whole} {unit} {rest // lesser_length} {lesser}" if rest >= lesser_length else f"{whole} {unit}"
    return f"{left} s"


def size(count: int) -> str:
    """A size in bytes: `812 B`, `82.1 MB`."""
    if count < 1000:
        return f"{count} B"
    step = min((len(str(count)) - 1) // 3, len(_SIZES))
    return f"{count / 1000**step:.1f} {_SIZES[step - 1]}"


def clock_time(text: str, now: datetime, *, to_the_second: bool = False) -> str:
    """An RFC 3339 time as `14:32` (or `14:32:07`), with the date where it is not today."""
    moment, today = _moment(text).astimezone(now.tzinfo), now.date()
    if moment.date() == today:
        return moment.strftime("%H:%M:%S" if to_the_second else "%H:%M")
    near = abs(moment - now) < timedelta(days=300)
    return moment.strftime("%b %d %H:%M" if near else "%Y-%m-%d %H:%M")


def age(text: str, now: datetime) -> str:
    """Age of an RFC 3339 time, in its greatest unit: `5 min`."""
    return short_duration((now - _moment(text)).total_seconds())


def short_duration(seconds: float) -> str:
    """The greatest unit of a duration: `5 min`."""
    return " ".join(duration(seconds).split(" ")[:2])


def seconds_between(start: str | None, end: str | None) -> float | None:
    """The seconds between two RFC 3339 times, None when one is unknown."""
    if start is None or end is None:
        return None
    return (_moment(end) - _moment(start)).total_seconds()


def number(value: float) -> str:
    """A measured number with five significant digits: `2.2031`, `2.6316e-05`."""
    return f"{value:.5g}"


def _moment(text: str) -> datetime:
    # Python 3.10 reads no "Z".
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
