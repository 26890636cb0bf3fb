"""What messages are searched for, in terms."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Pattern:
    """Terms that follow each other. With `prefix` the last one is only the beginning of one."""

    terms: tuple[str, ...]
    prefix: bool = False

    @property
    def whole_terms(self) -> tuple[str, ...]:
        return self.terms[:-1] if self.prefix else self.terms

    @property
    def is_whole_term(self) -> bool:
        return len(self.terms) == 1 and not self.prefix

    @property
    def in_document(self) -> str:
        """How a document has it: there is a space before and after each term."""
        return f" {' '.join(self.terms)}{'' if self.prefix else ' '}"


@dataclass(frozen=True, slots=True)
class Criteria:
    """All of them have to be met. `rooms`: None stands for all."""

    required: tuple[Pattern, ...] = ()
    excluded: tuple[Pattern, ...] = ()
    rooms: frozenset[UUID] | None = None
    excluded_rooms: frozenset[UUID] = frozenset()
    since: datetime | None = None
    until: datetime | None = None  # not at this time itself
    saved: bool | None = None  # by the user, or not; None: either
