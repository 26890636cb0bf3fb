"""From rows to wire shapes of bans and time-outs."""

from collections.abc import Sequence

from app.core.paging import encode_key, split_page
from app.persistence.room_tables import RoomSanction
from app.wire.schemas.pages import Page
from app.wire.schemas.sanctions import SanctionOut


def sanction_page(rows: Sequence[RoomSanction], limit: int) -> Page[SanctionOut]:
    page, more = split_page(list(rows), limit)
    return Page(
        items=list(map(sanction_out, page)),
        next=encode_key(page[-1].user_id) if more else None,
    )


def sanction_out(sanction: RoomSanction) -> SanctionOut:
    return SanctionOut(
        user=sanction.user_id,
        until=sanction.until,
        reason=sanction.reason,
        set_by=sanction.set_by,
        at=sanction.at,
    )
