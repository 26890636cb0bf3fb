"""Names follow the project's rules, as far as they can be checked."""

from collections.abc import Callable

import pytest

from tests.architecture import naming
from tests.architecture.source import Module, app_modules, expect_none


@pytest.mark.parametrize(
    "check",
    [naming.pronouns, naming.vague_constants, naming.functions_with_of],
    ids=["pronouns", "vague constants", "x_of"],
)
def test_names_follow_the_rules(check: Callable[[Module], list[str]]) -> None:
    violations = [violation for module in app_modules() for violation in check(module)]
    expect_none(violations, "Names that break the rules:")


def test_log_events_are_named_noun_dot_verb() -> None:
    events = [
        (f"{module.path}:{line}", event)
        for module in app_modules()
        if not module.path.startswith("app/client/")  # a library, which uses `logging`
        for line, event in naming.log_events(module)
    ]
    assert len(events) > 30, "the check finds too few events"
    violations = [f"{at} {event}" for at, event in events if not naming.EVENT.fullmatch(event)]
    expect_none(violations, "Log events that are not named like `bus.disconnected`:")


EXAMPLE = Module(
    "app/example.py",
    """
MOST, WAITING = 1, 2
def rooms_of(given, *, limit): ...
for one, room in enumerate(rooms): ...
found: int = 3
log.warning("broken")
log.info("bus.connected", one=1)
""",
)


def test_violations_are_found() -> None:
    assert naming.pronouns(EXAMPLE) == [
        "app/example.py:3 given",
        "app/example.py:4 one",
        "app/example.py:5 found",
    ]
    assert naming.vague_constants(EXAMPLE) == ["app/example.py:2 MOST", "app/example.py:2 WAITING"]
    assert naming.functions_with_of(EXAMPLE) == ["app/example.py:3 rooms_of"]
    assert [event for _, event in naming.log_events(EXAMPLE)] == ["broken", "bus.connected"]
