"""Presence that tests decide: whom `@here` means."""

from collections.abc import Collection
from uuid import UUID

import pytest

from app.wire.domain import PresenceState
from testkit.server import TestServer


def set_online(
    server: TestServer, monkeypatch: pytest.MonkeyPatch, states: dict[str, PresenceState]
) -> None:
    """Users without a state are offline."""

    async def read_states(_: object, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        return {user: states.get(str(user), PresenceState.OFFLINE) for user in users}

    monkeypatch.setattr(type(server.context.presence), "read_states", read_states)
