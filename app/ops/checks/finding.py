"""What a check of the installation can say."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, and an operator may want it otherwise
    ERROR = "error"  # users will meet it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `text` says what there is. Unless the level is OK, `advice`
    says why that matters and what to do."""

    subject: str
    text: str
    level: Level = Level.OK
    advice: str = ""


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, text, Level.WARNING, advice)


def error(subject: str, text: str, advice: str) -> Finding:
    return Finding(subject, text, Level.ERROR, advice)
