"""Unique words, and who may see each of them now.

A canary is in one or more copies: in a message, where a room's members see it; in a text of one
person, such as a draft. It is a leak if somebody receives it who may see none of its copies.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import uuid4

from app.rooms.policy import ADMINS, ANY
from app.wire.domain import Role

WORD = re.compile(r"canary[0-9a-f]{16}")
NO_ROLES: frozenset[Role] = frozenset()


class Part(StrEnum):
    """What a copy is in, as far as its audience changes with it."""

    TEXT = "text"  # of a message: an edit replaces it
    MESSAGE = "message"  # what no edit replaces: the option of a poll, a forwarded text
    ROOM = "room"  # a name or a topic, which an invite link shows, too
    PRIVATE = "private"


@dataclass(frozen=True)
class Copy:
    part: Part
    room: str = ""
    seq: int = 0  # of the message that it is in
    roles: frozenset[Role] = NO_ROLES  # of the members who may see it
    author: str = ""  # who may see it as a member in any role
    users: frozenset[str] = frozenset()  # who may see it always
    at: int = 0  # how long the log of the room was then


class Membership(NamedTuple):
    role: Role
    visible_after: int = 0  # a message with this seq or a smaller one is hidden from the member

    def sees(self, copy: Copy) -> bool:
        return copy.seq == 0 or copy.seq > self.visible_after


class Departure(NamedTuple):
    """How long the log of a room was when a membership ended."""

    membership: Membership
    head: int


Memberships = dict[str, dict[str, Membership]]  # by room and user


@dataclass
class Canaries:
    memberships: Memberships = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)  # the length of each room's log
    # By room and user, the last one.
    departures: dict[str, dict[str, Departure]] = field(default_factory=lambda: defaultdict(dict))
    shown: set[str] = field(default_factory=set)  # words that somebody has received
    _made: set[str] = field(default_factory=set)
    _copies: dict[str, list[Copy]] = field(default_factory=lambda: defaultdict(list))

    def make_word(self) -> str:
        word = f"canary{uuid4().hex[:16]}"
        self._made.add(word)
        return word

    def put(self, word: str, copy: Copy) -> None:
        self._copies[word].append(copy)

    def update(
        self,
        roles: Mapping[str, Mapping[str, Role]],
        heads: dict[str, int],
        hiding: Collection[str] = (),
    ) -> None:
        """The state of all rooms after a step: who has which role, how long the logs are, and which
        rooms hide from their new members what was before. They show it to all once they stop."""
        for room, members in self.memberships.items():
            for user in members.keys() - roles[room].keys():
                self.departures[room][user] = Departure(members[user], heads[room])
        self.memberships = {
            room: {
                user: self._make_membership(room, user, role, room in hiding)
                for user, role in members.items()
            }
            for room, members in roles.items()
        }
        self.heads = heads

    def _make_membership(self, room: str, user: str, role: Role, is_hiding: bool) -> Membership:
        if not is_hiding:
            return Membership(role)
        if before := self.memberships.get(room, {}).get(user):
            return Membership(role, before.visible_after)
        return Membership(role, self.heads.get(room, 0))

    def was_told(self, word: str, user: str) -> bool:
        """Whether an event of the user's last membership has the word. A socket may still get it,
        with the event that ended the membership, while nothing has changed what has it."""
        departures = [(copy, self.departures[copy.room].get(user)) for copy in self._copies[word]]
        return any(
            copy.roles == ANY and copy.at <= last.head and last.membership.sees(copy)
            for copy, last in departures
            if last
        )

    def may_see(self, word: str, user: str, memberships: Memberships | None = None) -> bool:
        """With these memberships, or with those of now."""
        found = self.memberships if memberships is None else memberships
        own = {room: members[user] for room, members in found.items() if user in members}
        return any(_shows(copy, user, own) for copy in self._copies.get(word, ()))

    def find_hidden(self, text: str, user: str) -> set[str]:
        """The words in a text that the user may not see, of those that were made here: the lists of
        the server have those of other walks, too."""
        words = set(WORD.findall(text)) & self._made
        self.shown |= words
        return {word for word in words if not self.may_see(word, user)}

    def is_shown_by_invites(self, word: str) -> bool:
        return any(copy.part is Part.ROOM for copy in self._copies[word])

    def write(self, words: Iterable[str], part: Part, room: str, seq: int) -> None:
        for word in words:
            self.put(word, Copy(part, room, seq, roles=ANY, at=self.heads.get(room, 0)))

    def edit(self, words: Iterable[str], room: str, seq: int, sender: str) -> None:
        """What the text said before is left to its sender and to admins."""
        self._replace(
            lambda copy: (copy.room, copy.seq, copy.part) == (room, seq, Part.TEXT),
            lambda copy: Copy(Part.MESSAGE, room, seq, roles=ADMINS, author=sender),
        )
        self.write(words, Part.TEXT, room, seq)

    def delete(self, room: str, seq: int) -> None:
        self._replace(
            lambda copy: seq > 0 and (copy.room, copy.seq) == (room, seq), lambda copy: None
        )

    def forward(self, room: str, seq: int, target: str, target_seq: int) -> None:
        """What the message says now is also in the target."""
        for word, copy in list(self._all()):
            if (copy.room, copy.seq, copy.roles) == (room, seq, ANY):
                self.write([word], Part.MESSAGE, target, target_seq)

    def report(self, room: str, seq: int, moderators: Copy) -> None:
        """What the message says now stays with those who see the report."""
        for word, copy in list(self._all()):
            if (copy.room, copy.seq, copy.roles) == (room, seq, ANY):
                self.put(word, moderators)

    def describe(self, word: str) -> str:
        return f"{word}, which is in {self._copies.get(word) or 'nothing any more'}"

    def _replace(
        self, matches: Callable[[Copy], bool], change: Callable[[Copy], Copy | None]
    ) -> None:
        for word, copies in self._copies.items():
            if any(map(matches, copies)):
                changed = [change(copy) if matches(copy) else copy for copy in copies]
                self._copies[word] = [copy for copy in changed if copy is not None]

    def _all(self) -> Iterator[tuple[str, Copy]]:
        for word, copies in self._copies.items():
            for copy in copies:
                yield word, copy


def _shows(copy: Copy, user: str, memberships: Mapping[str, Membership]) -> bool:
    """`memberships` are those of the user, by room."""
    if user in copy.users:
        return True
    own = memberships.get(copy.room)
    if own is None or not own.sees(copy):
        return False
    return own.role in copy.roles or user == copy.author
