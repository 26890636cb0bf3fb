"""The unit of work: what one command can read and change, and what it publishes.

Only this package commits and rolls back. A use case is a function of (uow, …); an edge runs it with
`Database.transact` (`database.py`).
"""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.publications import Publication, to_publication
from app.persistence.repositories import batch_writes
from app.persistence.repositories.audit_log import AuditLog, AuditReads
from app.persistence.repositories.batch_writes import (
    CountedEvent,
    RoomMentionOf,
    UserMention,
)
from app.persistence.repositories.blocks import BlockReads, Blocks
from app.persistence.repositories.completions import CompletionReads
from app.persistence.repositories.consumers import ConsumerReads, Consumers
from app.persistence.repositories.drafts import Drafts
from app.persistence.repositories.events import EventReads, Events
from app.persistence.repositories.join_requests import JoinRequestReads, JoinRequests
from app.persistence.repositories.members import MemberReads, Members
from app.persistence.repositories.message_batch import (
    MessageBatch,
)
from app.persistence.repositories.message_changes import MessageChanges
from app.persistence.repositories.messages import MessageReads, Messages
from app.persistence.repositories.notifications import NotificationReads, Notifications
from app.persistence.repositories.polls import PollReads, Polls
from app.persistence.repositories.presence_settings import (
    AllPresenceSettings,
    PresenceSettingsReads,
)
from app.persistence.repositories.read_by import ReadByReads
from app.persistence.repositories.reminders import Reminders
from app.persistence.repositories.reports import ReportReads, Reports
from app.persistence.repositories.retention import RetentionReads, Retentions
from app.persistence.repositories.room_invites import RoomInviteReads, RoomInvites
from app.persistence.repositories.room_lists import RoomLists
from app.persistence.repositories.room_purges import RoomPurgeReads, RoomPurges
from app.persistence.repositories.room_sanctions import RoomSanctionReads, RoomSanctions
from app.persistence.repositories.rooms import LockedRoom, RoomReads, Rooms
from app.persistence.repositories.saved_messages import SavedMessages
from app.persistence.repositories.scheduled_messages import ScheduledMessages
from app.persistence.repositories.server_settings import AllServerSettings, ServerSettingsReads
from app.persistence.repositories.server_state import ServerStates
from app.persistence.repositories.session_states import SessionStates
from app.persistence.repositories.sessions import SessionReads, Sessions
from app.persistence.repositories.statistics import Statistics, StatisticsReads
from app.persistence.repositories.thread_batch import ThreadChanges
from app.persistence.repositories.threads import ThreadReads, Threads
from app.persistence.repositories.user_groups import UserGroupReads, UserGroups
from app.persistence.repositories.user_logs import UserLogReads, UserLogs
from app.persistence.repositories.users import UserReads, Users
from app.persistence.search.log_reads import IndexedMessages
from app.persistence.search.writes import SearchWrites
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Executor, SessionExecutor
from app.wire.events import RoomEvent

_DATABASE_NOW = DatabaseNow()


class ReadSession:
    """What can be asked. It cannot write: its repositories have no such methods."""

    audit_log: AuditReads
    users: UserReads
    blocks: BlockReads
    sessions: SessionReads
    rooms: RoomReads
    members: MemberReads
    join_requests: JoinRequestReads
    room_invites: RoomInviteReads
    room_sanctions: RoomSanctionReads
    room_lists: RoomLists
    room_purges: RoomPurgeReads
    session_states: SessionStates
    messages: MessageReads
    polls: PollReads
    reports: ReportReads
    retentions: RetentionReads
    read_by: ReadByReads
    events: EventReads
    consumers: ConsumerReads
    statistics: StatisticsReads
    threads: ThreadReads
    user_logs: UserLogReads
    user_groups: UserGroupReads
    notifications: NotificationReads
    presence_settings: PresenceSettingsReads
    server_settings: ServerSettingsReads
    completions: CompletionReads

    def __init__(self, session: AsyncSession, max_unread: int) -> None:
        self.audit_log = AuditReads(session)
        self.users = UserReads(session)
        self.blocks = BlockReads(session)
        self.sessions = SessionReads(session)
        self.rooms = RoomReads(session)
        self.members = MemberReads(session)
        self.join_requests = JoinRequestReads(session)
        self.room_invites = RoomInviteReads(session)
        self.room_sanctions = RoomSanctionReads(session)
        self.room_lists = RoomLists(SessionExecutor(session), max_unread)
        self.room_purges = RoomPurgeReads(session)
        self.session_states = SessionStates(SessionExecutor(session))
        self.messages = MessageReads(session)
        self.polls = PollReads(session)
        self.reports = ReportReads(session)
        self.retentions = RetentionReads(session)
        self.read_by = ReadByReads(session)
        self.events = EventReads(session)
        self.consumers = ConsumerReads(session)
        self.statistics = StatisticsReads(session)
        self.threads = ThreadReads(SessionExecutor(session), max_unread)
        self.user_logs = UserLogReads(session)
        self.user_groups = UserGroupReads(session)
        self.notifications = NotificationReads(session)
        self.presence_settings = PresenceSettingsReads(session)
        self.server_settings = ServerSettingsReads(session)
        self.completions = CompletionReads(session)


class BatchUnitOfWork:
    """One transaction of sends. Its events are published after its COMMIT, and never otherwise."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.message_batch = MessageBatch(executor)
        self.publications: list[Publication] = []

    async def append_messages(
        self,
        counted: Sequence[CountedEvent],
        mentions: Sequence[UserMention],
        room_mentions: Sequence[RoomMentionOf] = (),
        changes: MessageChanges | None = None,
        threads: ThreadChanges | None = None,
    ) -> None:
        """Log events of messages in rooms that `message_batch` has locked, each at its room's next
        seq."""
        await batch_writes.append(
            self._executor, counted, mentions, room_mentions, changes, threads
        )
        self.publications.extend(to_publication(entry.event) for entry in counted)


class UnitOfWork(BatchUnitOfWork, ReadSession):
    """One transaction of anything."""

    audit_log: AuditLog
    users: Users
    blocks: Blocks
    sessions: Sessions
    rooms: Rooms
    members: Members
    join_requests: JoinRequests
    room_invites: RoomInvites
    room_sanctions: RoomSanctions
    room_purges: RoomPurges
    messages: Messages
    polls: Polls
    reports: Reports
    retentions: Retentions
    events: Events
    consumers: Consumers
    statistics: Statistics
    threads: Threads
    user_logs: UserLogs
    user_groups: UserGroups
    notifications: Notifications
    presence_settings: AllPresenceSettings
    server_settings: AllServerSettings

    def __init__(self, session: AsyncSession, max_unread: int) -> None:
        BatchUnitOfWork.__init__(self, SessionExecutor(session))
        ReadSession.__init__(self, session, max_unread)
        self.audit_log = AuditLog(session)
        self.users = Users(session)
        self.blocks = Blocks(session)
        self.sessions = Sessions(session)
        self.rooms = Rooms(session)
        self.members = Members(session)
        self.join_requests = JoinRequests(session)
        self.room_invites = RoomInvites(session)
        self.room_sanctions = RoomSanctions(session)
        self.room_purges = RoomPurges(session)
        self.messages = Messages(session)
        self.polls = Polls(session)
        self.reports = Reports(session)
        self.retentions = Retentions(session)
        self.events = Events(session)
        self.consumers = Consumers(session)
        self.statistics = Statistics(session)
        self.threads = Threads(session, max_unread)
        self.user_logs = UserLogs(session)
        self.user_groups = UserGroups(session)
        self.notifications = Notifications(session)
        self.presence_settings = AllPresenceSettings(session)
        self.server_settings = AllServerSettings(session)
        self.drafts = Drafts(session)
        self.saved_messages = SavedMessages(session)
        self.scheduled_messages = ScheduledMessages(session)
        self.reminders = Reminders(session)
        self.server_state = ServerStates(session)
        self.search = SearchWrites(self._executor)
        self.indexed_messages = IndexedMessages(self._executor)
        self._session = session

    def append_event(self, room: LockedRoom, build_event: Callable[[int], RoomEvent]) -> None:
        """Log the event that `build_event` makes for the room's next seq.

        The room's row is locked, so no other transaction can take that seq; one that fails gives
        it back, so there is never a hole.
        """
        room.seq += 1
        room.changed_at = _DATABASE_NOW
        event = build_event(room.seq)
        self.events.add(event)
        self.publications.append(to_publication(event))

    def publish(self, publication: Publication) -> None:
        """Publish something that is not in the log."""
        self.publications.append(publication)

    async def flush(self) -> None:
        """Send what is pending, so that the next read sees it and constraints speak now."""
        await self._session.flush()
        await self.members.flush()
        await self.events.flush()
        self.publications += await self.user_logs.flush()
