"""The permissions of roles. tests/features/rooms tests them over HTTP."""

from itertools import product

import pytest

from app.rooms.policy import RANK, Permission, may, may_remove
from app.wire.domain import Role, RoomKind


def test_every_permission_names_its_roles_for_every_kind_of_room() -> None:
    assert all(permission.roles.keys() == set(RoomKind) for permission in Permission)


def test_every_role_has_a_rank() -> None:
    assert RANK.keys() == set(Role)
    assert len(set(RANK.values())) == len(Role)


@pytest.mark.parametrize("kind", RoomKind)
@pytest.mark.parametrize("permission", Permission, ids=lambda permission: permission.name)
def test_a_higher_role_has_no_fewer_permissions(permission: Permission, kind: RoomKind) -> None:
    allowed = [may(permission, kind, role) for role in sorted(Role, key=RANK.__getitem__)]
    assert allowed == sorted(allowed)


def test_owners_remove_all_roles_and_admins_remove_members() -> None:
    pairs = {(r, t) for r, t in product(Role, Role) if may_remove(r, t)}
    assert pairs == {(Role.OWNER, target) for target in Role} | {(Role.ADMIN, Role.MEMBER)}
