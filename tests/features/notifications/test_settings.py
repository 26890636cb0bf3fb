"""What notifies a user: /users/me/notifications and /rooms/{id}/notifications."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import now
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend

PATH = "/users/me/notifications"
DEFAULTS: dict[str, Any] = {"level": None, "keywords": [], "quiet_until": None, "schedule": None}
NIGHTS = {
    "days": ["monday", "sunday"],
    "start": "22:00",
    "end": "07:30",
    "time_zone": "Europe/Berlin",
}


async def events(person: Person) -> list[tuple[str, str]]:
    items = assert_ok(await person.get("/users/me/events"))["items"]
    return [(event["type"], event["room"]) for event in items]


async def test_settings_are_replaced(ada: Person, bob: Person) -> None:
    assert assert_ok(await ada.get(PATH)) == DEFAULTS
    chosen = {
        "level": "nothing",
        "keywords": ["release", "Ärger", "リリース"],
        "quiet_until": "2100-01-01T00:00:00Z",
        "schedule": NIGHTS,
    }
    sent = chosen | {
        "keywords": ["release", "Ärger", "リリース", "release"],
        "quiet_until": "2100-01-01T01:30:00+01:30",
    }
    assert assert_ok(await ada.put(PATH, **sent)) == chosen
    assert assert_ok(await ada.get(PATH)) == chosen
    assert assert_ok(await bob.get(PATH)) == DEFAULTS
    assert assert_ok(await ada.put(PATH, level="all")) == DEFAULTS | {"level": "all"}
    assert assert_ok(await ada.put(PATH)) == DEFAULTS == assert_ok(await ada.get(PATH))


async def test_only_a_change_is_an_event_of_the_users_log(ada: Person) -> None:
    room = await ada.makes_room()
    for _ in range(2):
        assert_ok(await ada.put(PATH, level="all"))
        assert_ok(await ada.put(f"/rooms/{room}/notifications", level="all"))
    assert await events(ada) == [
        ("room.joined", room),
        ("item.changed", ada.id),
        ("notifications.changed", room),
    ]


async def test_settings_of_a_room_are_replaced(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/notifications"
    default = {"level": None, "effective_level": "mentions", "muted": False, "muted_until": None}
    assert assert_ok(await ada.get(path)) == default
    until = "2100-01-01T00:00:00Z"
    muted = {"level": "all", "effective_level": "all", "muted": True, "muted_until": until}
    assert assert_ok(await ada.put(path, level="all", muted=True, muted_until=until)) == muted
    assert assert_ok(await ada.get(path)) == muted
    assert assert_ok(await bob.get(path)) == default
    assert assert_ok(await ada.put(path, muted=True)) == default | {"muted": True}
    assert assert_ok(await ada.put(path)) == default


async def test_a_room_is_muted_until_a_time(ada: Person) -> None:
    path = f"/rooms/{await ada.makes_room()}/notifications"
    past = (now() - timedelta(seconds=1)).isoformat()
    answer = assert_ok(await ada.put(path, muted=True, muted_until=past))
    assert (answer["muted"], answer["muted_until"]) == (False, None)


@pytest.mark.parametrize(
    ("kind", "level"),
    [("public", "mentions"), ("private", "mentions"), ("group", "all"), ("direct", "all")],
)
async def test_the_level_is_that_of_the_room_of_the_user_or_of_the_kind(
    ada: Person, bob: Person, kind: str, level: str
) -> None:
    path = f"/rooms/{await ada.makes_room(kind, bob)}/notifications"
    assert assert_ok(await ada.get(path))["effective_level"] == level
    assert_ok(await ada.put(PATH, level="nothing"))
    assert assert_ok(await ada.get(path))["effective_level"] == "nothing"
    assert assert_ok(await ada.put(path, level="mentions"))["effective_level"] == "mentions"


async def test_only_members_have_settings_of_a_room(ada: Person, bob: Person) -> None:
    public, private = await ada.makes_room(), await ada.makes_room("private")
    for room, code in ((public, "forbidden"), (private, "not_found")):
        assert_problem(await bob.get(f"/rooms/{room}/notifications"), code)
        assert_problem(await bob.put(f"/rooms/{room}/notifications"), code)


WRONG = [
    ({"level": "some"}, "level"),
    ({"keywords": [""]}, "keywords.0"),
    ({"keywords": [" "]}, "keywords.0"),
    ({"keywords": ["x" * 65]}, "keywords.0"),
    ({"keywords": ["x"] * 51}, "keywords"),
    ({"quiet_until": "tomorrow"}, "quiet_until"),
    ({"quiet_until": 5}, "quiet_until"),
    ({"schedule": NIGHTS | {"days": []}}, "schedule.days"),
    ({"schedule": NIGHTS | {"days": ["someday"]}}, "schedule.days.0"),
    ({"schedule": NIGHTS | {"start": "24:00"}}, "schedule.start"),
    ({"schedule": NIGHTS | {"end": "7:30"}}, "schedule.end"),
    ({"schedule": NIGHTS | {"more": 1}}, "schedule.more"),
]


@pytest.mark.parametrize(("body", "path"), WRONG, ids=str)
async def test_wrong_settings_are_refused(ada: Person, body: dict[str, Any], path: str) -> None:
    assert_problem(await ada.put(PATH, **body), "invalid", path)


@pytest.mark.parametrize(
    "body",
    [
        *({"quiet_until": text} for text in ("2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59")),
        {"quiet_until": "9999-12-31T23:59:59-01:00"},
        *(
            {"schedule": NIGHTS | {"time_zone": zone}}
            for zone in ("Europe/Nowhere", "../UTC", "/etc/passwd", "Europe", "x" * 64)
        ),
    ],
    ids=str,
)
async def test_a_time_or_a_zone_that_does_not_exist_is_refused(
    ada: Person, body: dict[str, Any]
) -> None:
    assert_problem(await ada.put(PATH, **body), "invalid")


@pytest.mark.setting("CHAT_LIMITS__KEYWORDS_PER_USER")
async def test_the_number_of_keywords_is_limited(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"keywords_per_user": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        assert_ok(await ada.put(PATH, keywords=["a", "b"]))
        assert_problem(await ada.put(PATH, keywords=["a", "b", "c"]), "invalid", "keywords")
