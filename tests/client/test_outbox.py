"""Each request goes out until it has its answer: in the order of its room, under one nonce."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import send_queue as module
from app.client.errors import Ended, OutboxFull, Refused
from app.client.send_queue import OVERDUE_S, Outbox, Request
from app.wire.errors import ErrorCode, Retry
from app.wire.frames import Ack, MarkRead, SendMessage
from tests.client.doubles import OTHER, ROOM


def message(text: str, room: UUID = ROOM) -> SendMessage:
    return SendMessage(room=room, nonce=f"nonce-{text}", text=text)


def texts(requests: list[Request]) -> list[str]:
    return [r.frame.text for r in requests if isinstance(r.frame, SendMessage)]


def put(box: Outbox, *frames: SendMessage | MarkRead) -> "list[asyncio.Future[Ack]]":
    return [box.add(frame) for frame in frames]


def send_due(box: Outbox, now: float, first_id: int) -> list[Request]:
    due = box.due(now)
    for number, request in enumerate(due, first_id):
        box.sent(request, number, now)
    return due


def ack(frame_id: int, seq: int = 1) -> Ack:
    return Ack(id=frame_id, room=ROOM, seq=seq)


def refusal(code: ErrorCode, retry: Retry = Retry.AFTER, after_ms: int | None = 500) -> Refused:
    return Refused(code, "No.", retry=retry, retry_after_ms=after_ms)


async def test_of_each_room_one_is_on_its_way() -> None:
    box = Outbox()
    put(box, message("a1"), message("a2"))
    put(box, message("b1", OTHER))
    assert texts(send_due(box, 0, 1)) == ["a1", "b1"]
    assert send_due(box, 0, 9) == []
    box.acked(ack(1))
    assert texts(box.due(0)) == ["a2"]


async def test_the_answer_is_the_ack() -> None:
    box = Outbox()
    answer = box.add(message("a"))
    assert not box.empty.is_set()
    send_due(box, 0, 5)
    box.acked(ack(5, seq=77))
    assert (await answer).seq == 77
    assert box.empty.is_set()
    box.acked(ack(5))
    box.acked(ack(6))
    box.acked(Ack(room=ROOM, seq=1))


async def test_after_a_loss_the_same_goes_out_again_first() -> None:
    box = Outbox()
    put(box, message("a1"), message("a2"))
    (before,) = send_due(box, 0, 1)
    nonce = before.frame.model_copy()
    box.disconnected()
    (after,) = send_due(box, 0, 2)
    assert after.frame == nonce
    box.acked(ack(1))
    assert not after.answer.done(), "the answer to a frame of the last socket"


async def test_a_final_refusal_fails_one_and_frees_the_next() -> None:
    box = Outbox()
    bad, good = box.add(message("bad")), box.add(message("good"))
    send_due(box, 0, 1)
    assert box.refused(1, refusal(ErrorCode.ROOM_ARCHIVED, Retry.NEVER), 0)
    with pytest.raises(Refused) as refused:
        await bad
    assert refused.value.code == ErrorCode.ROOM_ARCHIVED
    assert texts(box.due(0)) == ["good"]
    assert not good.done()


async def test_refused_for_now_it_waits_and_keeps_its_place() -> None:
    box = Outbox()
    put(box, message("a1"), message("a2"))
    send_due(box, 10, 1)
    assert box.refused(1, refusal(ErrorCode.INTERNAL), 10)
    assert box.due(10.4) == []
    assert box.next_due() == 10.5
    assert texts(box.due(10.5)) == ["a1"]


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.BUSY])
async def test_what_concerns_all_holds_all(code: ErrorCode) -> None:
    box = Outbox()
    put(box, message("a1"))
    send_due(box, 0, 1)
    box.refused(1, refusal(code), 0)
    put(box, message("b1", OTHER))
    assert box.due(0.4) == []
    assert box.next_due() == 0.5
    assert texts(box.due(0.5)) == ["a1", "b1"]


async def test_a_refusal_without_an_id_is_of_any_that_is_out() -> None:
    box = Outbox()
    put(box, message("a1"))
    put(box, message("b1", OTHER))
    send_due(box, 0, 1)
    assert not box.refused(None, refusal(ErrorCode.RATE_LIMITED), 0)
    assert texts(box.due(0.5)) == ["a1", "b1"]


async def test_without_an_answer_it_is_sent_again_some_time() -> None:
    box = Outbox()
    put(box, message("a"))
    send_due(box, 100, 1)
    assert box.next_due() == 100 + OVERDUE_S
    assert box.due(100 + OVERDUE_S - 0.1) == []
    assert texts(send_due(box, 100 + OVERDUE_S, 2)) == ["a"]


async def test_it_is_bounded() -> None:
    box = Outbox(most=2)
    put(box, message("a"))
    put(box, message("b"))
    with pytest.raises(OutboxFull):
        put(box, message("c"))


async def test_so_many_are_on_their_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OUT", 2)
    box = Outbox()
    for number in range(4):
        put(box, message(f"m{number}", UUID(int=number)))
    assert texts(send_due(box, 0, 1)) == ["m0", "m1"]
    assert box.due(0) == []
    assert box.next_due() == OVERDUE_S
    box.acked(ack(2))
    assert texts(send_due(box, 0, 3)) == ["m2"]


async def test_read_markers_that_wait_become_one() -> None:
    box = Outbox()
    first = box.add(MarkRead(room=ROOM, seq=3))
    send_due(box, 0, 1)
    second = box.add(MarkRead(room=ROOM, seq=9))
    assert box.add(MarkRead(room=ROOM, seq=7)) is second
    assert first is not second
    box.acked(ack(1))
    (request,) = box.due(0)
    assert request.frame == MarkRead(room=ROOM, seq=9)
    assert box.messages == 0
    assert box.size == 1


async def test_giving_up_the_future_takes_nothing_back() -> None:
    box = Outbox()
    box.add(message("a")).cancel()
    assert texts(send_due(box, 0, 1)) == ["a"]
    box.acked(ack(1))
    assert box.empty.is_set()


async def test_in_the_end_everybody_hears_of_it() -> None:
    box = Outbox()
    answers = [box.add(message("a")), box.add(message("b")), box.add(message("c", OTHER))]
    send_due(box, 0, 1)
    box.abandon(Ended("over"))
    assert [isinstance(answer.exception(), Ended) for answer in answers] == [True] * 3
    assert box.empty.is_set()


class Server:
    """Takes a message once per nonce, like the real one. `fate` decides what becomes of each."""

    def __init__(self) -> None:
        self.log: dict[UUID, list[str]] = {ROOM: [], OTHER: []}

    def take(self, frame: SendMessage) -> int:
        log = self.log[frame.room]
        if frame.nonce not in log:
            log.append(frame.nonce)
        return log.index(frame.nonce) + 1


FATES = ("fine", "fine", "busy", "too fast", "answer lost", "request lost", "cut")


@given(
    rooms=st.lists(st.sampled_from([ROOM, OTHER]), max_size=12),
    fates=st.lists(st.sampled_from(FATES), max_size=40),
)
async def test_each_message_arrives_once_and_in_the_order_of_its_room(
    rooms: list[UUID], fates: list[str]
) -> None:
    box, server, now, frame_id = Outbox(), Server(), 0.0, 0
    frames = [message(str(number), room) for number, room in enumerate(rooms)]
    answers = [box.add(frame) for frame in frames]
    while not box.empty.is_set():
        for request in box.due(now):
            frame_id += 1
            box.sent(request, frame_id, now)
            assert isinstance(request.frame, SendMessage)
            fate = fates.pop() if fates else "fine"
            deliver(fate, box, server, frame_id, request.frame, now)
            if fate == "cut":
                break
        now = max(now, min(box.next_due(), 1e9))
    for room, log in server.log.items():
        assert log == [frame.nonce for frame in frames if frame.room == room]
    assert [answer.result().seq for answer in answers] == [server.take(frame) for frame in frames]


def deliver(
    fate: str, box: Outbox, server: Server, frame_id: int, frame: SendMessage, now: float
) -> None:
    match fate:
        case "fine":
            box.acked(Ack(id=frame_id, room=frame.room, seq=server.take(frame)))
        case "busy":
            box.refused(frame_id, refusal(ErrorCode.BUSY), now)
        case "too fast":
            box.refused(None, refusal(ErrorCode.RATE_LIMITED, after_ms=70), now)
        case "answer lost":
            server.take(frame)
        case "cut":
            server.take(frame)
            box.disconnected()
        case _:
            pass


async def test_the_future_of_a_refused_message_may_be_left_alone() -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    try:
        box = Outbox()
        put(box, message("a"))
        box.abandon(Ended("over"))
        await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert heard == []
