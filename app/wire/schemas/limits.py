"""The limits of a socket, as `welcome` announces them."""

from pydantic import Field

from app.wire.validation import ResponseModel


class ServerLimits(ResponseModel):
    """The server's settings that limit this socket."""

    hello_bytes: int = Field(description="Bytes of a `hello`.")
    frame_bytes: int = Field(description="Bytes of any other frame.")
    text_chars: int = Field(description="Characters of a message.")
    json_depth: int = Field(description="Depth to which JSON may be nested.")
    frames_per_minute: float = Field(description="Frames a minute on this socket.")
    frames_burst: int = Field(description="Frames at once.")
    sends_per_second: float = Field(description="Messages a second of this user.")
    sends_burst: int = Field(description="Messages at once.")
    writes_per_minute: float = Field(description="Other changes a minute of this user.")
    writes_burst: int = Field(description="Other changes at once.")
    reads_per_minute: float = Field(description="Reads a minute of this user.")
    reads_burst: int = Field(description="Reads at once.")
    open_rooms: int = Field(description="Rooms that may be open on a socket.")
    presence_subscriptions: int = Field(description="Users in a `presence.subscribe`.")
    typing_interval_s: float = Field(description="Seconds between two `typing` frames for a room.")
    sockets_per_user: int = Field(description="Sockets of a user on one process.")
    catchup_events_per_room: int = Field(
        description="Missed events of one room that are sent at once."
    )
    catchup_events_per_request: int = Field(
        description="Missed events that one frame brings in all."
    )
    max_drafts: int = Field(description="Drafts of this user.")
    max_saved: int = Field(description="Saved messages of this user.")
    max_blocks: int = Field(description="Users that one user may block.")
    max_reminders: int = Field(description="Reminders of this user.")
    max_scheduled: int = Field(description="Scheduled messages of this user.")
    max_schedule_days: int = Field(
        description="Days that scheduled messages and reminders may be ahead."
    )
    max_unread: int = Field(
        description="Unread messages are counted up to this number; one more stands for all above."
    )
    edit_window_s: int = Field(
        description="Seconds for which a message can be edited; 0: for ever."
    )
    max_versions: int = Field(description="Versions of a message.")
    max_reaction_kinds: int = Field(description="Different reactions to a message.")
    max_pins: int = Field(description="Pinned messages of a room.")
    max_overrides: int = Field(description="Roles and persons with own permissions in a room.")
    max_invites: int = Field(description="Open invite links of a room.")
    max_join_requests: int = Field(description="Users who ask to join a room.")
    max_poll_options: int = Field(description="Options of a poll.")
    metadata_bytes: int = Field(description="Bytes of a message's `metadata`, as JSON.")
    send_buffer_bytes: int = Field(description="Bytes that a socket may leave unread.")
