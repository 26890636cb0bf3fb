"""Many sends in one unit of work: what `service.send` does to each, asked and recorded for all of
them at once. One that is refused touches no other."""

from collections.abc import Sequence
from uuid import UUID

from app.core.clock import now
from app.core.send_request import First, Send, Sent
from app.messages.mentions import mentioned_keys
from app.messages.service import no_such_message, repeated
from app.persistence.repositories.message_batch import Head
from app.persistence.repositories.send_preflight import Oddities
from app.persistence.uow import UnitOfWork
from app.rooms.access import archived, refusals
from app.wire.errors import ChatError
from app.wire.events import Message, MessageCreated

# None: nothing was decided, because somebody else holds the room.
Outcome = Sent | ChatError | None


async def send_all(uow: UnitOfWork, sends: Sequence[Send], *, wait: bool) -> list[Outcome]:
    """An outcome each, in their order; the same as if each had been sent alone, in this order.

    With `wait` it waits for rooms that somebody else holds; without, it goes on without them. Every
    question is asked after the rooms are locked, so a removal has its place before or after these
    messages. Strangers are refused whether or not somebody holds the room, or it exists.
    """
    heads = await uow.sends.lock({send.room for send in sends}, wait=wait)
    odd = await uow.sends.oddities(sends)
    batch = Batch(heads, odd, await refusals(uow, {room for room, _ in odd.strangers}))
    outcomes = [batch.take(send) for send in sends]
    if batch.created:
        await uow.record_messages(batch.created, await _mentions(uow, batch.created))
    return outcomes


class Batch:
    """What is known of the rooms, and what the sends so far have made of it."""

    def __init__(
        self, heads: dict[UUID, Head], odd: Oddities, refused: dict[UUID, ChatError]
    ) -> None:
        self._heads, self._odd = heads, odd
        self._refused = refused  # strangers, by room
        self._at = now()
        self.created: list[MessageCreated] = []

    def take(self, send: Send) -> Outcome:
        """The next send; it sees what those before it have done."""
        try:
            return self._decide(send)
        except ChatError as refusal:
            return refusal

    def _decide(self, send: Send) -> Sent | None:
        odd, room = self._odd, send.room
        first = odd.first.get(send.key)
        if first:
            return repeated(first, send.text, send.reply_to)
        if (room, send.actor.user) in odd.strangers:
            raise self._refused[room]
        head = self._heads.get(room)
        if head is None:
            return None
        if head.archived:
            raise archived()
        if send.reply_to is not None and (room, send.reply_to) in odd.missing:
            raise no_such_message(send.reply_to)
        return Sent(self._append(send, head), duplicate=False)

    def _append(self, send: Send, head: Head) -> Message:
        head.seq += 1
        message = Message(
            seq=head.seq,
            sender=send.actor.user,
            at=self._at,
            text=send.text,
            nonce=send.nonce,
            reply_to=send.reply_to,
        )
        self.created.append(
            MessageCreated(
                room=send.room, seq=head.seq, actor=message.sender, at=self._at, message=message
            )
        )
        self._odd.first[send.key] = First(message)
        self._odd.missing.discard((send.room, head.seq))
        return message


async def _mentions(
    uow: UnitOfWork, created: Sequence[MessageCreated]
) -> list[tuple[UUID, UUID, int]]:
    """(user, room, seq) of the members whom the texts name, other than their senders."""
    naming = [
        (event, keys)
        for event in created
        if "@" in event.message.text and (keys := mentioned_keys(event.message.text))
    ]
    members = await uow.sends.named(
        {key for _, keys in naming for key in keys}, {event.room for event, _ in naming}
    )
    return [
        (user, event.room, event.seq)
        for event, keys in naming
        for user in {members[event.room, key] for key in keys if (event.room, key) in members}
        if user != event.actor
    ]
