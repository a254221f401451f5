"""Permissions of each scope."""

from itertools import product

import pytest

from tuning.people.roles import Role
from tuning.people.scopes import Scope, narrowest, usual_scope, widest

_MAY = {
    Scope.READ: {Scope.READ},
    Scope.SUBMIT: {Scope.READ, Scope.SUBMIT},
    Scope.ADMIN: {Scope.READ, Scope.SUBMIT, Scope.ADMIN},
}


@pytest.mark.parametrize(("own", "needed"), list(product(Scope, Scope)))
def test_every_pair(own: Scope, needed: Scope) -> None:
    assert own.includes(needed) == (needed in _MAY[own])
    assert set(own.all()) == _MAY[own]
    assert _MAY[widest([own, needed])] == _MAY[own] | _MAY[needed]
    assert _MAY[narrowest(own, needed)] == _MAY[own] & _MAY[needed]


def test_the_usual_ones() -> None:
    assert usual_scope(Role.ADMINISTRATOR) is Scope.ADMIN
    assert usual_scope(Role.MEMBER) is Scope.SUBMIT
    assert usual_scope(Role.VIEWER) is Scope.READ
