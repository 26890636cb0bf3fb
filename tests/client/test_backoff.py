from app.client.backoff import Backoff


def ceiling(backoff: Backoff) -> float:
    backoff.draw = lambda low, high: high
    return backoff.next_s()


def test_ceilings_double_up_to_the_most() -> None:
    backoff = Backoff()
    assert [ceiling(backoff) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_the_jitter_is_full() -> None:
    backoff = Backoff(first_s=10, most_s=10)
    drawn = [backoff.next_s() for _ in range(300)]
    assert min(drawn) < 1
    assert max(drawn) > 9
    assert all(0 <= pause <= 10 for pause in drawn)


def test_only_a_long_life_forgives() -> None:
    backoff = Backoff()
    for _ in range(5):
        ceiling(backoff)
    assert not backoff.lived(59.9)
    assert ceiling(backoff) == 16
    assert backoff.lived(60)
    assert ceiling(backoff) == 0.5


def test_a_thousand_attempts_are_no_overflow() -> None:
    backoff = Backoff()
    assert [ceiling(backoff) for _ in range(2000)][-1] == 30
