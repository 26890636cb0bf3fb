"""Migrations that fill new columns of rows that are there already."""

from datetime import UTC, datetime

from sqlalchemy import insert, select

from app.core.ids import new_id
from app.persistence.message_tables import RoomMentionRow
from app.persistence.tables import MessageRow, Room, User
from app.wire.domain import MentionKind, RoomKind
from testkit.servers.backend import Backend, migrate
from tests.persistence import schema

SENT_AT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)


async def test_mentions_of_many_get_the_times_of_their_messages(blank: Backend) -> None:
    await migrate(blank.settings)
    user, room = new_id(), new_id()
    name = {"username": "ada", "username_key": "ada", "display_name": "Ada", "display_key": "ada"}
    message = {"room_id": room, "seq": 1, "sender_id": user, "nonce": "n", "text": "@room"}
    mention = {"room_id": room, "seq": 1, "number": 0, "sender_id": user}
    async with schema.opened(blank.settings) as engines:
        async with engines.write.begin() as connection:
            await connection.execute(insert(User), {"id": user, "created_at": SENT_AT} | name)
            await connection.execute(
                insert(Room), {"id": room, "kind": RoomKind.GROUP, "created_at": SENT_AT}
            )
            await connection.execute(insert(MessageRow), message | {"at": SENT_AT})
            await connection.execute(
                insert(RoomMentionRow), mention | {"kind": MentionKind.ROOM.value}
            )
        await schema.downgrade(blank.settings, "0024")
        await schema.downgrade(blank.settings, "-1")
        await migrate(blank.settings)
        async with engines.read.connect() as connection:
            assert await connection.scalar(select(RoomMentionRow.at)) == SENT_AT
