"""The services that requests use. Built once, in `bootstrap.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.application.server_state import KnownServerState
from app.bus.base import Bus
from app.core.actor import Actor
from app.core.device_tokens import DeviceTokens
from app.core.drafts import DraftContent, DraftKey
from app.core.message_commands import ChangeResult, MessageChange
from app.core.passwords import Passwords
from app.core.send_request import SendRequest, SendResult
from app.core.sync_tokens import SyncTokens
from app.core.tokens import Claims, Tokens
from app.limits.base import RateLimiter
from app.persistence.data_loader import DataLoader
from app.persistence.database import Database
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.repositories.session_states import SessionState
from app.presence.base import PresenceStore
from app.settings import Settings

# Sends a message, alone or in a batch. Returns after COMMIT.
SendMessage = Callable[[SendRequest], Awaitable[SendResult]]
# Edits a message or reacts to it, alone or in a batch. Returns after COMMIT.
ChangeMessage = Callable[[MessageChange], Awaitable[ChangeResult]]
# Moves the read marker of a user in a room to a seq, or right before it. Returns after COMMIT.
MoveReadMarker = Callable[[Actor, UUID, int], Awaitable[RoomListRow]]
# Saves a draft of a user, alone or with those after it. Returns after COMMIT.
SaveDraft = Callable[[Actor, DraftKey, DraftContent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AppContext:
    settings: Settings
    database: Database
    bus: Bus
    actor_loader: DataLoader[Claims, tuple[Actor, SessionState]]
    tokens: Tokens
    server_state: KnownServerState
    sync_tokens: SyncTokens
    passwords: Passwords
    device_tokens: DeviceTokens
    limiter: RateLimiter
    presence: PresenceStore
    send_message: SendMessage
    change_message: ChangeMessage
    mark_read: MoveReadMarker
    mark_unread: MoveReadMarker
    save_draft: SaveDraft
    draining: asyncio.Event = field(default_factory=asyncio.Event)  # set when a stop begins

    @property
    def access_lifetime(self) -> timedelta:
        return timedelta(seconds=self.settings.auth.access_token_ttl_s)
