"""Places of which each person gets some, and turns that each person waits for."""

import asyncio

import pytest

from server.http.bounds.shares import Places, Turns
from tuning.errors import TooManyRequests, Unavailable


def test_a_person_has_so_many_and_others_theirs() -> None:
    places = Places("streams", per_person=2)
    with places.place("ada"), places.place("ada"):
        with pytest.raises(TooManyRequests, match="you have 2 streams at once") as refused, places.place("ada"):
            pass
        assert refused.value.retry_after_seconds > 0
        with places.place("bob"):
            pass
    with places.place("ada"):
        pass


def test_all_have_so_many_together() -> None:
    places = Places("uploads", per_person=2, in_all=2)
    with places.place("ada"):
        bobs = places.held_until_closed("bob")
        with pytest.raises(Unavailable, match="all 2 places for uploads"):
            places.held_until_closed("eve")
        bobs.close()
        places.held_until_closed("eve").close()


def test_a_place_comes_back_after_an_error() -> None:
    places = Places("uploads", per_person=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), places.place("ada"):
            raise ValueError("broken")


def test_a_place_is_handed_on_until_it_is_closed() -> None:
    places = Places("streams", per_person=1)
    held = places.held_until_closed("ada")
    with pytest.raises(TooManyRequests):
        places.held_until_closed("ada")
    held.close()
    places.held_until_closed("ada").close()


class TestTurns:
    pytestmark = pytest.mark.anyio

    async def test_of_one_person_are_one_after_the_other(self) -> None:
        turns = Turns(2)
        async with turns.turn("ada"):
            own = asyncio.create_task(_take(turns, "ada"))
            async with turns.turn("grace"):
                await _let_others_run()
                assert not own.done()
        await own

    async def test_are_so_many_at_once(self) -> None:
        turns = Turns(2)
        async with turns.turn("ada"):
            async with turns.turn("grace"):
                third = asyncio.create_task(_take(turns, "mary"))
                await _let_others_run()
                assert not third.done()
            await third

    async def test_are_given_back_by_who_no_longer_waits(self) -> None:
        turns = Turns(1)
        async with turns.turn("ada"):
            waiting = asyncio.create_task(_take(turns, "grace"))
            await _let_others_run()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await _take(turns, "grace")


async def _take(turns: Turns, user_id: str) -> None:
    async with turns.turn(user_id):
        pass


async def _let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
