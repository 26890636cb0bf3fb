"""Rules about roles. Over HTTP they are tried in tests/features/rooms."""

from itertools import product

import pytest

from app.rooms.policy import ALLOWED, Action, may, may_remove
from app.wire.domain import Role, RoomKind


def test_every_kind_of_room_says_who_may_do_what() -> None:
    assert ALLOWED.keys() == set(RoomKind)
    assert all(table.keys() == set(Action) for table in ALLOWED.values())


@pytest.mark.parametrize("kind", RoomKind)
@pytest.mark.parametrize("action", Action)
def test_who_has_more_rank_may_do_no_less(action: Action, kind: RoomKind) -> None:
    ranks = [may(action, kind, role) for role in (Role.MEMBER, Role.ADMIN, Role.OWNER)]
    assert ranks == sorted(ranks)


def test_whom_one_may_remove() -> None:
    pairs = {(r, t) for r, t in product(Role, Role) if may_remove(r, t)}
    assert pairs == {(Role.OWNER, target) for target in Role} | {(Role.ADMIN, Role.MEMBER)}
