"""The result of one check of the installation."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but an operator may want to change it
    ERROR = "error"  # users are affected


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was checked and found. Unless the level is OK, `hint` says why that matters and what to
    do."""

    name: str
    detail: str
    level: Level = Level.OK
    hint: str = ""


def warning(name: str, detail: str, hint: str) -> CheckResult:
    return CheckResult(name, detail, Level.WARNING, hint)


def error(name: str, detail: str, hint: str) -> CheckResult:
    return CheckResult(name, detail, Level.ERROR, hint)
