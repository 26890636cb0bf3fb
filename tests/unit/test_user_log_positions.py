"""The position of a process in the log of a user, without a database."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from app.core.publications import Publication
from app.limit_settings import Limits
from app.realtime.delivery.user_logs import UserLogs
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.events import PublicationKind

USER, ROOM = uuid4(), uuid4()


class Changes(HubListener):
    def __init__(self) -> None:
        self.rooms: list[UUID] = []

    def on_list_changed(self, room_id: UUID, user: UUID | None) -> None:
        self.rooms.append(room_id)


def published(seq: int, payload: bytes = ROOM.bytes) -> Publication:
    return Publication(PublicationKind.USER_EVENT, USER, seq, USER, payload)


def connected() -> tuple[Hub, UserLogs, Changes]:
    """The user has one connection."""
    hub = Hub(Limits())
    logs, changes = UserLogs(hub), Changes()
    hub.by_user[USER].append(cast(Any, SimpleNamespace(user=USER, member_rooms=[])))
    for listener in (logs, changes):
        hub.add_listener(listener)
    logs.start(USER, 5)
    return hub, logs, changes


def test_a_user_who_has_gone_before_the_log_was_read_has_no_position() -> None:
    logs = UserLogs(Hub(Limits()))
    logs.start(USER, 5)
    logs.on_publication(published(6))
    assert logs.position(USER) is None


def test_a_position_moves_with_the_next_event_only() -> None:
    _, logs, changes = connected()
    for seq, position in ((7, 5), (6, 6), (6, 6), (7, 7)):
        logs.on_publication(published(seq))
        assert logs.position(USER) == position
    assert changes.rooms == [ROOM] * 4


def test_an_event_that_names_no_room_moves_the_position() -> None:
    """A later release may publish such events."""
    _, logs, changes = connected()
    logs.on_publication(published(6, b""))
    assert logs.position(USER) == 6
    assert changes.rooms == []
