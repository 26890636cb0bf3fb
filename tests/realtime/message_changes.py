"""Random changes of the messages of a room, by use cases of the program.

A new kind of change joins with a method, and a line of `STEPS`.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from app.core.actor import Actor
from app.core.clock import EPOCH, now
from app.core.message_commands import EditRequest, MessageCommand, ReactionRequest
from app.core.send_request import SendRequest, SendResult
from app.messages.deletion import delete_by_sender, delete_message
from app.messages.pins import pin_message, unpin_message
from app.messages.send.batch import commit_batch
from app.persistence.database import Database
from app.persistence.tables import Room
from app.wire.content import Content
from app.wire.errors import ChatError
from testkit.limits import LIMITS
from testkit.people import Person

CHANGES_PER_ROUND = 250
EMOJI = ("👍", "🎉", "❤️", "👀", "🚀")
NEWEST = 40  # messages that most changes are about
MAX_PINS = 30
MAX_DELETED_AT_ONCE = 150  # more than one event names


@dataclass
class LiveMessage:
    """One that is not deleted."""

    sender: Person
    version: int = 1
    pinned: bool = False


Reaction = tuple[int, str, str]  # seq, emoji, user


class MessageChanges:
    """The first of the people owns the room, which the others are members of."""

    def __init__(self, database: Database, room: str, people: Sequence[Person], seed: int) -> None:
        self._database, self.room, self.people = database, room, people
        self._chance = random.Random(seed)
        self._live: dict[int, LiveMessage] = {}
        self._reactions: dict[Reaction, Person] = {}
        self._commands: list[MessageCommand] = []
        self.done = dict.fromkeys(STEPS, 0)

    async def apply(self, events: int) -> None:
        """Until the log has so many more events, or a few more."""
        head = await self._head()
        until = head + events
        names, weights = list(STEPS), [weight for weight, _ in STEPS.values()]
        while head < until:
            count = min(CHANGES_PER_ROUND, until - head)
            for name in self._chance.choices(names, weights, k=count):
                _, step = STEPS[name]
                self.done[name] += await step(self)
            await self._commit()
            head = await self._head()

    async def _head(self) -> int:
        async with self._database._engines.read.connect() as connection:
            query = select(Room.seq).where(Room.id == UUID(self.room))
            return (await connection.execute(query)).scalar_one()

    async def _commit(self) -> None:
        """What has been collected, in one batch."""
        commands, self._commands = self._commands, []
        if not commands:
            return
        outcomes = await self._database.transact_batch(commit_batch, commands, LIMITS, wait=True)
        for command, outcome in zip(commands, outcomes, strict=True):
            assert outcome is not None
            assert not isinstance(outcome, ChatError), (command, outcome)
            if isinstance(outcome, SendResult):
                sender = next(p for p in self.people if UUID(p.id) == command.actor.user)
                self._live[outcome.message.seq] = LiveMessage(sender)

    # The steps. Each returns whether it was possible.

    async def send(self) -> bool:
        chance, sender = self._chance, self._any_person()
        content = Content(
            text=self._text() + " long" * chance.choice([0, 0, 0, 100]),
            reply_to=self._any_message() if chance.random() < 0.3 else None,
            silent=True if chance.random() < 0.1 else None,
            metadata={"number": chance.randrange(100)} if chance.random() < 0.1 else None,
        )
        self._commands.append(SendRequest(_actor(sender), UUID(self.room), uuid4().hex, content))
        return True

    async def edit(self) -> bool:
        if (seq := self._any_message()) is None:
            return False
        live = self._live[seq]
        if live.version >= LIMITS.max_versions:
            return False
        actor = _actor(live.sender)
        self._commands.append(EditRequest(actor, UUID(self.room), seq, self._text(), live.version))
        live.version += 1
        return True

    async def add_reaction(self) -> bool:
        person, emoji = self._any_person(), self._chance.choice(EMOJI)
        seq = self._any_message()
        if seq is None or (seq, emoji, person.id) in self._reactions:
            return False
        self._reactions[seq, emoji, person.id] = person
        self._commands.append(
            ReactionRequest(_actor(person), UUID(self.room), seq, emoji, present=True)
        )
        return True

    async def remove_reaction(self) -> bool:
        if not self._reactions:
            return False
        seq, emoji, user = self._chance.choice(list(self._reactions))
        person = self._reactions.pop((seq, emoji, user))
        self._commands.append(
            ReactionRequest(_actor(person), UUID(self.room), seq, emoji, present=False)
        )
        return True

    async def delete(self) -> bool:
        """By its sender, or by the owner."""
        if (seq := self._any_message()) is None:
            return False
        person = self._chance.choice([self._live[seq].sender, self.people[0]])
        await self._run(delete_message, person, seq)
        self._forget([seq])
        return True

    async def delete_many(self) -> bool:
        """The newest of one sender, by the owner."""
        await self._commit()
        sender, count = self._any_person(), self._chance.randint(1, MAX_DELETED_AT_ONCE)
        seqs = sorted(seq for seq, live in self._live.items() if live.sender is sender)
        await self._run(delete_by_sender, self.people[0], UUID(sender.id), EPOCH, count)
        self._forget(seqs[-count:])
        return bool(seqs)

    async def pin(self) -> bool:
        seq = self._any_message()
        pinned = sum(live.pinned for live in self._live.values())
        if seq is None or self._live[seq].pinned or pinned >= MAX_PINS:
            return False
        await self._run(pin_message, self.people[0], seq, MAX_PINS)
        self._live[seq].pinned = True
        return True

    async def unpin(self) -> bool:
        pinned = [seq for seq, live in self._live.items() if live.pinned]
        if not pinned:
            return False
        seq = self._chance.choice(pinned)
        await self._run(unpin_message, self.people[0], seq)
        self._live[seq].pinned = False
        return True

    async def _run(self, use_case: Any, person: Person, *arguments: Any) -> None:
        """After the commands that were collected before."""
        await self._commit()
        await self._database.transact(use_case, _actor(person), UUID(self.room), *arguments)

    def _forget(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            del self._live[seq]
        self._reactions = {
            key: person for key, person in self._reactions.items() if key[0] not in set(seqs)
        }

    def _any_person(self) -> Person:
        return self._chance.choice(self.people)

    def _any_message(self) -> int | None:
        """One of the newest, mostly."""
        seqs = list(self._live)
        newest = seqs[-NEWEST:] if self._chance.random() < 0.7 else seqs
        return self._chance.choice(newest) if newest else None

    def _text(self) -> str:
        text = f"text {self._chance.randrange(10**6)}"
        return f"{text} @{self._any_person().username}" if self._chance.random() < 0.2 else text


# How often, and what.
STEPS: dict[str, tuple[float, Callable[[MessageChanges], Awaitable[bool]]]] = {
    "send": (40, MessageChanges.send),
    "edit": (20, MessageChanges.edit),
    "add_reaction": (30, MessageChanges.add_reaction),
    "remove_reaction": (10, MessageChanges.remove_reaction),
    "delete": (0.4, MessageChanges.delete),
    "delete_many": (0.15, MessageChanges.delete_many),
    "pin": (0.25, MessageChanges.pin),
    "unpin": (0.15, MessageChanges.unpin),
}


def _actor(person: Person) -> Actor:
    user = UUID(person.id)
    return Actor(user, user, is_admin=False, expires_at=now())
