"""The realtime parts of a process: how they are connected, and their background tasks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.application.server_state import KnownServerState
from app.bus.base import Bus
from app.core.sync_tokens import SyncTokens
from app.persistence.database import Database
from app.presence.base import PresenceStore
from app.realtime.connection.admission import PendingConnections
from app.realtime.connection.heartbeat import run_heartbeat
from app.realtime.connection.room_list import RoomListLoader
from app.realtime.connection.services import ConnectionServices
from app.realtime.connection.session_check import run_session_check, run_session_expiry
from app.realtime.delivery.change_poller import run_change_poll
from app.realtime.delivery.delivery import Delivery
from app.realtime.delivery.gap_repair import run_gap_repair
from app.realtime.delivery.position_check import run_position_check
from app.realtime.hub.hub import Hub
from app.realtime.items.updates import ItemUpdates
from app.realtime.presence.choices import PresenceChoices
from app.realtime.presence.lease import PresenceChanges, run_presence_lease
from app.realtime.presence.subscriptions import PresenceSubscriptions
from app.realtime.presence.updates import run_presence_updates
from app.realtime.profiles.updates import ProfileUpdates
from app.realtime.room_list.state import RoomListState
from app.realtime.room_list.updates import RoomListUpdates
from app.realtime.sampling import sample_metrics
from app.realtime.slow_consumers.backfill import run_backfill
from app.realtime.slow_consumers.limits import run_slow_consumer_limits
from app.realtime.slow_consumers.state import SlowConsumers
from app.realtime.typing.indicator import TypingIndicator
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Realtime:
    hub: Hub
    slow_consumers: SlowConsumers
    delivery: Delivery
    room_list: RoomListUpdates
    presence_changes: PresenceChanges
    presence_choices: PresenceChoices
    presence: PresenceSubscriptions
    typing: TypingIndicator
    profiles: ProfileUpdates
    connection_services: ConnectionServices


def create_realtime(
    database: Database,
    bus: Bus,
    settings: Settings,
    server_state: KnownServerState,
    sync_tokens: SyncTokens,
) -> Realtime:
    """Connect the parts, and have the bus call them."""
    limits = settings.limits
    hub = Hub(limits, settings.realtime.coalesce_writes)
    slow_consumers = SlowConsumers(hub)
    delivery = Delivery(hub, slow_consumers, database, server_state)
    server_state.on_new_epoch = delivery.on_new_epoch
    items = ItemUpdates(hub, database)
    room_list = RoomListUpdates(
        hub=hub,
        state=RoomListState(hub),
        database=database,
        find_position=delivery.list_position,
        issue_snapshot=lambda user, at: sync_tokens.issue(user, at, server_state.last),
        send_items=items.send,
    )
    presence_changes, presence = PresenceChanges(hub), PresenceSubscriptions(hub)
    choices = PresenceChoices(hub, database, presence_changes.note)
    typing = TypingIndicator(hub, bus, database, choices.is_invisible)
    volatile = (presence_changes, choices, presence, typing, ProfileUpdates(hub, database))
    lists = (room_list.state, items)
    for listener in (slow_consumers, delivery, delivery.user_logs, *lists, *volatile):
        hub.add_listener(listener)
    bus.subscribe(delivery.on_publication, delivery.position_check_needed.set)
    services = ConnectionServices(
        hub=hub,
        delivery=delivery,
        room_lists=RoomListLoader(database),
        pending=PendingConnections(
            limits.sockets_unauthenticated_per_address, limits.sockets_unauthenticated
        ),
        subscribe_presence=presence.subscribe,
        publish_typing=typing.publish,
    )
    return Realtime(hub, slow_consumers, delivery, room_list, *volatile, services)


def realtime_tasks(
    parts: Realtime, database: Database, bus: Bus, store: PresenceStore, settings: Settings
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """By name, functions that run forever."""
    hub, delivery, slow_consumers = parts.hub, parts.delivery, parts.slow_consumers
    realtime = settings.realtime
    return {
        "gap_repair": lambda: run_gap_repair(delivery, realtime),
        "position_check": lambda: run_position_check(delivery),
        "change_poll": lambda: run_change_poll(delivery, bus, realtime),
        "slow_consumer_backfill": lambda: run_backfill(hub, slow_consumers, database),
        "slow_consumer_limits": lambda: run_slow_consumer_limits(hub, realtime),
        "heartbeat": lambda: run_heartbeat(hub, realtime),
        "session_check": lambda: run_session_check(hub, database, realtime),
        "session_expiry": lambda: run_session_expiry(hub, database),
        "room_list": lambda: parts.room_list.run(realtime),
        "presence_lease": lambda: run_presence_lease(
            hub, parts.presence_changes, parts.presence_choices.state, bus, store, realtime
        ),
        "presence_choices": parts.presence_choices.run,
        "presence_updates": lambda: run_presence_updates(parts.presence, database, store),
        "typing": parts.typing.run_updates,
        "profiles": parts.profiles.run_updates,
        "metrics": lambda: sample_metrics(hub, database, bus),
    }
