"""The program's text, as the checks read it."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """`path` is relative to the root of the repository, such as app/core/ids.py."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def at(self, node: ast.stmt | ast.expr) -> str:
        return f"{self.path}:{node.lineno}"


def app_modules() -> list[Module]:
    return modules("app")


def modules_of_tests() -> list[Module]:
    """The tests, and what they share with the benchmarks."""
    return [*modules("testkit"), *modules("tests")]


def modules(folder: str) -> list[Module]:
    return [
        Module(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def expect_none(findings: list[str], rule: str) -> None:
    """Fail with the rule and everything that breaks it; a traceback would say less."""
    if findings:
        pytest.fail("\n  ".join([rule, *findings]), pytrace=False)
