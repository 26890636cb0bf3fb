"""Checks of the tables in `app/wire`: every member of a union has its row, and nothing else has."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from app.wire.events import EventSpec


def row_mistakes(
    table: str, rows: Sequence[type[Any]], union: str, members: Sequence[type[Any]]
) -> list[str]:
    """Members of the union without exactly one row, and rows of what is no member."""
    counts = Counter(rows)
    mistakes = [
        f"{table} has {counts[member]} rows for {member.__name__}"
        for member in members
        if counts[member] != 1
    ]
    mistakes += [
        f"{union} has no member {row.__name__}, which {table} has a row for"
        for row in counts
        if row not in members
    ]
    return mistakes


def kind_mistakes(specs: Sequence[EventSpec[Any]]) -> list[str]:
    """Specs that share a kind of publication, but are not handled alike."""
    first = {spec.publication_kind: spec for spec in reversed(specs)}
    return [
        f"{spec.cls.__name__} needs a PublicationKind of its own: {spec.publication_kind.name} is "
        f"what {first[spec.publication_kind].cls.__name__} has, with other `membership` or `counts`"
        for spec in specs
        if _handling(spec) != _handling(first[spec.publication_kind])
    ]


def _handling(spec: EventSpec[Any]) -> tuple[Any, ...]:
    return spec.membership, spec.counts
