"""Checks of the code. Each returns the violations of its rule, as `file:line what`."""

import ast
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from math import ceil
from statistics import median

from tests.architecture.source import Module

Function = ast.FunctionDef | ast.AsyncFunctionDef


def transaction_ends(module: Module) -> list[str]:
    """`commit` and `rollback`, called or handed on, outside of app/persistence."""
    if module.path.startswith("app/persistence/"):
        return []
    return [
        f"{module.at(node)} .{node.attr}"
        for node in _in_order(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "rollback"}
    ]


DIALECTS = ("sqlite", "mysql", "mariadb")
# Connections, migrations, errors and checks of a server differ by their nature.
KNOW_DIALECTS = tuple(
    f"app/persistence/{name}"
    for name in ("sql/", "engine.py", "sqlite.py", "migrations.py", "server_info.py", "failures.py")
)


def dialect_names(module: Module) -> list[str]:
    """Names of dialects, and `.dialect`, in the parts of app/persistence that ask questions."""
    if not module.path.startswith("app/persistence/") or module.path.startswith(KNOW_DIALECTS):
        return []
    return [
        f"{module.at(node)} {ast.unparse(node)}"
        for node in _in_order(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr == "dialect")
        or (isinstance(node, ast.Constant) and str(node.value).startswith(DIALECTS))
    ]


def imports_in_functions(module: Module) -> list[str]:
    inside = {node for function in _functions(module) for node in ast.walk(function)}
    return [
        f"{module.at(node)} {ast.unparse(node)}"
        for node in _in_order(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and node in inside
    ]


def imports_of(package: str, module: Module) -> list[str]:
    """Where a module imports `package` or a part of it."""
    return [
        f"{module.at(node)} {ast.unparse(node)}"
        for node in _in_order(module.tree)
        for name in _imported(node)
        if name == package or name.startswith(f"{package}.")
    ]


def third_party_imports(module: Module, allowed: Collection[str]) -> list[str]:
    """Imports of what is neither of the standard library, nor of this program, nor allowed."""
    known = {*sys.stdlib_module_names, *allowed, "app"}
    return [
        f"{module.at(node)} {ast.unparse(node)}"
        for node in _in_order(module.tree)
        for name in _imported(node)
        if name.partition(".")[0] not in known
    ]


@dataclass(frozen=True)
class Sizes:
    """How long a kind of thing may be, in lines. `exceptions` have a maximum of their own."""

    most: int
    nine_of_ten: int
    middle: float
    exceptions: dict[str, int] = field(default_factory=dict)

    def exceeded_by(self, lengths: dict[str, int]) -> list[str]:
        ordered = sorted(lengths.values())
        if not ordered:
            return ["nothing was measured: the check looks in the wrong place"]
        found = [
            f"{name} has {length} lines, at most {most} are allowed"
            for name, length in lengths.items()
            if length > (most := self.exceptions.get(name, self.most))
        ]
        p90 = ordered[ceil(len(ordered) * 0.9) - 1]
        if p90 > self.nine_of_ten:
            found.append(f"nine of ten have up to {p90} lines, not {self.nine_of_ten}")
        if median(ordered) > self.middle:
            found.append(f"the median has {median(ordered):g} lines, not {self.middle:g}")
        longest = sorted(lengths, key=lambda name: -lengths[name])[:10]
        if found:
            found.append("the longest: " + ", ".join(f"{n} {lengths[n]}" for n in longest))
        return found


def file_lengths(modules: list[Module]) -> dict[str, int]:
    """Empty ones (`__init__.py`) are left out: they would make the median look good."""
    return {m.path: len(m.text.splitlines()) for m in modules if m.text.strip()}


def function_lengths(modules: list[Module]) -> dict[str, int]:
    """From `def` to the last line of the body, with the docstring."""
    return {
        f"{module.at(function)} {function.name}": function.end_lineno - function.lineno + 1
        for module in modules
        for function in _functions(module)
        if function.end_lineno is not None
    }


def _in_order(tree: ast.Module) -> list[ast.stmt | ast.expr]:
    """Statements and expressions in the order of the text."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)]
    return sorted(nodes, key=lambda node: node.lineno)


def _functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def _imported(node: ast.stmt | ast.expr) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(name)):
            return [name]
        case _:
            return []
