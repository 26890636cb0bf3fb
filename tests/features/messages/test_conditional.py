"""`ETag` and `If-None-Match`: who asks again for what they have gets a 304."""

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person

PATHS = ["messages", "messages?limit=2&before=4", "messages?around=3", "messages/3", "events"]


async def get(person: Person, room: str, path: str, tags: str | None = None) -> httpx.Response:
    headers = {} if tags is None else {"If-None-Match": tags}
    return await person.call("GET", f"/rooms/{room}/{path}", headers=headers)


@pytest.fixture
async def room(ada: Person) -> str:
    room = await ada.makes_room()
    await ada.says(room, "a", "b", "c")
    return room


@pytest.mark.parametrize("path", PATHS)
async def test_what_the_caller_has_is_not_sent_again(ada: Person, room: str, path: str) -> None:
    first = await get(ada, room, path)
    assert_ok(first)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization"
    for tags in (tag, f"W/{tag}", f'"other", W/{tag}', "*", f'"{"x" * 50}",{tag}'):
        again = await get(ada, room, path, tags)
        assert again.status_code == 304
        assert again.content == b""
        assert "content-type" not in again.headers
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "private, no-cache"
        assert "ratelimit" in again.headers
    for tags in ('"other"', tag.strip('"'), "", ",", tag[:-1], f"{'x,' * 100}{tag}"):
        changed = await get(ada, room, path, tags)
        assert changed.content == first.content
        assert changed.status_code == 200


async def test_a_new_message_changes_the_tag(ada: Person, room: str) -> None:
    tags = {path: (await get(ada, room, path)).headers["etag"] for path in PATHS}
    assert tags["messages"] != tags["events"]
    await ada.says(room, "d")
    for path in ("messages", "events", "messages?limit=2&before=4"):
        is_same = path == "messages?limit=2&before=4"
        assert (await get(ada, room, path, tags[path])).status_code == (304 if is_same else 200)


async def test_a_tag_gives_no_access(ada: Person, eve: Person, room: str) -> None:
    private = await ada.makes_room("private", eve)
    await ada.says(private, "a")
    tag = (await get(eve, private, "messages")).headers["etag"]
    assert_ok(await ada.delete(f"/rooms/{private}/members/{eve.id}"), 204)
    for tags in (tag, "*"):
        assert_problem(await get(eve, private, "messages", tags), "not_found")
        assert_problem(await get(eve, room, "messages", tags), "forbidden")
        answer = await get(eve, private, "messages", tags)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_head_has_the_tag(ada: Person, room: str) -> None:
    tag = (await get(ada, room, "messages")).headers["etag"]
    head = await ada.call("HEAD", f"/rooms/{room}/messages")
    assert head.status_code == 200
    assert head.headers["etag"] == tag
    again = await ada.call("HEAD", f"/rooms/{room}/messages", headers={"If-None-Match": tag})
    assert again.status_code == 304
