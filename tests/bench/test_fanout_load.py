"""The window of outstanding messages, and the schedule of an open loop."""

import asyncio

from bench.fanout_load import Window, message_number, send_at_rate


def test_a_window_limits_the_outstanding_messages() -> None:
    """Two clients count and one reads: a message is delivered when all three have it."""
    sent: list[int] = []
    window = Window(2, counting=2, send=sent.append)
    window.fill()
    assert sent == [0, 1]
    window.event(10)  # the reading client says that the first message has ten bytes
    window.received(10)
    assert sent == [0, 1]  # the other counting client does not have it
    window.received(10)
    assert sent == [0, 1, 2]
    assert window.delivered == 1


def test_counting_clients_may_be_ahead_of_the_reading_client() -> None:
    sent: list[int] = []
    window = Window(3, counting=1, send=sent.append)
    window.fill()
    window.received(60)
    assert window.delivered == 0  # the length of a message is still unknown
    for end in (10, 20, 60):
        window.event(end)
    assert window.delivered == 3
    assert sent == [0, 1, 2, 3, 4, 5]


def test_a_window_works_without_counting_clients() -> None:
    sent: list[int] = []
    window = Window(1, counting=0, send=sent.append)
    window.fill()
    window.event(10)
    window.event(20)
    assert (window.delivered, sent) == (2, [0, 1, 2])


def test_a_stopped_window_sends_nothing() -> None:
    sent: list[int] = []
    window = Window(1, counting=0, send=sent.append)
    window.fill()
    window.stop()
    window.event(10)
    assert (window.delivered, sent) == (1, [0])


def test_the_number_of_a_message_is_found_in_its_frame() -> None:
    assert message_number(b'{"id":1,"text":"~4711~ so ~5~"}', 0) == 4711


async def test_overdue_messages_are_sent_at_once_and_none_is_skipped() -> None:
    """After a delay of 20 messages they are sent together, and the schedule does not shift."""
    loop = asyncio.get_running_loop()
    sent: list[int] = []
    await send_at_rate(loop.time() - 0.02, 1000.0, 21, sent.append)
    assert sent == list(range(21))
    start = loop.time()
    await send_at_rate(start, 100.0, 6, lambda _: None)
    assert loop.time() - start >= 0.05
