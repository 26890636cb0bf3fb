"""Delivery as a whole under random schedules, in which anything is lost, duplicated or reordered,
and processes die.

Rules are what can happen. The invariants are in `simulation.FakeClient`: the events that a client
applies are the log, without gaps, in order, once, and only what its user may see. At rest every
client has all of them. docs/reliability.md describes the algorithm.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.core.publications import Publication
from app.wire.events import PublicationKind
from tests.realtime.simulation import ROOM, FakeClient, FakeLog, FakeProcess, FakeWriter

OWNER, ADA, BOB = (UUID(int=n) for n in (11, 12, 13))
PROCESSES = 2
CLIENTS = (OWNER, ADA, ADA, BOB)
process = st.integers(0, PROCESSES - 1)
client = st.integers(0, len(CLIENTS) - 1)
some = st.lists(st.integers(0, 3), min_size=1, max_size=4)
MEANWHILE = (
    *("say", "say", "say and pong", "out or in", "opens", "look", "answer", "reads"),
    *("catches up", "catches up"),  # as much as one reading brings
)
# Who commits; None: a process that dies before it can tell anybody.
committer = st.sampled_from((0, 1, 0, 1, None))


class Delivery(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.failures: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self.log = FakeLog((OWNER, ADA, BOB))
        self.run(self._begin())
        for number in range(len(CLIENTS)):
            self.connect(number, number % PROCESSES)
        self._answer_everything()

    async def _begin(self) -> None:
        self.processes = [FakeProcess(self.log) for _ in range(PROCESSES)]
        self.flying: list[list[Publication]] = [[] for _ in range(PROCESSES)]
        self.clients = [FakeClient(self.log, user) for user in CLIENTS]

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        async def and_what_follows() -> None:
            await work
            for _ in range(12):  # tasks wake each other a few times
                await asyncio.sleep(0)

        self.loop.run_until_complete(and_what_follows())
        for context in self.failures:
            raise context.get("exception") or AssertionError(context["message"])

    # What is committed, and told or not.

    def tell(self, publication: Publication, by: int | None) -> None:
        if by is not None:
            self.run(self._hear(by, publication))
            for other in range(PROCESSES):
                if other != by:
                    self.flying[other].append(publication)

    @rule(users=st.lists(st.sampled_from(CLIENTS), min_size=1, max_size=4), by=committer)
    def say(self, users: list[UUID], by: int | None) -> None:
        for user in users:
            if user in self.log.members:
                self.tell(self.log.say(user), by)

    @rule(user=st.sampled_from((ADA, BOB)), by=committer)
    def put_out_or_let_in(self, user: UUID, by: int | None) -> None:
        change = self.log.put_out if user in self.log.members else self.log.let_in
        self.tell(change(user), by)

    # The bus.

    @rule(to=process, order=some, copies=st.sampled_from((0, 1, 1, 1, 2)))
    def arrive(self, to: int, order: list[int], copies: int) -> None:
        """Some publications arrive: any of them, lost, once or twice."""
        flying = self.flying[to]
        for which in order:
            if flying:
                publication = flying.pop(which % len(flying))
                for _ in range(copies):
                    self.run(self._hear(to, publication))

    @rule(to=process, ahead=st.sampled_from((900, 10**6)))
    def forge(self, to: int, ahead: int) -> None:
        seq = self.log.head + ahead
        self.run(
            self._hear(to, Publication(PublicationKind.MESSAGE, ROOM, seq, OWNER, b'{"false": 1}'))
        )

    async def _hear(self, to: int, publication: Publication) -> None:
        self.processes[to].delivery.on_publication(publication)

    # Processes.

    @rule(of=process)
    def sweep(self, of: int) -> None:
        self.run(self._do(self.processes[of].sweep))

    @rule(of=process)
    def repair(self, of: int) -> None:
        self.run(self._do(self.processes[of].repair))

    @rule(of=process)
    def recover(self, of: int) -> None:
        self.run(self._do(self.processes[of].recover))

    async def _do(self, work: Any) -> None:
        work()

    @rule(of=process, order=some)
    def look(self, of: int, order: list[int]) -> None:
        """Some pending reads take their snapshot of the log now."""
        for which in order:
            unseen = [read for read in self.processes[of].reads if not read.seen]
            if unseen:
                self.run(unseen[which % len(unseen)].see())

    @rule(of=process, order=some)
    def answer(self, of: int, order: list[int]) -> None:
        """Some reads that have a snapshot return it, however old it is."""
        reads = self.processes[of].reads
        for which in order:
            seen = [read for read in reads if read.seen]
            if seen:
                read = seen[which % len(seen)]
                reads.remove(read)
                self.run(self._do(read.answer))

    @rule(of=process)
    def read(self, of: int) -> None:
        for _ in range(3):
            self.look(of, [0])
            self.answer(of, [0])

    @rule(of=process)
    def crash(self, of: int) -> None:
        self.run(self._crash(of))

    async def _crash(self, of: int) -> None:
        dead = self.processes[of]
        for one in self.clients:
            if one.process is dead:
                one.disconnect()
        dead.die()
        self.processes[of] = FakeProcess(self.log)
        self.flying[of].clear()

    # Clients.

    def connect(self, one: int, to: int, is_slow: bool = False) -> None:
        self.disconnect(one)
        self.run(self._do(lambda: self.clients[one].connect(self.processes[to], is_slow)))

    def disconnect(self, one: int) -> None:
        self.run(self._do(self.clients[one].disconnect))

    @rule(one=client, to=process, is_slow=st.booleans())
    def come(self, one: int, to: int, is_slow: bool) -> None:
        self.connect(one, to, is_slow)

    @rule(one=client)
    def go(self, one: int) -> None:
        self.disconnect(one)

    @rule(one=client, and_stalls=st.booleans())
    def read_what_waits(self, one: int, and_stalls: bool) -> None:
        writer = self.clients[one].writer
        if writer:
            self.run(self._do(writer.read))
            writer.is_slow = and_stalls

    @rule(one=client, then=st.lists(st.sampled_from(MEANWHILE), max_size=10), is_live=st.booleans())
    def stall(self, one: int, then: list[str], is_live: bool) -> None:
        """A client does not read while this happens on its process, except for the queued frames at
        times."""
        slow = self.clients[one]
        if slow.writer is None:
            return
        of = next(n for n, each in enumerate(self.processes) if each is slow.process)
        if is_live:
            self._make_live(one, of)
        slow.writer.is_slow = True
        for step in then:
            match step:
                case "say":
                    self.say([OWNER], of)
                case "out or in":
                    if slow.user != OWNER:
                        self.put_out_or_let_in(slow.user, of)
                case "say and pong":
                    self.run(self._say_and_pong(of, slow.writer))
                case "opens":
                    self.open_again(one)
                case "reads":
                    self.read_what_waits(one, and_stalls=True)
                case "look":
                    self.look(of, [0])
                case "answer":
                    self.answer(of, [0])
                case _:
                    self.read_what_waits(one, and_stalls=True)
                    self.recover(of)
                    self.read(of)
                    self.read_what_waits(one, and_stalls=True)

    def _make_live(self, one: int, of: int) -> None:
        """The usual state: nothing is missing, and the client is in the room."""
        slow = self.clients[one]
        self.read_what_waits(one, and_stalls=False)
        if slow.user not in self.log.members:
            self.put_out_or_let_in(slow.user, of)
        for step in (self.sweep, self.repair, self.recover):
            step(of)
            self.read(of)
        if slow.out:
            self.open_again(one)
            self.read(of)

    async def _say_and_pong(self, of: int, writer: FakeWriter) -> None:
        """In one iteration of the event loop: the message is not written yet."""
        await self._hear(of, self.log.say(OWNER))
        writer.pong()

    @rule(one=client)
    def open_again(self, one: int) -> None:
        self.run(self._do(self.clients[one].open))

    @rule(one=client)
    def ask_for_page(self, one: int) -> None:
        self.run(self._do(self.clients[one].ask_for_page))

    @precondition(lambda self: any(one.page for one in self.clients))
    @rule(one=client, only_look=st.booleans())
    def turn_page(self, one: int, only_look: bool) -> None:
        page = self.clients[one].page
        if page:
            self.run(page.see() if only_look else self.clients[one].turn_page())

    # And in the end.

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            if not self.failures:
                self._become_quiet()
        finally:
            self.failures.clear()
            self.run(self._end())
            self.loop.close()

    def _become_quiet(self) -> None:
        """No lost publication arrives; change polls and clients continue."""
        for number, one in enumerate(self.clients):
            if one.socket is None:
                self.connect(number, number % PROCESSES)
            self.read_what_waits(number, and_stalls=False)
        for _ in range(10 + self.log.head):
            for of in range(PROCESSES):
                self.sweep(of)
                self.repair(of)
                self.recover(of)
            self._answer_everything()
            for number, one in enumerate(self.clients):
                if one.out and one.user in self.log.members:  # as a bump would tell
                    self.open_again(number)
                self.ask_for_page(number)
                if self.clients[number].page:
                    self.turn_page(number, only_look=False)
            if self._all_have_everything():
                return
        raise AssertionError(
            f"head {self.log.head}: "
            + str([(str(c.user)[-2:], c.taken[-1:]) for c in self.clients])
        )

    def _answer_everything(self) -> None:
        for of in range(PROCESSES):
            for _ in range(100):
                if not self.processes[of].reads:
                    break
                self.read(of)
            assert not self.processes[of].reads, "somebody reads for ever"

    def _all_have_everything(self) -> bool:
        return all(
            len(one.taken) == self.log.head for one in self.clients if one.user in self.log.members
        )

    async def _end(self) -> None:
        for each in self.processes:
            each.die()


class SlowDelivery(Delivery):
    """The same without joins and leaves, so that more happens to slow clients."""

    come = go = crash = forge = None  # type: ignore[assignment]


def _settings(max_examples: int) -> settings:
    return settings(
        max_examples=max_examples,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


TestDelivery = Delivery.TestCase
TestDelivery.settings = _settings(150)
TestSlowDelivery = SlowDelivery.TestCase
TestSlowDelivery.settings = _settings(100)
