"""A room with rows in each table that has some of a room."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, func, select, update

from app.core.clock import EPOCH
from app.persistence.database import Database
from app.persistence.repositories.room_purges import OF_ROOM, OF_USERS
from app.persistence.room_tables import RoomInvite, RoomInviteUse, RoomPurge
from app.persistence.tables import Base, columns
from testkit.answers import assert_ok
from testkit.people import Person
from tests.features.use_cases import tomorrow

PURGED = (*OF_USERS, *OF_ROOM)
WORD = "chrysanthemum"


async def furnish(ada: Person, bob: Person, eve: Person, former: Person) -> str:
    """Ada owns it, bob is a member, the former one has left, and eve wants to join."""
    room = await ada.makes_room("private", bob, former, name="A furnished room")
    path = f"/rooms/{room}"
    poll = {"options": ["yes", "no"]}
    (seq,) = await bob.says(room, f"{WORD} @{ada.username}")
    (doomed,) = await bob.says(room, "doomed")
    asked = assert_ok(await ada.sends(room, "@room well?", poll=poll, expires_in_s=3600), 201)
    assert_ok(await bob.put(f"{path}/messages/{asked['seq']}/vote", options=[1]))
    assert_ok(await bob.patch(f"{path}/messages/{seq}", text=f"{WORD} @{ada.username}!", version=1))
    assert_ok(await ada.put(f"{path}/messages/{seq}/reactions/🎉"))
    assert_ok(await ada.put(f"{path}/messages/{seq}/pin"))
    assert_ok(await ada.sends(room, "a reply", thread=seq), 201)
    assert_ok(await ada.delete(f"{path}/messages/{doomed}"))
    assert_ok(await ada.post(f"{path}/messages/{seq}/reports", reason="spam"), 201)
    for person in (bob, former):
        assert_ok(await person.put(f"{path}/messages/{seq}/saved", note="read"))
        assert_ok(await person.put(f"{path}/draft", text=f"a draft of {WORD}"), 204)
        scheduled = {"nonce": "later", "text": WORD, "due_at": tomorrow()}
        assert_ok(await person.post(f"{path}/scheduled", **scheduled), 201)
        reminder = {"room": room, "seq": seq, "due_at": tomorrow()}
        assert_ok(await person.post("/users/me/reminders", **reminder), 201)
    assert_ok(await bob.put(f"{path}/notifications", muted=True))
    assert_ok(await former.post(f"{path}/leave"), 204)
    settings = {"retention_days": 30, "join_requests": True, "slow_mode_s": 3600}
    assert_ok(await ada.patch(path, settings=settings))
    await bob.says(room, "slowly")
    assert_ok(await ada.put(f"{path}/time-outs/{bob.id}", until="2100-01-01T00:00:00Z"))
    assert_ok(await eve.post(f"{path}/join-requests", note="please"), 201)
    return room


async def count_rows(database: Database, room: str) -> dict[str, int]:
    """By table: how many of its rows belong to the room."""
    counts = {}
    async with database._engines.read.connect() as connection:
        for model in PURGED:
            table = cast(Table, model.__table__)
            query = select(func.count()).select_from(table).where(in_room(model, room))
            counts[table.name] = (await connection.execute(query)).scalar_one()
    return counts


def in_room(model: type[Base], room: str) -> Any:
    if model is RoomInviteUse:
        invites = columns(RoomInvite)
        ids = select(invites.id).where(invites.room_id == UUID(room))
        return columns(RoomInviteUse).invite_id.in_(ids)
    return cast(Table, model.__table__).c.room_id == UUID(room)


async def end_grace(database: Database, room: str) -> None:
    """What is left of the room is due now, if its users were told."""
    async with database._engines.write.begin() as connection:
        await connection.execute(
            update(RoomPurge)
            .where(RoomPurge.room_id == UUID(room), RoomPurge.memberships_ended)
            .values(due_at=EPOCH)
        )
