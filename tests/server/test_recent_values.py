"""Values that are remembered for some seconds."""

from server.recent_values import RecentValues
from tests.factories import Seconds


def test_a_value_is_known_for_so_long() -> None:
    seconds = Seconds()
    values = RecentValues[str, int](5, 10, seconds)
    values.put("a", 1)
    seconds.now += 4.9
    assert values.get("a") == 1
    seconds.now += 0.1
    assert values.get("a") is None
    values.put("a", 2)
    assert (values.get("a"), values.get("b")) == (2, None)


def test_of_too_many_the_oldest_goes() -> None:
    values = RecentValues[int, int](5, 2, Seconds())
    for key in (1, 2, 1, 3):
        values.put(key, key)
    assert [values.get(key) for key in (1, 2, 3)] == [1, None, 3]
