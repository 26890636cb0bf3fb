"""Reads the tables with its own SQL, without code of the program."""

from collections import defaultdict
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.faults.tables import (
    Entry,
    RoomDetails,
    StoredFollower,
    StoredMessage,
    StoredScheduled,
    Tables,
    UserLogEntry,
)

MessageKey = tuple[str, int]  # room and seq


async def read_tables(connection: AsyncConnection) -> Tables:
    ((epoch,),) = await _rows(connection, "SELECT epoch FROM server_state")
    tables = Tables(epoch=epoch)
    for room, head, *details, pair in await _rows(connection, ROOMS):
        tables.heads[uuid(room)] = head
        kind, name, topic, archived = details
        users = tuple(sorted((uuid(pair[:32]), uuid(pair[32:])))) if pair else None
        tables.details[uuid(room)] = RoomDetails(kind, name, topic, bool(archived), users)
    await _read_logs(connection, tables)
    await _read_messages(connection, tables)
    await _read_threads(connection, tables)
    await _read_scheduled(connection, tables)
    for room, user, read_seq, role in await _rows(
        connection, "SELECT HEX(room_id), HEX(user_id), read_seq, role FROM members"
    ):
        tables.members[uuid(room), uuid(user)] = read_seq
        tables.roles[uuid(room), uuid(user)] = role
    for user, head in await _rows(connection, "SELECT HEX(user_id), seq FROM user_logs"):
        tables.user_heads[uuid(user)] = head
    for user, seq, kind, room in await _rows(connection, USER_EVENTS):
        tables.user_logs.setdefault(uuid(user), []).append(UserLogEntry(seq, kind, uuid(room)))
    return tables


async def _read_logs(connection: AsyncConnection, tables: Tables) -> None:
    for room, seq, kind, actor, at, body, message, nonce in await _rows(connection, LOG):
        what = (nonce or "") if kind == "message.created" else _subject(body)
        entry = Entry(seq, kind, uuid(actor), what, message)
        tables.logs.setdefault(uuid(room), []).append(entry)
        tables.times.setdefault(uuid(room), {})[seq] = float(at)


async def _read_messages(connection: AsyncConnection, tables: Tables) -> None:
    """Messages with what belongs to them. Rows without a message are those of an empty one."""
    deleted = {
        (uuid(room), seq)
        for room, seq in await _rows(connection, "SELECT HEX(room_id), seq FROM deleted_messages")
    }
    versions: dict[MessageKey, dict[int, str]] = defaultdict(dict)
    for room, seq, version, words in await _rows(
        connection, "SELECT HEX(room_id), seq, version, text FROM message_versions"
    ):
        versions[uuid(room), seq][version] = words
    reactions: dict[MessageKey, list[tuple[str, str]]] = defaultdict(list)
    for room, seq, emoji, user in await _rows(
        connection, "SELECT HEX(room_id), seq, emoji, HEX(user_id) FROM reactions"
    ):
        reactions[uuid(room), seq].append((emoji, uuid(user)))
    mentioned: dict[MessageKey, list[str]] = defaultdict(list)
    for room, user, seq in await _rows(
        connection, "SELECT HEX(room_id), HEX(user_id), seq FROM mentions"
    ):
        tables.mentions.setdefault((uuid(room), uuid(user)), []).append(seq)
        mentioned[uuid(room), seq].append(uuid(user))
    for room, seq, sender, nonce, words, details, in_timeline in await _rows(connection, MESSAGES):
        key = uuid(room), seq
        message = StoredMessage(
            seq=seq,
            sender=uuid(sender),
            nonce=nonce,
            text=words,
            details=orjson.loads(details) if details else {},
            is_deleted=key in deleted,
            versions=versions[key],
            reactions=reactions[key],
            mentioned=mentioned[key],
            in_timeline=bool(in_timeline),
        )
        tables.messages.setdefault(uuid(room), []).append(message)


async def _read_threads(connection: AsyncConnection, tables: Tables) -> None:
    for room, root, seq, is_deleted in await _rows(connection, REPLIES):
        tables.replies.setdefault((uuid(room), root), {})[seq] = bool(is_deleted)
    for room, root, last_seq in await _rows(
        connection, "SELECT HEX(room_id), root_seq, last_seq FROM threads"
    ):
        tables.last_replies[uuid(room), root] = last_seq
    for room, root, user, read_seq, is_following in await _rows(connection, FOLLOWERS):
        follower = StoredFollower(read_seq, bool(is_following))
        tables.followers[uuid(room), root, uuid(user)] = follower


async def _read_scheduled(connection: AsyncConnection, tables: Tables) -> None:
    for id_, user, room, nonce, due_at, state, message_seq in await _rows(connection, SCHEDULED):
        tables.scheduled[uuid(id_)] = StoredScheduled(
            uuid(user), uuid(room), nonce, float(due_at), state, message_seq
        )


ROOMS = """
SELECT HEX(id), seq, kind, name, topic, archived_at IS NOT NULL, HEX(direct_key) FROM rooms
"""
USER_EVENTS = """
SELECT HEX(user_id), seq, type, HEX(room_id) FROM user_events ORDER BY user_id, seq
"""
LOG = """
SELECT HEX(e.room_id), e.seq, e.type, HEX(e.actor_id),
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', e.at) / 1e6,
       e.body, e.message_seq, m.nonce
FROM room_events e LEFT JOIN messages m ON m.room_id = e.room_id AND m.seq = e.message_seq
ORDER BY e.room_id, e.seq
"""
MESSAGES = """
SELECT HEX(room_id), seq, HEX(sender_id), nonce, text, details, in_timeline
FROM messages ORDER BY room_id, seq
"""
REPLIES = """
SELECT HEX(room_id), root_seq, seq, is_deleted FROM thread_messages ORDER BY room_id, root_seq, seq
"""
FOLLOWERS = """
SELECT HEX(room_id), root_seq, HEX(user_id), read_seq, is_following FROM thread_followers
"""
SCHEDULED = """
SELECT HEX(id), HEX(user_id), HEX(room_id), nonce,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due_at) / 1e6, state, message_seq
FROM scheduled_messages
"""


async def _rows(connection: AsyncConnection, query: str) -> list[Any]:
    return list(await connection.execute(text(query)))


def uuid(hexadecimal: str) -> str:
    h = hexadecimal.lower()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _subject(body: str | None) -> str:
    """The emoji, the deleted messages, or the user of a membership change."""
    fields = orjson.loads(body or "{}")
    if "seqs" in fields:
        return " ".join(map(str, fields["seqs"]))
    subject: str = fields.get("emoji") or fields.get("member", {}).get("user", "")
    return subject
