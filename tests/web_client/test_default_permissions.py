"""The defaults that the page names beside what a room changes are those of the server."""

import json
from pathlib import Path

from app.rooms.policy import RANK, RULES
from app.wire.domain import RoomKind
from app.wire.overrides import FIXED

PAGE = Path(__file__).parents[2] / "web" / "app" / "src" / "state" / "default-permissions.json"


def test_the_page_knows_the_lowest_role_of_each_permission() -> None:
    expected = {
        permission.value: {
            kind.value: min(rule.roles[kind], key=lambda role: RANK[role], default=None)
            for kind in RoomKind
        }
        for permission, rule in RULES.items()
        if permission not in FIXED
    }
    assert json.loads(PAGE.read_text()) == expected


def test_each_permission_belongs_to_a_role_and_all_higher_ones() -> None:
    for rule in RULES.values():
        for roles in rule.roles.values():
            lowest = min((RANK[role] for role in roles), default=len(RANK))
            assert {RANK[role] for role in roles} == set(range(lowest, len(RANK)))
