"""Rules of naming that can be checked. Each function returns violations, as `file:line name`."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Module

PRONOUNS = {
    *("one", "other", "others", "some", "theirs", "mine", "ours", "asked", "given", "found"),
    *("it", "said", "told", "who", "most"),
}
# Constants whose name says neither what is counted nor for what.
VAGUE_CONSTANTS = {
    *("BATCH", "CLIENTS", "IDS", "LANES", "LOOKS", "MANY", "PAIRS", "PIECE", "RANGES", "READERS"),
    *("ROOMS", "SESSIONS", "SLICE", "STEP", "TIMES", "USERS", "WAITING"),
}
EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def pronouns(module: Module) -> list[str]:
    """Variables and parameters that are named by a pronoun, participle or superlative."""
    return [
        f"{module.path}:{line} {name}"
        for line, name in _bound_names(module)
        if name.lstrip("_") in PRONOUNS
    ]


def vague_constants(module: Module) -> list[str]:
    return [
        f"{module.path}:{line} {name}"
        for line, name in _bound_names(module)
        if name.lstrip("_") in VAGUE_CONSTANTS or name.lstrip("_").startswith("MOST")
    ]


def functions_with_of(module: Module) -> list[str]:
    """Functions named `x_of` or `of_x`, which have no verb."""
    return [
        f"{module.path}:{node.lineno} {node.name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.fullmatch(r"_?(of_\w+|\w+_of|of)", node.name)
    ]


def log_events(module: Module) -> Iterator[tuple[int, str]]:
    """The line and the name of each event that the module logs with structlog."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level),
                args=[ast.Constant(value=str(event)), *_],
            ) if level in _LEVELS:
                yield node.lineno, event
            case _:
                pass


def _bound_names(module: Module) -> list[tuple[int, str]]:
    names = []
    for node in ast.walk(module.tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.append((node.lineno, name))
            case _:
                pass
    return sorted(names)
