"""The report shows the numbers of the recorded runs."""

from tests.faults.fault_run import FaultPlan, FaultWindow, RunResult, late_deliveries
from tests.faults.faults import FAULTS
from tests.faults.history import History, RoomReplica, Send, Subscription
from tests.faults.report import markdown, p99, rows
from tests.faults.tables import Tables, Violation

ROOM = "room"


def result(*windows: FaultWindow) -> RunResult:
    """One message per second from 1 s on, acked after 0.1 s and delivered after 0.5 s."""
    times = {seq: float(seq) for seq in range(1, 101)}
    subscription = Subscription(0, 0.0, 0, received={seq: at + 0.5 for seq, at in times.items()})
    sends = [
        Send(ROOM, "ada", f"n{seq}", "hi", at, acked=at + 0.1, seq=seq) for seq, at in times.items()
    ]
    return RunResult(
        FaultPlan(7, [], 0),
        History(sends=sends, replicas=[RoomReplica("bob", ROOM, subscriptions=[subscription])]),
        list(windows),
        Tables(times={ROOM: times}),
        reconnects=[(0.0, 0), (30.0, 2), (60.0, 7)],
        seconds=120.0,
    )


def test_acks_and_reconnects_during_a_fault_are_counted() -> None:
    row = rows([result(FaultWindow(FAULTS["redis-freeze"], 20.05, 50.05))])["redis-freeze"]
    assert (row.injected, row.acked, row.reconnects) == (1, 30, 2)
    assert len(row.sends) == 30
    assert len(row.normal) == 100 - 30 - 5
    assert max(row.repairs) == 0.5


def test_a_late_delivery_is_a_violation_unless_a_fault_delayed_it() -> None:
    def found(*windows: FaultWindow) -> list[str]:
        run = result(*windows)
        run.history.replicas[0].subscriptions[0].received[30] = 50.0
        return [violation.kind for violation in late_deliveries(run)]

    assert found() == ["late"]
    assert found(FaultWindow(FAULTS["redis-kill"], 20.0, 32.0)) == ["late"]
    assert found(FaultWindow(FAULTS["redis-kill"], 20.0, 40.0)) == []


def test_repair_time_counts_from_the_end_of_a_fault_that_blocks_delivery() -> None:
    found = result(FaultWindow(FAULTS["mariadb-freeze"], 20.0, 50.0))
    found.history.replicas[0].subscriptions[0].received[30] = 50.7
    assert round(max(rows([found])["mariadb-freeze"].repairs), 3) == 0.7


def test_only_sockets_that_were_open_all_the_time_count_for_repair_times() -> None:
    found = result(FaultWindow(FAULTS["redis-kill"], 20.0, 50.0))
    found.history.replicas[0].subscriptions[0].at = 99.0
    assert rows([found])["redis-kill"].repairs == []


def test_times_count_only_for_faults_that_were_injected_alone() -> None:
    row = rows([result(FaultWindow(FAULTS["redis-kill"], 20.0, 50.0, alone=False))])["redis-kill"]
    assert row.repairs == row.sends == []


def test_p99_needs_20_sends() -> None:
    assert p99([1.0] * 19) is None
    assert p99([1.0] * 99 + [9.0] * 2) == 9.0


def test_the_report_lists_violations_with_their_seed() -> None:
    found = result(FaultWindow(FAULTS["none"], 0.0, 1.0))
    found.violations = [Violation("lost", "n5")]
    text = markdown([found], "make faults SEED=7")
    assert "**1 violations**" in text
    assert "- seed 7: lost: n5" in text
    assert text.startswith("`make faults SEED=7`")
