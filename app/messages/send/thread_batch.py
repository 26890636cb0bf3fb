"""The replies in threads of a batch: what becomes of their roots, and who follows."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from app.persistence.repositories.batch_writes import (
    CountedEvent,
)
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.persistence.repositories.message_changes import MessageChanges
from app.persistence.repositories.thread_batch import ThreadChanges, ThreadKey, ThreadRoot
from app.wire.events import Message, ThreadUpdated
from app.wire.message_parts import ThreadSummary

MAX_THREAD_USERS = 5  # that a message names as those who replied


class ThreadBatch:
    """`changes` are those of messages in the same batch, to which it adds the roots."""

    def __init__(self, roots: Mapping[ThreadKey, ThreadRoot], changes: MessageChanges) -> None:
        self._roots = dict(roots)
        self._message_changes = changes
        self.changes = ThreadChanges()

    def note_created(self, room: UUID, message: Message) -> None:
        """A later send of the batch may reply to it. Its sender is a member: the room is locked."""
        self._roots[room, message.seq] = ThreadRoot(message, sender_is_member=True)

    def find(self, room: UUID, seq: int) -> Message | None:
        """The message as it is at this place of the batch."""
        if changed := self._message_changes.messages.get((room, seq)):
            return changed[0]
        root = self._roots.get((room, seq))
        return root.message if root else None

    def add_reply(self, room_id: UUID, room: LockedRoomState, reply: Message) -> CountedEvent:
        """Note a reply to a root that exists, and who follows the thread. The event follows that of
        the reply."""
        assert reply.thread is not None
        key = room_id, reply.thread
        root = self.find(*key)
        assert root is not None
        self._follow(room_id, root, reply)
        self.changes.replies.append((*key, reply.seq))
        self.changes.threads[key] = reply.seq, reply.at
        summary = add_to_summary(root.thread_summary, reply)
        updated = root.model_copy(update={"thread_summary": summary})
        _, edited = self._message_changes.messages.get(key, (None, False))
        self._message_changes.messages[key] = updated, edited
        room.seq += 1
        event = ThreadUpdated(
            room=room_id, seq=room.seq, actor=reply.sender, at=reply.at, message=updated
        )
        return CountedEvent(event, MessageTotals(room.message_count, room.last_message_seq))

    def follow_mentions(self, room: UUID, reply: Message) -> None:
        """Users that a reply names follow its thread; what is before the reply counts as read."""
        assert reply.thread is not None
        self._add_followers(room, reply.thread, reply.mentions or (), reply.seq - 1)

    def _follow(self, room: UUID, root: Message, reply: Message) -> None:
        self._add_followers(room, root.seq, [reply.sender], reply.seq)
        self.changes.markers[room, root.seq, reply.sender] = reply.seq
        if root.thread_summary is None and self._roots[room, root.seq].sender_is_member:
            self._add_followers(room, root.seq, [root.sender], root.seq)
        self.follow_mentions(room, reply)

    def _add_followers(self, room: UUID, root: int, users: Iterable[UUID], read_seq: int) -> None:
        for user in users:
            self.changes.followers.setdefault((room, root, user), read_seq)


def add_to_summary(summary: ThreadSummary | None, reply: Message) -> ThreadSummary:
    former = summary.users if summary else []
    users = [reply.sender, *(user for user in former if user != reply.sender)]
    return ThreadSummary(
        replies=(summary.replies if summary else 0) + 1,
        last_seq=reply.seq,
        last_at=reply.at,
        users=users[:MAX_THREAD_USERS],
    )
