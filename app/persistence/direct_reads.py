"""The reads that clients do most, without SQLAlchemy's session: statements that are compiled once
go to the driver, and rows become JSON without an object for each."""

from app.persistence.repositories.blocks import BlockPages
from app.persistence.repositories.drafts import DraftPages
from app.persistence.repositories.event_pages import EventPages
from app.persistence.repositories.item_values import ItemValues
from app.persistence.repositories.memberships import Memberships
from app.persistence.repositories.mention_pages import MentionPages
from app.persistence.repositories.message_pages import MessagePages
from app.persistence.repositories.reminders import ReminderPages
from app.persistence.repositories.room_access import RoomAccess
from app.persistence.repositories.room_lists import RoomLists
from app.persistence.repositories.saved_messages import SavedMessagePages
from app.persistence.repositories.scheduled_messages import ScheduledPages
from app.persistence.repositories.server_state import ServerStateReads
from app.persistence.repositories.session_states import SessionStates
from app.persistence.repositories.thread_pages import ThreadPages
from app.persistence.search.names import SearchNames
from app.persistence.search.pages import SearchPages
from app.persistence.sql.executor import Reader


class DirectReads:
    def __init__(self, reader: Reader, max_unread: int) -> None:
        self.reader = reader
        self._max_unread = max_unread
        self.messages = MessagePages(reader)
        self.mentions = MentionPages(reader)
        self.events = EventPages(reader)
        self.access = RoomAccess(reader)
        self.memberships = Memberships(reader)
        self.room_lists = RoomLists(reader, max_unread)
        self.session_states = SessionStates(reader)
        self.items = ItemValues(reader)
        self.drafts = DraftPages(reader)
        self.blocks = BlockPages(reader)
        self.saved_messages = SavedMessagePages(reader)
        self.scheduled_messages = ScheduledPages(reader)
        self.reminders = ReminderPages(reader)
        self.server_state = ServerStateReads(reader)
        self.search = SearchPages(reader)
        self.search_names = SearchNames(reader)

    def thread(self, root: int) -> ThreadPages:
        """The replies to a message."""
        return ThreadPages(self.reader, root)

    def through(self, reader: Reader) -> "DirectReads":
        """The same reads with another reader."""
        return DirectReads(reader, self._max_unread)
