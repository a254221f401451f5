"""Roles and teams by groups, in examples and in laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.people.groups import given_by
from tuning.people.roles import Role

GRANTS = {"mt": ("team:mt",), "leads": ("lead:mt",), "asr": ("team:asr", "team:all"), "admins": ("administrator",)}
_WORDS = st.sampled_from(["team:a", "team:b", "lead:a", "administrator", "viewer"])
_GROUPS = st.sampled_from(["g1", "g2", "g3"])


@pytest.mark.parametrize(
    ("groups", "teams"),
    [
        ([], {}),
        (["mt"], {"mt": False}),
        (["leads"], {"mt": True}),
        (["mt", "leads", "asr", "unknown"], {"mt": True, "asr": None, "all": None}),
    ],
)
def test_groups_give_teams(groups: list[str], teams: dict[str, bool | None]) -> None:
    given_now = given_by(GRANTS, groups, Role.MEMBER)
    assert given_now.teams == teams
    assert given_now.ruled_teams == {"mt", "asr", "all"}


@pytest.mark.parametrize(
    ("grants", "groups", "role", "given_role"),
    [
        (GRANTS, ["admins"], Role.MEMBER, Role.ADMINISTRATOR),
        (GRANTS, [], Role.ADMINISTRATOR, Role.MEMBER),
        (GRANTS, [], Role.MEMBER, None),
        (GRANTS, [], Role.VIEWER, None),
        ({"guests": ("viewer",)}, ["guests"], Role.MEMBER, Role.VIEWER),
        ({"guests": ("viewer",)}, [], Role.VIEWER, Role.MEMBER),
        ({"guests": ("viewer",)}, ["guests"], Role.ADMINISTRATOR, None),
        ({"both": ("viewer", "administrator")}, ["both"], Role.MEMBER, Role.ADMINISTRATOR),
        ({}, ["admins"], Role.ADMINISTRATOR, None),
    ],
)
def test_groups_give_and_take_the_roles_that_they_rule(
    grants: dict[str, tuple[str, ...]], groups: list[str], role: Role, given_role: Role | None
) -> None:
    assert given_by(grants, groups, role).role is given_role


@given(st.dictionaries(_GROUPS, st.lists(_WORDS)), st.sets(_GROUPS), st.sampled_from(Role))
def test_what_is_given_twice_is_given_once(grants: dict[str, list[str]], groups: set[str], role: Role) -> None:
    first = given_by(grants, groups, role)
    again = given_by(grants, groups, first.role or role)
    assert again.teams == first.teams
    assert again.role in (None, first.role)
    assert set(first.teams) <= first.ruled_teams


@given(st.dictionaries(_GROUPS, st.lists(_WORDS)), st.sets(_GROUPS), st.sampled_from(Role))
def test_nobody_is_an_administrator_but_by_a_group_or_by_hand(
    grants: dict[str, list[str]], groups: set[str], role: Role
) -> None:
    own = {word for group in groups for word in grants.get(group, ())}
    if given_by(grants, groups, role).role is Role.ADMINISTRATOR:
        assert "administrator" in own
