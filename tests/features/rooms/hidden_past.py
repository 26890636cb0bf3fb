"""A room in which much was said before somebody joined, who must not see it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from app.core.clock import now
from testkit.answers import assert_ok
from testkit.people import Person

CANARY = "canary"


def later() -> str:
    """A time for what is not due in a test."""
    return (now() + timedelta(days=1)).isoformat()


@dataclass
class HiddenPast:
    """`hidden` are seqs of messages and events before the joining, `shown` of those after it."""

    room: str
    other_room: str  # of the new member alone
    hidden: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)

    @property
    def chosen(self) -> list[int]:
        """Messages of each sort."""
        hidden = (self.hidden[name] for name in ("plain", "poll", "root", "reply"))
        return [*hidden, self.shown["quote"], self.shown["both"]]


async def make_hidden_past(owner: Person, member: Person, kind: str = "private") -> HiddenPast:
    """The member was in the room before, when the owner said all that is hidden now."""
    room = await owner.makes_room(kind, member)
    past = HiddenPast(room, await member.makes_room("private"))
    await _speak(past, owner, member)
    await start_hiding(owner, room)
    assert_ok(await member.post(f"/rooms/{room}/leave"), 204)
    past.hidden["absence"] = await _say(owner, room, f"{CANARY} in the absence")
    assert_ok(await owner.post(f"/rooms/{room}/members", users=[member.id]))
    assert_ok(await owner.patch(f"/rooms/{room}/members/{member.id}", role="admin"))
    await _speak_again(past, owner, member)
    return past


async def start_hiding(owner: Person, room: str) -> None:
    assert_ok(await owner.patch(f"/rooms/{room}", settings={"history": "since_joining"}))


async def show_all(owner: Person, room: str) -> None:
    assert_ok(await owner.patch(f"/rooms/{room}", settings={"history": "all"}))


async def touch_hidden(past: HiddenPast, owner: Person) -> None:
    """Everything that makes an event with a hidden message."""
    path = f"/rooms/{past.room}/messages"
    plain, poll, root = (past.hidden[name] for name in ("plain", "poll", "root"))
    assert_ok(await owner.patch(f"{path}/{plain}", text=f"{CANARY} edited", version=2))
    assert_ok(await owner.call("PUT", f"{path}/{plain}/reactions/👍"))
    assert_ok(await owner.call("DELETE", f"{path}/{plain}/reactions/👍"))
    assert_ok(await owner.call("DELETE", f"{path}/{plain}/pin"))
    assert_ok(await owner.call("PUT", f"{path}/{plain}/pin"))
    assert_ok(await owner.put(f"{path}/{poll}/vote", options=[1]))
    assert_ok(await owner.post(f"{path}/{poll}/poll/options", text=f"another {CANARY}"))
    await _say(owner, past.room, "one more reply", thread=root)
    assert_ok(await owner.call("PUT", f"/rooms/{past.room}/threads/{root}/lock"))
    assert_ok(await owner.call("DELETE", f"/rooms/{past.room}/threads/{root}/lock"))


async def _speak(past: HiddenPast, owner: Person, member: Person) -> None:
    room, hidden = past.room, past.hidden
    hidden["plain"] = await _say(owner, room, f"first {CANARY} @{member.username}")
    path = f"/rooms/{room}/messages/{hidden['plain']}"
    assert_ok(await owner.patch(path, text=f"{CANARY} @{member.username} @room", version=1))
    assert_ok(await owner.call("PUT", f"{path}/reactions/🎉"))
    assert_ok(await owner.call("PUT", f"{path}/pin"))
    assert_ok(await member.put(f"{path}/saved", note="mine"))
    reminder = {"room": room, "seq": hidden["plain"], "due_at": later()}
    assert_ok(await member.post("/users/me/reminders", **reminder), 201)
    poll = {"options": [f"{CANARY} one", f"{CANARY} two"], "may_add": True}
    hidden["poll"] = await _say(owner, room, f"{CANARY}?", poll=poll)
    assert_ok(await owner.put(f"/rooms/{room}/messages/{hidden['poll']}/vote", options=[1]))
    hidden["root"] = await _say(owner, room, f"{CANARY} begins a thread")
    hidden["reply"] = await _say(owner, room, f"{CANARY} replies", thread=hidden["root"])
    hidden["own"] = await _say(member, room, "my own", thread=hidden["root"])


async def _speak_again(past: HiddenPast, owner: Person, member: Person) -> None:
    room, hidden, shown = past.room, past.hidden, past.shown
    named = f"@{member.username}"
    shown["quote"] = await _say(owner, room, f"look {named}", reply_to=hidden["plain"])
    shown["reply"] = await _say(owner, room, f"here {named}", thread=hidden["root"])
    both = {"thread": hidden["root"], "also_in_room": True}
    shown["both"] = await _say(owner, room, f"and here {named}", **both)
    shown["root"] = await _say(owner, room, "a new thread")
    shown["new_reply"] = await _say(owner, room, f"with {named}", thread=shown["root"])
    await touch_hidden(past, owner)


async def _say(person: Person, room: str, text: str, **fields: Any) -> int:
    seq: int = assert_ok(await person.sends(room, text, **fields), 201)["seq"]
    return seq
