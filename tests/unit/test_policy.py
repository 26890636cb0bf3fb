"""The permissions of roles and what changes them. tests/features/rooms tests them over HTTP."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from app.rooms.overrides import NO_OVERRIDE, NO_OVERRIDES, Override, parse_overrides
from app.rooms.policy import RANK, RULES, outranks
from app.rooms.standing import Standing, find_permissions, may
from app.wire.domain import Permission, Role, RoomKind
from app.wire.overrides import FIXED

USER = uuid4()
ANNOUNCEMENT = '{"announcement": true}'


def standing(role: Role | None, kind: RoomKind = RoomKind.PRIVATE, **more: object) -> Standing:
    values: dict[str, object] = {"overrides": None, "settings": None} | more
    return Standing(USER, False, kind, role, **values)  # type: ignore[arg-type]


def test_every_permission_names_its_roles_for_every_kind_of_room() -> None:
    assert RULES.keys() == set(Permission)
    assert all(rule.roles.keys() == set(RoomKind) for rule in RULES.values())


def test_every_role_has_a_rank() -> None:
    assert RANK.keys() == set(Role)
    assert len(set(RANK.values())) == len(Role)


@pytest.mark.parametrize("kind", RoomKind)
@pytest.mark.parametrize("permission", Permission)
def test_a_higher_role_has_no_fewer_permissions(permission: Permission, kind: RoomKind) -> None:
    roles = sorted(Role, key=RANK.__getitem__)
    allowed = [may(permission, standing(role, kind)) for role in roles]
    assert allowed == sorted(allowed)


def test_owners_outrank_everybody_and_others_only_lower_roles() -> None:
    pairs = {(role, other) for role, other in product(Role, Role) if outranks(role, other)}
    lower = {(role, other) for role, other in product(Role, Role) if RANK[role] > RANK[other]}
    assert pairs == lower | {(Role.OWNER, Role.OWNER)}


def test_an_override_for_a_person_counts_more_than_one_for_a_role() -> None:
    pin, send = Permission.PIN, Permission.SEND
    of_role = NO_OVERRIDES.replace(Role.MEMBER, Override(frozenset({pin}), frozenset({send})))
    both = of_role.replace(USER, Override(frozenset({send}), frozenset({pin})))
    for overrides, expected in ((of_role, (True, False)), (both, (False, True))):
        member = standing(Role.MEMBER, overrides=overrides.encode())
        assert (may(pin, member), may(send, member)) == expected
        guest = standing(Role.GUEST, overrides=of_role.encode())
        assert (may(pin, guest), may(send, guest)) == (False, True)


@pytest.mark.parametrize("kind", RoomKind)
def test_no_override_takes_anything_from_an_owner(kind: RoomKind) -> None:
    everything = Override(deny=frozenset(Permission))
    overrides = NO_OVERRIDES.replace(Role.OWNER, everything).replace(USER, everything)
    owner = standing(Role.OWNER, kind, overrides=overrides.encode(), settings=ANNOUNCEMENT)
    timed_out = owner._replace(timed_out_until=datetime.now(UTC))
    assert find_permissions(timed_out) == find_permissions(standing(Role.OWNER, kind))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_no_override_takes_what_comes_with_being_a_member(role: Role) -> None:
    overrides = NO_OVERRIDES.replace(role, Override(deny=frozenset(Permission)))
    assert find_permissions(standing(role, overrides=overrides.encode())) == FIXED


def test_in_a_room_for_announcements_only_moderators_write() -> None:
    for role in Role:
        permissions = find_permissions(standing(role, settings=ANNOUNCEMENT))
        writes = RANK[role] >= RANK[Role.MODERATOR]
        assert (Permission.SEND in permissions) == writes
        assert permissions >= {Permission.SEND_IN_THREADS, Permission.REACT, Permission.READ}


def test_an_override_lets_members_write_in_a_room_for_announcements() -> None:
    overrides = NO_OVERRIDES.replace(Role.MEMBER, Override(frozenset({Permission.SEND})))
    member = standing(Role.MEMBER, settings=ANNOUNCEMENT, overrides=overrides.encode())
    assert may(Permission.SEND, member)


def test_a_time_out_leaves_reading_and_leaving() -> None:
    member = standing(Role.MEMBER, timed_out_until=datetime.now(UTC))
    assert find_permissions(member) == FIXED


def test_who_is_no_member_may_do_nothing() -> None:
    everything = NO_OVERRIDES.replace(USER, Override(frozenset(Permission)))
    assert not find_permissions(standing(None, overrides=everything.encode()))


def test_an_administrator_of_the_server_acts_as_an_owner_of_public_rooms_only() -> None:
    for kind, role in product(RoomKind, [None, *Role]):
        administrator = standing(role, kind)._replace(is_server_admin=True)
        expected = standing(Role.OWNER if kind is RoomKind.PUBLIC else role, kind)
        assert find_permissions(administrator) == find_permissions(expected)


def test_overrides_are_read_as_they_were_written() -> None:
    one = Override(frozenset({Permission.PIN}), frozenset({Permission.SEND, Permission.REACT}))
    overrides = NO_OVERRIDES.replace(Role.GUEST, one).replace(USER, one)
    assert parse_overrides(overrides.encode()) == overrides
    assert parse_overrides(None) == NO_OVERRIDES
    assert overrides.replace(Role.GUEST, NO_OVERRIDE).replace(USER, NO_OVERRIDE).encode() is None


def test_words_of_a_newer_release_mean_nothing() -> None:
    document = '{"sheriff": [["send"], []], "member": [["fly", "pin"], ["swim"]]}'
    member = standing(Role.MEMBER, overrides=document)
    assert find_permissions(member) == find_permissions(standing(Role.MEMBER)) | {Permission.PIN}
