"""Each request is sent until it is answered, in the order of its room, with one nonce."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import send_queue as module
from app.client.errors import ClientStopped, RequestRejected, SendQueueFull
from app.client.send_queue import OVERDUE_S, Request, SendQueue
from app.wire.client_frames import MarkRead, SendMessage
from app.wire.errors import ErrorCode, Retry
from app.wire.frames import Ack
from tests.client.doubles import OTHER, ROOM


def message(text: str, room: UUID = ROOM) -> SendMessage:
    return SendMessage(room=room, nonce=f"nonce-{text}", text=text)


def texts(requests: list[Request]) -> list[str]:
    return [r.frame.text for r in requests if isinstance(r.frame, SendMessage)]


def put(box: SendQueue, *frames: SendMessage | MarkRead) -> "list[asyncio.Future[Ack]]":
    return [box.add(frame) for frame in frames]


def send_due(box: SendQueue, now: float, first_id: int) -> list[Request]:
    due = box.due(now)
    for number, request in enumerate(due, first_id):
        box.mark_sent(request, number, now)
    return due


def ack(frame_id: int, seq: int = 1) -> Ack:
    return Ack(id=frame_id, room=ROOM, seq=seq)


def refusal(
    code: ErrorCode, retry: Retry = Retry.AFTER, after_ms: int | None = 500
) -> RequestRejected:
    return RequestRejected(code, "No.", retry=retry, retry_after_ms=after_ms)


async def test_one_message_per_room_is_in_flight() -> None:
    box = SendQueue()
    put(box, message("a1"), message("a2"))
    put(box, message("b1", OTHER))
    assert texts(send_due(box, 0, 1)) == ["a1", "b1"]
    assert send_due(box, 0, 9) == []
    box.on_ack(ack(1))
    assert texts(box.due(0)) == ["a2"]


async def test_an_ack_resolves_the_future() -> None:
    box = SendQueue()
    answer = box.add(message("a"))
    assert not box.empty.is_set()
    send_due(box, 0, 5)
    box.on_ack(ack(5, seq=77))
    assert (await answer).seq == 77
    assert box.empty.is_set()
    box.on_ack(ack(5))
    box.on_ack(ack(6))
    box.on_ack(Ack(room=ROOM, seq=1))


async def test_a_lost_connection_resends_in_order() -> None:
    box = SendQueue()
    put(box, message("a1"), message("a2"))
    (before,) = send_due(box, 0, 1)
    nonce = before.frame.model_copy()
    box.on_disconnected()
    (after,) = send_due(box, 0, 2)
    assert after.frame == nonce
    box.on_ack(ack(1))
    assert not after.answer.done(), "the answer to a frame of the last socket"


async def test_a_final_rejection_fails_one_message_and_sends_the_next() -> None:
    box = SendQueue()
    bad, good = box.add(message("bad")), box.add(message("good"))
    send_due(box, 0, 1)
    assert box.on_rejected(1, refusal(ErrorCode.ROOM_ARCHIVED, Retry.NEVER), 0)
    with pytest.raises(RequestRejected) as refused:
        await bad
    assert refused.value.code == ErrorCode.ROOM_ARCHIVED
    assert texts(box.due(0)) == ["good"]
    assert not good.done()


async def test_a_retryable_rejection_keeps_the_order() -> None:
    box = SendQueue()
    put(box, message("a1"), message("a2"))
    send_due(box, 10, 1)
    assert box.on_rejected(1, refusal(ErrorCode.INTERNAL), 10)
    assert box.due(10.4) == []
    assert box.next_due() == 10.5
    assert texts(box.due(10.5)) == ["a1"]


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.BUSY])
async def test_rate_limited_and_busy_pause_the_whole_queue(code: ErrorCode) -> None:
    box = SendQueue()
    put(box, message("a1"))
    send_due(box, 0, 1)
    box.on_rejected(1, refusal(code), 0)
    put(box, message("b1", OTHER))
    assert box.due(0.4) == []
    assert box.next_due() == 0.5
    assert texts(box.due(0.5)) == ["a1", "b1"]


async def test_a_rejection_without_id_retries_everything_in_flight() -> None:
    box = SendQueue()
    put(box, message("a1"))
    put(box, message("b1", OTHER))
    send_due(box, 0, 1)
    assert not box.on_rejected(None, refusal(ErrorCode.RATE_LIMITED), 0)
    assert texts(box.due(0.5)) == ["a1", "b1"]


async def test_an_unanswered_request_is_resent() -> None:
    box = SendQueue()
    put(box, message("a"))
    send_due(box, 100, 1)
    assert box.next_due() == 100 + OVERDUE_S
    assert box.due(100 + OVERDUE_S - 0.1) == []
    assert texts(send_due(box, 100 + OVERDUE_S, 2)) == ["a"]


async def test_the_send_queue_is_bounded() -> None:
    box = SendQueue(max_size=2)
    put(box, message("a"))
    put(box, message("b"))
    with pytest.raises(SendQueueFull):
        put(box, message("c"))


async def test_max_in_flight_over_all_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IN_FLIGHT", 2)
    box = SendQueue()
    for number in range(4):
        put(box, message(f"m{number}", UUID(int=number)))
    assert texts(send_due(box, 0, 1)) == ["m0", "m1"]
    assert box.due(0) == []
    assert box.next_due() == OVERDUE_S
    box.on_ack(ack(2))
    assert texts(send_due(box, 0, 3)) == ["m2"]


async def test_waiting_read_markers_are_merged() -> None:
    box = SendQueue()
    first = box.add(MarkRead(room=ROOM, seq=3))
    send_due(box, 0, 1)
    second = box.add(MarkRead(room=ROOM, seq=9))
    assert box.add(MarkRead(room=ROOM, seq=7)) is second
    assert first is not second
    box.on_ack(ack(1))
    (request,) = box.due(0)
    assert request.frame == MarkRead(room=ROOM, seq=9)
    assert box.messages == 0
    assert box.size == 1


async def test_cancelling_the_future_does_not_withdraw_the_message() -> None:
    box = SendQueue()
    box.add(message("a")).cancel()
    assert texts(send_due(box, 0, 1)) == ["a"]
    box.on_ack(ack(1))
    assert box.empty.is_set()


async def test_fail_all_fails_every_future() -> None:
    box = SendQueue()
    answers = [box.add(message("a")), box.add(message("b")), box.add(message("c", OTHER))]
    send_due(box, 0, 1)
    box.fail_all(ClientStopped("over"))
    assert [isinstance(answer.exception(), ClientStopped) for answer in answers] == [True] * 3
    assert box.empty.is_set()


class FakeServer:
    """Accepts a message once per nonce, like the real one. `fate` decides about each."""

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
async def test_each_message_is_sent_once_in_room_order(rooms: list[UUID], fates: list[str]) -> None:
    box, server, now, frame_id = SendQueue(), FakeServer(), 0.0, 0
    frames = [message(str(number), room) for number, room in enumerate(rooms)]
    answers = [box.add(frame) for frame in frames]
    while not box.empty.is_set():
        for request in box.due(now):
            frame_id += 1
            box.mark_sent(request, frame_id, now)
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
    fate: str, box: SendQueue, server: FakeServer, frame_id: int, frame: SendMessage, now: float
) -> None:
    match fate:
        case "fine":
            box.on_ack(Ack(id=frame_id, room=frame.room, seq=server.take(frame)))
        case "busy":
            box.on_rejected(frame_id, refusal(ErrorCode.BUSY), now)
        case "too fast":
            box.on_rejected(None, refusal(ErrorCode.RATE_LIMITED, after_ms=70), now)
        case "answer lost":
            server.take(frame)
        case "cut":
            server.take(frame)
            box.on_disconnected()
        case _:
            pass


async def test_an_unawaited_rejection_logs_nothing() -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    try:
        box = SendQueue()
        put(box, message("a"))
        box.fail_all(ClientStopped("over"))
        await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert heard == []
