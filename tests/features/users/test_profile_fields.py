"""The fields of a profile that users may leave out, and the status that ends by itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import now
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.waiting import eventually

FIELDS = ("title", "time_zone", "language", "status")


async def shown(person: Person, user: Person) -> dict[str, Any]:
    """What one user sees of another one's optional fields."""
    fields = assert_ok(await person.get(f"/users/{user.id}"))
    return {name: fields[name] for name in FIELDS if name in fields}


async def test_users_see_the_profiles_of_others(ada: Person, bob: Person) -> None:
    profile = {
        "title": "Editor",
        "time_zone": "Europe/London",
        "language": "en-GB",
        "status": {"emoji": "🌴", "text": "On holiday", "until": "2100-01-01T00:00:00Z"},
    }
    me = assert_ok(await ada.patch("/users/me", **profile))
    assert {name: me[name] for name in FIELDS} == profile
    assert await shown(bob, ada) == profile
    room = await ada.makes_room("private", bob)
    members = assert_ok(await bob.get(f"/rooms/{room}/members"))["items"]
    (user,) = [member["user"] for member in members if member["user"]["id"] == ada.id]
    assert profile.items() <= user.items()
    found = assert_ok(await bob.get("/search", q=ada.username))["people"]
    assert profile.items() <= found[0].items()


async def test_absent_fields_stay_and_null_clears(ada: Person, bob: Person) -> None:
    assert_ok(await ada.patch("/users/me", title="Editor", language="de", status={"text": "x"}))
    assert_ok(await ada.patch("/users/me", display_name="Countess"))
    assert_ok(await ada.patch("/users/me", title=None))
    assert await shown(bob, ada) == {"language": "de", "status": {"text": "x"}}
    assert_ok(await ada.patch("/users/me", language=None, status=None))
    assert await shown(bob, ada) == {}


async def test_concurrent_changes_of_different_fields_are_all_kept(
    ada: Person, bob: Person
) -> None:
    fields = {"title": "Editor", "language": "de", "time_zone": "UTC", "status": {"text": "x"}}
    for answer in await asyncio.gather(
        *(ada.patch("/users/me", **{name: value}) for name, value in fields.items())
    ):
        assert_ok(answer)
    assert await shown(bob, ada) == fields


async def test_language_tags_and_emoji_get_their_canonical_form(ada: Person, bob: Person) -> None:
    status = {"emoji": "\u2764", "text": " x "}
    assert_ok(await ada.patch("/users/me", language="ZH-hant-tw", status=status))
    assert await shown(bob, ada) == {
        "language": "zh-Hant-TW",
        "status": {"emoji": "\u2764\ufe0f", "text": "x"},
    }


async def test_a_status_ends_by_itself(ada: Person, bob: Person) -> None:
    until = now() + timedelta(seconds=1)
    assert_ok(await ada.patch("/users/me", status={"text": "soon", "until": until.isoformat()}))

    async def has_ended() -> bool:
        return not await shown(bob, ada)

    await eventually(has_ended)
    assert now() >= until
    assert "status" not in assert_ok(await ada.get("/users/me"))
    assert_ok(await ada.patch("/users/me", title="Editor"))
    assert await shown(bob, ada) == {"title": "Editor"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 65}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"language": "english"}, "language"),
        ({"language": "en_GB"}, "language"),
        ({"language": "x" * 40}, "language"),
        ({"status": {}}, "status"),
        ({"status": {"text": " "}}, "status"),
        ({"status": {"text": "x" * 101}}, "status.text"),
        ({"status": {"text": "a\u202eb"}}, "status.text"),
        ({"status": {"emoji": "x"}}, "status.emoji"),
        ({"status": {"emoji": "🎉🎉"}}, "status.emoji"),
        ({"status": {"text": "x", "until": "2020-01-01T00:00:00Z"}}, "status.until"),
        ({"status": {"text": "x", "until": "soon"}}, "status.until"),
        ({"status": {"text": "x", "until": 1}}, "status.until"),
        ({"status": {"text": "x", "color": "red"}}, "status.color"),
        ({"avatar": "https://example.org/a.png"}, "avatar"),
    ],
    ids=str,
)
async def test_invalid_fields_change_nothing(
    ada: Person, change: dict[str, Any], path: str
) -> None:
    before = assert_ok(await ada.get("/users/me"))
    assert_problem(await ada.patch("/users/me", display_name="Other", **change), "invalid", path)
    assert assert_ok(await ada.get("/users/me")) == before
