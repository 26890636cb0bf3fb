"""Overrides: what a room allows or denies to a role or to a person, besides the defaults.

They are a document in the room's row, which is read wherever the row is, and written under its
lock. Words that only a newer release knows mean nothing here.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import orjson

from app.wire.domain import Permission, Role

_KNOWN = {permission.value: permission for permission in Permission}


class Override(NamedTuple):
    """A permission is in one of both, or in none."""

    allow: frozenset[Permission] = frozenset()
    deny: frozenset[Permission] = frozenset()

    def apply(self, permissions: frozenset[Permission]) -> frozenset[Permission]:
        return (permissions | self.allow) - self.deny

    def difference(self, after: "Override") -> frozenset[Permission]:
        """What the two do not say alike."""
        return (self.allow ^ after.allow) | (self.deny ^ after.deny)


NO_OVERRIDE = Override()
Target = Role | UUID  # whom an override is for


class Overrides(NamedTuple):
    by_target: Mapping[str, Override]  # by the name of a role, or the id of a user

    def get(self, target: Target) -> Override:
        return self.by_target.get(str(target), NO_OVERRIDE)

    def replace(self, target: Target, override: Override) -> "Overrides":
        changed = {**self.by_target, str(target): override}
        return Overrides({key: value for key, value in changed.items() if value != NO_OVERRIDE})

    def encode(self) -> str | None:
        """For the column; None: there are none."""
        if not self.by_target:
            return None
        document = {
            target: [sorted(override.allow), sorted(override.deny)]
            for target, override in sorted(self.by_target.items())
        }
        return orjson.dumps(document).decode()


NO_OVERRIDES = Overrides({})


@lru_cache(maxsize=1000)
def _parse(document: str) -> Overrides:
    entries: dict[str, list[list[str]]] = orjson.loads(document)
    return Overrides(
        {target: Override(_known(allow), _known(deny)) for target, (allow, deny) in entries.items()}
    )


def parse_overrides(document: str | None) -> Overrides:
    return _parse(document) if document else NO_OVERRIDES


def _known(names: Iterable[str]) -> frozenset[Permission]:
    return frozenset(_KNOWN[name] for name in names if name in _KNOWN)
