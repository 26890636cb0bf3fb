"""How tests wait. Each function returns violations of the rule of testkit/waiting.py, as `file:line
what`."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Module

LIMITS = {"timeout", "timeout_at"}
TEST_S = 600  # of any test, in pyproject.toml
CLOCKS = {"monotonic", "perf_counter", "time"}


def own_waits(module: Module) -> list[str]:
    """Pauses and limits that are not those of testkit/waiting.py, and times that may not be longer
    than something."""
    return [
        f"{module.at(node)} {ast.unparse(node)}"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Call) and _is_own(node))
        or (isinstance(node, ast.Compare) and _bounds_a_time(node))
    ]


def _is_own(call: ast.Call) -> bool:
    owner, _, name = ast.unparse(call.func).rpartition(".")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    match owner, name:
        case (_, "sleep"):
            return not (call.args and _is_zero(call.args[0]))
        case ("asyncio", "wait_for"):
            return ast.unparse(given.get("timeout") or call.args[1]) != "LIMIT_S"
        case ("asyncio", "wait"):
            return "timeout" in given
        case ("pytest.mark", "timeout"):  # longer than all others have is all right
            return float(ast.literal_eval(call.args[0])) <= TEST_S
        case ("httpx", "AsyncClient"):
            return "timeout" not in given
        case _:
            return owner == "asyncio" and name in LIMITS


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _bounds_a_time(node: ast.Compare) -> bool:
    """`clock() - begun < 5`, or the other way round."""
    sides = [node.left, *node.comparators]
    for left, order, right in zip(sides, node.ops, sides[1:], strict=False):
        if isinstance(order, ast.Lt | ast.LtE) and any(_reads_clock(left)):
            return True
        if isinstance(order, ast.Gt | ast.GtE) and any(_reads_clock(right)):
            return True
    return False


def _reads_clock(node: ast.expr) -> Iterator[bool]:
    return (
        isinstance(inner, ast.Call) and ast.unparse(inner.func).rpartition(".")[2] in CLOCKS
        for inner in ast.walk(node)
    )
