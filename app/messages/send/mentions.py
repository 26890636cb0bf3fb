"""The mentions in the messages of a batch, by what was read while their rooms were locked."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from app.core.mentions import NO_MENTIONS, Mentions
from app.core.message_commands import EditRequest
from app.core.send_request import SendRequest
from app.persistence.repositories.batch_writes import (
    RoomMentionOf,
    UserMention,
)
from app.persistence.repositories.message_batch import (
    BatchFacts,
)
from app.persistence.repositories.message_changes import MentionKey, MessageKey
from app.rooms.standing import Standing, may
from app.wire.content import Content
from app.wire.domain import MentionKind, Permission
from app.wire.message_parts import RoomMention


class MessageMentions(NamedTuple):
    users: frozenset[UUID] = frozenset()
    many: tuple[RoomMentionOf, ...] = ()

    def fields(self) -> dict[str, list[UUID] | list[RoomMention] | None]:
        """The fields of the message."""
        return {
            "mentions": sorted(self.users) or None,
            "room_mentions": [RoomMention(kind=m.kind, group=m.group) for m in self.many] or None,
        }


class BatchMentions:
    """Collects the mentions of messages. A name means a member of the room, or else a group."""

    def __init__(self, facts: BatchFacts, mentioned: Mapping[str, Mentions]) -> None:
        """`mentioned` has what each text may mention."""
        self._members, self._groups = facts.members, facts.groups
        self._mentioned = mentioned
        self._stored: dict[MessageKey, frozenset[UUID]] = {}  # users, before the batch
        self._after: dict[MessageKey, MessageMentions] = {}  # after it

    @property
    def users(self) -> list[UserMention]:
        """Those that are not stored yet."""
        return [
            UserMention(user, *key)
            for key, after in self._after.items()
            for user in after.users - self._stored[key]
        ]

    @property
    def many(self) -> list[RoomMentionOf]:
        return [mention for after in self._after.values() for mention in after.many]

    def add(
        self,
        command: SendRequest | EditRequest,
        content: Content,
        seq: int,
        standing: Standing,
        stored: frozenset[UUID] = frozenset(),
    ) -> MessageMentions:
        """Find the mentions of a message; `stored` are the users that it has mentioned before. A
        later call for the same message replaces this one. A reply that is only in its thread
        mentions no groups and not all members."""
        key = command.room, seq
        self._stored.setdefault(key, stored)
        mentions = self._mentioned.get(content.text, NO_MENTIONS)
        after = self._find(command, mentions, seq, standing)
        if not content.in_timeline:
            after = after._replace(many=())
        if after.users or after.many or key in self._after or stored:
            self._after[key] = after
        return after

    def changed_users(self, key: MessageKey) -> set[MentionKey]:
        """Of a message that was edited: rows to delete before those of `users` are inserted. Also
        of those that are new: a program of the step before has not noted in the message which
        users it mentions."""
        users = self._stored[key] ^ self._after.get(key, MessageMentions()).users
        return {(user, *key) for user in users}

    def _find(
        self,
        command: SendRequest | EditRequest,
        mentions: Mentions,
        seq: int,
        standing: Standing,
    ) -> MessageMentions:
        if mentions is NO_MENTIONS:
            return MessageMentions()
        room, sender = command.room, command.actor.user
        existing = {
            name for name in mentions.names if (room, name) in self._members or name in self._groups
        }
        named = sorted(mentions.named(existing))
        users = {self._members[room, name] for name in named if (room, name) in self._members}
        groups = {self._groups[name]: None for name in named if (room, name) not in self._members}
        many = [RoomMentionOf(room, seq, sender, MentionKind.GROUP, group) for group in groups]
        if may(Permission.MENTION_ALL, standing):
            many = _mentions_of_all(command, mentions, seq) + many
        return MessageMentions(frozenset(users - {sender}), tuple(many))


def _mentions_of_all(
    command: SendRequest | EditRequest, mentions: Mentions, seq: int
) -> list[RoomMentionOf]:
    """Where it is not known who is here, `@here` means all."""
    room, sender, online = command.room, command.actor.user, command.online
    if mentions.room or (mentions.here and online is None):
        return [RoomMentionOf(room, seq, sender, MentionKind.ROOM)]
    if mentions.here:
        return [RoomMentionOf(room, seq, sender, MentionKind.HERE, online=online)]
    return []
