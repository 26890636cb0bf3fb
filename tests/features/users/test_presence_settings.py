"""/users/me/presence: what others see of a user's presence."""

from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person

PATH = "/users/me/presence"
DEFAULTS = {"choice": "automatic", "visible_to": "shared_rooms"}


async def changes(person: Person) -> int:
    events = assert_ok(await person.get("/users/me/events"))["items"]
    return sum(event["item"] == "presence" for event in events)


async def test_presence_settings_replace_what_was_set(ada: Person, bob: Person) -> None:
    assert assert_ok(await ada.get(PATH)) == DEFAULTS
    chosen = {"choice": "away", "visible_to": "nobody"}
    assert assert_ok(await ada.put(PATH, **chosen)) == chosen
    assert assert_ok(await ada.get(PATH)) == chosen
    assert assert_ok(await bob.get(PATH)) == DEFAULTS
    assert assert_ok(await ada.put(PATH, choice="invisible")) == DEFAULTS | {"choice": "invisible"}
    assert assert_ok(await ada.put(PATH)) == DEFAULTS


async def test_choosing_the_same_again_changes_nothing(ada: Person) -> None:
    assert_ok(await ada.put(PATH))
    assert await changes(ada) == 0
    for _ in range(2):
        assert_ok(await ada.put(PATH, choice="away"))
    assert await changes(ada) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"choice": "online"}, "choice"),
        ({"choice": "do_not_disturb"}, "choice"),
        ({"choice": None}, "choice"),
        ({"visible_to": "friends"}, "visible_to"),
        ({"until": "2100-01-01T00:00:00Z"}, "until"),
    ],
    ids=str,
)
async def test_invalid_presence_settings_change_nothing(
    ada: Person, body: dict[str, Any], path: str
) -> None:
    assert_ok(await ada.put(PATH, choice="away"))
    assert_problem(await ada.put(PATH, **body), "invalid", path)
    assert assert_ok(await ada.get(PATH)) == DEFAULTS | {"choice": "away"}
