"""The settings that limit what clients ask for."""

from pydantic import Field

from app.setting_group import Group
from app.wire.content import MAX_OPTIONS
from app.wire.schemas.notifications import MAX_KEYWORDS
from app.wire.schemas.search import MAX_QUERY_CHARS
from app.wire.validation import MAX_ITEMS


class Limits(Group):
    """The frame `welcome` tells clients every limit that concerns a socket."""

    hello_bytes: int = Field(64 * 1024, ge=1024)
    frame_bytes: int = Field(16 * 1024, ge=1024)
    text_chars: int = Field(4000, ge=1, le=16000)
    json_depth: int = Field(32, ge=4, le=200)  # the parser's own limit
    frames_per_minute: float = Field(120.0, gt=0)
    frames_burst: int = Field(40, ge=1)
    sends_per_second: float = Field(5.0, gt=0)
    sends_burst: int = Field(10, ge=1)
    writes_per_minute: float = Field(300.0, gt=0)
    writes_burst: int = Field(200, ge=1)
    reads_per_minute: float = Field(600.0, gt=0)
    reads_burst: int = Field(300, ge=1)
    open_rooms: int = Field(100, ge=1)
    presence_subscriptions: int = Field(200, ge=1, le=1000)
    typing_interval_s: float = Field(3.0, gt=0)
    sockets_per_user: int = Field(10, ge=1)
    sockets_unauthenticated_per_address: int = Field(20, ge=1)
    sockets_unauthenticated: int = Field(10_000, ge=1)
    catchup_events_per_room: int = Field(100, ge=1)
    catchup_events_per_request: int = Field(1000, ge=1)
    send_buffer_bytes: int = Field(1024 * 1024, ge=65536)
    max_page_size: int = Field(100, ge=1, le=MAX_ITEMS)
    max_members_per_request: int = Field(100, ge=1, le=MAX_ITEMS)
    rooms_per_user: int = Field(5000, ge=1)
    sessions_per_user: int = Field(100, ge=1)
    tickets_per_session: int = Field(20, ge=1)
    large_room_members: int = Field(1000, ge=2)
    user_groups: int = Field(1000, ge=1, le=1000)
    user_group_members: int = Field(1000, ge=1, le=1000)
    here_members: int = Field(1000, ge=1, le=1000)
    keywords_per_user: int = Field(50, ge=1, le=MAX_KEYWORDS)
    max_drafts: int = Field(500, ge=1, le=10_000)
    max_saved: int = Field(5000, ge=1, le=100_000)
    max_blocks: int = Field(1000, ge=1, le=10_000)
    max_reminders: int = Field(500, ge=1, le=10_000)
    max_scheduled: int = Field(100, ge=1, le=10_000)
    max_schedule_days: int = Field(365, ge=1, le=36_500)
    max_unread: int = Field(999, ge=1, le=100_000)
    edit_window_s: int = Field(0, ge=0)  # 0: no limit
    max_versions: int = Field(100, ge=2, le=1000)
    max_reaction_kinds: int = Field(20, ge=1, le=100)
    max_pins: int = Field(50, ge=1, le=MAX_ITEMS)
    max_overrides: int = Field(100, ge=1, le=1000)
    max_invites: int = Field(100, ge=1, le=10_000)
    max_join_requests: int = Field(1000, ge=1, le=100_000)
    metadata_bytes: int = Field(4096, ge=0, le=16384)
    max_poll_options: int = Field(20, ge=2, le=MAX_OPTIONS)
    max_read_by_members: int = Field(100, ge=2, le=MAX_ITEMS)
    max_bulk_deletions: int = Field(1000, ge=1, le=10_000)
    max_filter_rules: int = Field(100, ge=1, le=500)
    max_query_chars: int = Field(500, ge=1, le=MAX_QUERY_CHARS)
    max_query_terms: int = Field(32, ge=1, le=200)
