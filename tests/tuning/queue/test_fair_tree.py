"""Fair Tree: level_fs, the walk, ties; and that no member can harm another team's."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tuning.queue.fair_tree import Member, Team, fair_places, level_fs
from tuning.queue.waiting_job import Person


def test_level_fs_is_share_by_part_of_the_use() -> None:
    assert level_fs(shares=40, used=22, all_shares=100, all_used=100) == 40 / 22
    assert level_fs(shares=1, used=0, all_shares=2, all_used=100) == math.inf
    assert level_fs(shares=0, used=0, all_shares=2, all_used=0) == 0


def test_teams_come_before_members() -> None:
    mt = Team("mt", 40, [Member("heavy", 1, 900), Member("light", 1, 100)])
    asr = Team("asr", 60, [Member("idle", 1, 0), Member("busy", 1, 2000)])
    places = fair_places([asr, mt])
    order = sorted(places, key=lambda person: places[person].place)
    assert order == [("mt", "light"), ("mt", "heavy"), ("asr", "idle"), ("asr", "busy")]


def test_members_of_equal_teams_are_walked_together() -> None:
    one = Team("one", 1, [Member("a", 1, 30), Member("b", 1, 70)])
    two = Team("two", 1, [Member("c", 1, 20), Member("d", 1, 80)])
    places = fair_places([one, two])
    assert sorted(places, key=lambda person: places[person].place) == [
        ("two", "c"),
        ("one", "a"),
        ("one", "b"),
        ("two", "d"),
    ]


def test_equal_members_share_a_place_and_the_next_is_after_all_of_them() -> None:
    places = fair_places([Team("t", 1, [Member("a", 1, 5), Member("b", 1, 5), Member("c", 1, 6)])])
    assert [places[Person("t", name)].place for name in "abc"] == [0, 0, 2]


def test_teams_have_places_too() -> None:
    teams = [Team(name, 1, [Member("m", 1, used)]) for name, used in (("a", 9), ("b", 5), ("c", 5), ("d", 1))]
    places = fair_places(teams)
    assert [places[Person(name, "m")].team_place for name in "abcd"] == [3, 1, 1, 0]


def test_without_shares_comes_last() -> None:
    places = fair_places([Team("t", 1, [Member("guest", 0, 0), Member("a", 1, 1e9)])])
    assert places[Person("t", "a")].place < places[Person("t", "guest")].place


def test_nobody_and_a_team_of_nobody_have_no_places() -> None:
    assert fair_places([]) == {}
    assert fair_places([Team("empty", 5, [])]) == {}


def test_negative_use_and_shares_count_as_none() -> None:
    odd = fair_places([Team("t", -1, [Member("a", -1, -5)]), Team("u", 1, [Member("b", 1, 5)])])
    assert odd[Person("u", "b")].place == 0


AMOUNTS = st.one_of(st.just(0.0), st.integers(1, 6).map(float), st.floats(1e-3, 1e9))
MEMBERS = st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=4)
TREES = st.lists(st.tuples(AMOUNTS, MEMBERS), min_size=2, max_size=5)


@given(TREES, st.floats(1e-3, 1e9))
def test_more_use_never_harms_another_team(tree: list[tuple[float, list[tuple[float, float]]]], more: float) -> None:
    teams = [
        Team(f"t{n}", shares, [Member(f"m{m}", own, used) for m, (own, used) in enumerate(members)])
        for n, (shares, members) in enumerate(tree)
    ]
    before = fair_places(teams)
    first = teams[0].members[0]
    greedy = replace(teams[0], members=[replace(first, used=first.used + more), *teams[0].members[1:]])
    after = fair_places([greedy, *teams[1:]])
    assert [p for p in before if p.team != "t0" and after[p].place > before[p].place] == []
    assert after[Person("t0", "m0")].place >= before[Person("t0", "m0")].place


@given(TREES)
def test_places_are_those_of_a_walk(tree: list[tuple[float, list[tuple[float, float]]]]) -> None:
    teams = [
        Team(f"t{n}", shares, [Member(f"m{m}", own, used) for m, (own, used) in enumerate(members)])
        for n, (shares, members) in enumerate(tree)
    ]
    places = fair_places(teams)
    assert len(places) == sum(len(team.members) for team in teams)
    taken = sorted(place.place for place in places.values())
    assert all(place == taken.index(place) for place in taken)
    assert fair_places(reversed(teams)) == places
