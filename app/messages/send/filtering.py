"""Whether the filters of a room and of the server let a message pass. Pure rules."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from app.core.text_filter import FilterBudget, FilterRule, OutOfTime, TextFilter, parse_filter
from app.persistence.repositories.filters import NO_FILTERS, FilterDocuments
from app.persistence.repositories.reports import FilterReport
from app.rooms.standing import Standing, may
from app.wire.domain import Permission
from app.wire.errors import Filtered
from app.wire.events import Message
from app.wire.filters import FilterAction
from app.wire.schemas.reports import ReportedMessage


def check_texts(
    documents: FilterDocuments, standing: Standing, texts: Iterable[str], budget: FilterBudget
) -> FilterRule | None:
    """The rule by which the message is to be reported, if there is one. Raises Filtered,
    BatchOutOfTime.

    Those who may delete messages of others are exempt from the rules of the room, administrators of
    the server from all.
    """
    applied = [] if documents == NO_FILTERS else list(_documents(documents, standing))
    if not applied:
        return None
    contents = list(texts)
    with budget.charge():
        rules = [_find(parse_filter(document), contents, place) for place, document in applied]
    return next((rule for rule in rules if rule), None)


def filter_report(room: UUID, message: Message, rule: FilterRule, at: datetime) -> FilterReport:
    """What the moderators get to judge."""
    snapshot = take_snapshot(message).model_dump_json()
    return FilterReport(room, message.sender, message.seq, rule.note or "", snapshot, at)


def take_snapshot(message: Message) -> ReportedMessage:
    """What a report keeps of a message."""
    return ReportedMessage(
        sender=message.sender,
        at=message.at,
        text=message.text,
        forwarded_text=message.forwarded.text if message.forwarded else None,
        options=[option.text for option in message.poll.options] if message.poll else None,
    )


def _documents(documents: FilterDocuments, standing: Standing) -> Iterator[tuple[str, str]]:
    if standing.is_server_admin:
        return
    if documents.server:
        yield "server", documents.server
    if documents.room and not may(Permission.MODERATE, standing):
        yield "room", documents.room


def _find(filter_: TextFilter, texts: list[str], place: str) -> FilterRule | None:
    try:
        rule = filter_.find(texts)
    except OutOfTime:
        raise Filtered(
            f"The filter of this {place} takes too long for this message. Send it in parts."
        ) from None
    if rule is None or rule.action is not FilterAction.REFUSE:
        return rule
    note = f" ({rule.note})" if rule.note else ""
    raise Filtered(f"A filter of this {place} refuses the message{note}. Write it differently.")
