"""A client that keeps the messages of a room, as a front end would."""

from typing import Any

from testkit.answers import assert_ok
from testkit.message_replica import MessageReplica, quote
from testkit.peer import Frame, Peer, dial
from testkit.people import Person, all_pages

PAGE = 100


class MessageClient:
    """It keeps the messages from the oldest that it has loaded on."""

    def __init__(
        self, person: Person, room: str, replica_class: type[MessageReplica] = MessageReplica
    ) -> None:
        self.person, self.room = person, room
        self._replica_class = replica_class
        self.replica = replica_class(person.id)
        self.position: int | None = None
        self.epoch: str | None = None

    async def come(self, first: int | None = None) -> str:
        """Open the room from the position, catch up, and go away. Returns the state of
        `room.opened`. Without a position it loads the messages from `first` on, or one page."""
        async with dial(str(self.person.http.base_url).rstrip("/")) as peer:
            position = {"room": self.room, "since": self.position, "epoch": self.epoch}
            rooms = [{name: value for name, value in position.items() if value is not None}]
            await peer.send("hello", token=self.person.access, rooms=rooms)
            self.epoch = (await peer.expect("welcome"))["epoch"]
            opened = await peer.expect("room.opened", room=self.room)
            await self._catch_up(peer, opened, first)
            await self.complete_quotes()
        state: str = opened["state"]
        return state

    async def _catch_up(self, peer: Peer, opened: Frame, first: int | None) -> None:
        """Until the state is at least that of the head when the room was opened."""
        head = opened["seq"]
        if self.position is None or opened["state"] == "reset":
            await self._load(head, first)
            return
        resume = opened["from"]
        if opened["state"] == "limited":
            resume = opened["resume"]
            await self._read_events(resume)
        if head > resume:
            await peer.has(self.room, head)
        self.follow(peer.events(self.room))

    def follow(self, events: list[Frame]) -> None:
        """Apply those after the position."""
        assert self.position is not None
        for event in events:
            if event["seq"] > self.position:
                assert event["seq"] == self.position + 1
                self.replica.apply(event)
                self.position = event["seq"]

    async def _load(self, head: int, first: int | None) -> None:
        """Discard everything. Pages that are read after the room was opened have all that is before
        its head, and events repeat what they have beyond it."""
        self.replica = self._replica_class(self.person.id)
        self.position = head
        page = await self._read("messages", limit=PAGE)
        self.replica.load(page)
        while first is not None and page["before"] is not None and page["before"] > first:
            page = await self._read("messages", limit=PAGE, before=page["before"])
            self.replica.load(page)
        pages = await all_pages(self.person, f"/rooms/{self.room}/pins", limit=50)
        self.replica.load_pins([message for page in pages for message in page])

    async def _read_events(self, until: int) -> None:
        while self.position is not None and self.position < until:
            page = await self._read("events", after=self.position, until=until, limit=PAGE)
            assert page["epoch"] == self.epoch
            self.follow(page["items"])

    async def complete_quotes(self) -> None:
        for seq in sorted(self.replica.missing_quotes()):
            self.replica.quotes[seq] = quote(await self._read(f"messages/{seq}"))

    async def _read(self, path: str, **query: Any) -> Any:
        return assert_ok(await self.person.get(f"/rooms/{self.room}/{path}", **query))


async def read_anew(client: MessageClient) -> MessageReplica:
    """What a new client of the same user reads, of the messages that the client has."""
    fresh = MessageClient(client.person, client.room)
    first = min(client.replica.messages)
    await fresh.come(first)
    fresh.replica.messages = {
        seq: message for seq, message in fresh.replica.messages.items() if seq >= first
    }
    fresh.replica.reacted = {own for own in fresh.replica.reacted if own[0] >= first}
    await fresh.complete_quotes()
    return fresh.replica
