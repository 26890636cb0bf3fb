"""How the load keeps count, and keeps to its schedule."""

import asyncio

from bench.fanout import Window, number_in, on_schedule


def test_so_many_are_outstanding_and_no_more() -> None:
    """Two sockets count and one reads: a message is delivered when all three have it."""
    sent: list[int] = []
    window = Window(2, counting=2, send=sent.append)
    window.fill()
    assert sent == [0, 1]
    window.event(10)  # ten bytes are the first message, says the one that reads
    window.received(10)
    assert sent == [0, 1]  # the other one does not have it
    window.received(10)
    assert sent == [0, 1, 2]
    assert window.delivered == 1


def test_many_can_be_delivered_at_once_and_before_the_reader_has_them() -> None:
    sent: list[int] = []
    window = Window(3, counting=1, send=sent.append)
    window.fill()
    window.received(60)
    assert window.delivered == 0  # nobody knows yet how long a message is
    for end in (10, 20, 60):
        window.event(end)
    assert window.delivered == 3
    assert sent == [0, 1, 2, 3, 4, 5]


def test_with_nobody_who_counts_the_reader_tells() -> None:
    sent: list[int] = []
    window = Window(1, counting=0, send=sent.append)
    window.fill()
    window.event(10)
    window.event(20)
    assert (window.delivered, sent) == (2, [0, 1, 2])


def test_nothing_is_sent_after_the_stop() -> None:
    sent: list[int] = []
    window = Window(1, counting=0, send=sent.append)
    window.fill()
    window.stop()
    window.event(10)
    assert (window.delivered, sent) == (1, [0])


def test_a_message_says_its_number() -> None:
    assert number_in(b'{"id":1,"text":"~4711~ so ~5~"}', 0) == 4711


async def test_what_is_late_is_sent_at_once_and_not_left_out() -> None:
    """The load was held up for 20 messages: they go out together, and the schedule stays."""
    loop = asyncio.get_running_loop()
    sent: list[int] = []
    await on_schedule(loop.time() - 0.02, 1000.0, 21, sent.append)
    assert sent == list(range(21))
    began = loop.time()
    await on_schedule(began, 100.0, 6, lambda _: None)
    assert loop.time() - began >= 0.05
