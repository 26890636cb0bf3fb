"""Items and mentions of many in the large tables."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.core.ids import new_id
from app.persistence.item_tables import (
    Draft,
    PresenceSettings,
    Reminder,
    SavedMessage,
    ScheduledMessage,
    UserBlock,
)
from app.persistence.message_tables import RoomMentionRow
from app.persistence.tables import (
    FINGERPRINT_BYTES,
    Base,
    NotificationSettings,
    UserGroup,
    UserGroupMember,
)
from app.wire.domain import MentionKind, PresenceAudience, PresenceChoice
from app.wire.items import ScheduledState

ACTOR_ITEMS, OTHER_ITEMS = 1000, 2  # of each kind; of every other user
ITEM_ROOMS = 40  # the first ones, which the actor is in
DUE_ITEMS = 20  # of each kind, of the actor; all others are due later, or done
MENTIONED_ROOM = 2  # of the actor: with many mentions of many
MANY_MENTIONS, FEW_MENTIONS = 3000, 5  # in that room, and in every other
BLOCKED_SENDERS = (1, 2)  # whom all others block; each with a tenth of all messages
ACTOR_BLOCKS = 500  # of users who send nothing; every other has none

Table = tuple[type[Base], list[dict[str, object]]]


def item_tables(users: Sequence[UUID], rooms: Sequence[UUID], at: datetime) -> Iterator[Table]:
    owners = [
        (user, number)
        for n, user in enumerate(users)
        for number in range(OTHER_ITEMS if n else ACTOR_ITEMS)
    ]

    def place(number: int) -> dict[str, object]:
        return {"room_id": rooms[number % ITEM_ROOMS], "seq": number // ITEM_ROOMS + 1}

    def due_at(user: UUID, number: int) -> datetime:
        is_due = user == users[0] and number < DUE_ITEMS
        return at if is_due else at + timedelta(days=10)

    yield (
        Draft,
        [
            {
                "user_id": user,
                "room_id": rooms[n % ITEM_ROOMS],
                "thread": n // ITEM_ROOMS,
                "text": "",
                "updated_at": at,
            }
            for user, n in owners
        ],
    )
    yield (
        SavedMessage,
        [
            {
                "user_id": user,
                **place(n),
                "note": "",
                "saved_at": at + timedelta(seconds=n),
            }
            for user, n in owners
        ],
    )
    yield (
        ScheduledMessage,
        [
            {
                "user_id": user,
                "id": new_id(),
                "room_id": rooms[n % ITEM_ROOMS],
                "nonce": f"n{n}",
                "fingerprint": bytes(FINGERPRINT_BYTES),
                "content": '{"text":"x"}',
                "due_at": due_at(user, n),
                # Those that were sent are kept for a while only.
                "state": ScheduledState.SENT if n % 10 == 9 else ScheduledState.PENDING,
            }
            for user, n in owners
        ],
    )
    yield (
        Reminder,
        [
            {
                "user_id": user,
                "id": new_id(),
                **place(n),
                "note": "",
                "due_at": due_at(user, n),
                "fired_at": at if n % 10 == 9 else None,
            }
            for user, n in owners
        ],
    )

    yield NotificationSettings, [{"user_id": user, "keywords": "[]"} for user in users]
    presence = {"choice": PresenceChoice.AWAY, "visible_to": PresenceAudience.SHARED_ROOMS}
    yield PresenceSettings, [{"user_id": user, **presence} for user in users]


def mention_tables(users: Sequence[UUID], rooms: Sequence[UUID], at: datetime) -> Iterator[Table]:
    """The actor is in the group that every other mention means."""
    group = new_id()
    yield (
        UserGroup,
        [
            {
                "id": group,
                "handle": "team",
                "handle_key": "team",
                "display_name": "Team",
                "created_at": at,
            }
        ],
    )
    yield UserGroupMember, [{"group_id": group, "user_id": user} for user in users[:100]]
    yield (
        RoomMentionRow,
        [
            {
                "room_id": room,
                "seq": seq,
                "number": 0,
                "sender_id": users[1],
                "kind": MentionKind.GROUP.value,
                "group_id": group if seq % 2 else new_id(),
                "at": at + timedelta(seconds=seq),
            }
            for n, room in enumerate(rooms)
            for seq in range(1, (MANY_MENTIONS if n == MENTIONED_ROOM else FEW_MENTIONS) + 1)
        ],
    )


def block_table(users: Sequence[UUID], at: datetime) -> Table:
    senders = [users[n] for n in BLOCKED_SENDERS]
    blocks = [(user, sender) for user in users for sender in senders if user not in senders]
    blocks += [(users[0], user) for user in users[-ACTOR_BLOCKS:]]
    return UserBlock, [{"user_id": user, "blocked_id": other, "at": at} for user, other in blocks]
