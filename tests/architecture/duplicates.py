"""Finds code that stands in two places, like pylint's `duplicate-code`, in a tenth of the time."""

import ast
from collections.abc import Iterator

from tests.architecture.source import Module


def duplicates(modules: list[Module], min_lines: int) -> list[str]:
    """Places where `min_lines` lines equal those of an earlier place. Blank lines, comments,
    docstrings, imports and lines without a letter do not count."""
    first: dict[tuple[str, ...], str] = {}
    found = []
    for module in modules:
        lines = list(_code_lines(module))
        for start in range(len(lines) - min_lines + 1):
            window = lines[start : start + min_lines]
            place = f"{module.path}:{window[0][0]}"
            original = first.setdefault(tuple(text for _, text in window), place)
            if original != place:
                found.append(f"{place} is like {original}")
    return found


def _code_lines(module: Module) -> Iterator[tuple[int, str]]:
    ignored = set[int]()
    for node in ast.walk(module.tree):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                ignored.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            case _:
                pass
    for number, line in enumerate(module.text.splitlines(), 1):
        text = line.strip()
        if number not in ignored and any(map(str.isalpha, text)) and not text.startswith("#"):
            yield number, text
