"""No test depends on how fast the machine is: all waits are those of testkit/waiting.py."""

from tests.architecture.source import Module, expect_none, modules_of_tests
from tests.architecture.waits import own_waits

# What waits by a clock of its own, and why a slow machine fails nothing there.
EXCEPT = {
    "testkit/waiting.py": "it is the one place",
    "tests/features/rooms/test_removal_between.py": "a removal may have to wait for a lock",
    "tests/contracts/test_presence.py": "cancels again and again, until it has come through",
    "tests/persistence/test_retry.py": "keeps the loop busy",
    "tests/realtime/test_standstill.py": "the process is to stand still",
}
# It breaks real servers by the clock, and judges what they have promised, not how fast they are.
LABORATORY = "tests/faults/"
WRONG = """
await asyncio.sleep(0.1)
time.sleep(pause_s)
asyncio.timeout(5)
asyncio.wait_for(task, 5)
asyncio.wait([task], timeout=5)
pytest.mark.timeout(300)
httpx.AsyncClient(base_url=url)
time.monotonic() - begun < 5
5 > loop.time() - begun
"""
RIGHT = """
await asyncio.sleep(0)
await pause(0.1)
asyncio.wait_for(task, LIMIT_S)
asyncio.wait([task])
httpx.AsyncClient(timeout=LIMIT_S)
time.monotonic() - begun >= 1
"""


def test_all_waits_have_the_one_limit() -> None:
    findings = [
        finding
        for module in modules_of_tests()
        if module.path not in EXCEPT and not _is_laboratory(module)
        for finding in own_waits(module)
    ]
    expect_none(findings, "A slow machine is no failure. Wait with testkit/waiting.py:")


def test_what_is_excepted_is_there_and_needs_it() -> None:
    assert all(own_waits(m) for m in modules_of_tests() if m.path in EXCEPT)
    assert EXCEPT.keys() <= {module.path for module in modules_of_tests()}


def test_every_wait_of_its_own_is_found() -> None:
    for line in WRONG.strip().splitlines():
        assert len(own_waits(Module("a.py", f"async def f():\n    {line}\n"))) == 1, line
    for line in RIGHT.strip().splitlines():
        assert own_waits(Module("a.py", f"async def f():\n    {line}\n")) == [], line


def _is_laboratory(module: Module) -> bool:
    name = module.path.rpartition("/")[2]
    return module.path.startswith(LABORATORY) and not name.startswith("test_")
