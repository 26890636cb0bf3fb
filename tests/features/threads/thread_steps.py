"""What people do in threads."""

from typing import Any

from testkit.answers import assert_ok
from testkit.people import Person


async def reply(person: Person, room: str, root: int, text: str = "reply", **more: Any) -> int:
    """Send a reply in a thread and return its seq."""
    seq: int = assert_ok(await person.sends(room, text, thread=root, **more), 201)["seq"]
    return seq


async def thread(person: Person, room: str, root: int) -> dict[str, Any]:
    found: dict[str, Any] = assert_ok(await person.get(f"/rooms/{room}/threads/{root}"))
    return found


async def counts(person: Person, room: str, root: int) -> tuple[bool, int, int]:
    """Whether the person follows the thread, and what is unread in it."""
    found = await thread(person, room, root)
    return found["following"], found["unread"], found["mentions"]


async def summary(person: Person, room: str, root: int) -> tuple[int, int, list[str]] | None:
    """Replies, the last one, and who replied, as the root shows them."""
    message = assert_ok(await person.get(f"/rooms/{room}/messages/{root}"))
    if (found := message.get("thread_summary")) is None:
        return None
    return found["replies"], found["last_seq"], found["users"]


async def unread_threads(person: Person, room: str) -> int:
    count: int = (await person.room(room)).get("unread_threads") or 0
    return count


async def timeline(person: Person, room: str) -> list[int]:
    page = assert_ok(await person.get(f"/rooms/{room}/messages", limit=100))
    return [message["seq"] for message in page["items"]]
