"""What a request needs of the program. Built once, in `bootstrap.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from app.bus.base import Bus
from app.core.actor import Actor
from app.core.devices import Devices
from app.core.passwords import Passwords
from app.core.send_request import Send, Sent
from app.core.sync_tokens import SyncTokens
from app.core.tokens import Claims, Tokens
from app.limits.base import RateLimiter
from app.persistence.data_loader import Together
from app.persistence.repositories.sessions import SessionState
from app.persistence.uow import Database
from app.settings import Settings

# Sends a message, alone or with others. Returns after COMMIT.
Record = Callable[[Send], Awaitable[Sent]]


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    database: Database
    bus: Bus
    actors: Together[Claims, tuple[Actor, SessionState]]
    tokens: Tokens
    snapshots: SyncTokens
    passwords: Passwords
    devices: Devices
    limiter: RateLimiter
    record: Record
    draining: asyncio.Event = field(default_factory=asyncio.Event)  # this process is about to end

    @property
    def access_lifetime(self) -> timedelta:
        return timedelta(seconds=self.settings.auth.access_token_ttl_s)
