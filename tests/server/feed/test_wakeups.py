"""Waking those who wait."""

import asyncio

import pytest

from server.feed.wakeups import Bells

pytestmark = pytest.mark.anyio


async def test_only_who_listens_to_the_subject_is_woken() -> None:
    bells = Bells()
    with bells.listen("one") as one, bells.listen("two") as two:
        await bells.ring({"one", "nobody"})
        assert await one.wait(0)
        assert not await two.wait(0)


async def test_a_ring_between_two_waits_is_not_lost() -> None:
    bells = Bells()
    with bells.listen("one") as listener:
        await bells.ring({"one"})
        assert await listener.wait(60)
        assert not await listener.wait(0)


async def test_who_listens_to_several_subjects_is_woken_by_each() -> None:
    bells = Bells()
    with bells.listen("one", "two") as listener:
        for subject in ("one", "two"):
            await bells.ring({subject})
            assert await listener.wait(0)


async def test_nothing_is_left_of_those_who_went() -> None:
    bells = Bells()
    with bells.listen("one"), bells.listen("one", "two"):
        assert bells.subjects() == {"one", "two"}
    assert bells.subjects() == frozenset()


async def test_a_crowd_is_woken_in_handfuls_between_which_others_are_served() -> None:
    bells = Bells()
    served: list[int] = []
    woken: list[int] = []

    async def waits() -> None:
        with bells.listen("one") as listener:
            await listener.wait(60)
            woken.append(1)

    async def serve_others() -> None:
        while len(woken) < 200:
            served.append(len(woken))
            await asyncio.sleep(0)

    crowd = [asyncio.create_task(waits()) for _ in range(200)]
    await asyncio.sleep(0)
    others = asyncio.create_task(serve_others())
    await bells.ring({"one"})
    await asyncio.gather(*crowd, others)
    assert len({count for count in served if 0 < count < 200}) >= 3


async def test_all_are_woken_when_the_server_stops() -> None:
    bells = Bells()
    with bells.listen("one") as one, bells.listen("two") as two:
        bells.ring_at_once()
        assert await one.wait(0)
        assert await two.wait(0)
