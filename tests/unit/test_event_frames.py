"""Events as frames, for readers who see everything, and for those who do not."""

import orjson

from app.core.publications import to_publication
from app.realtime.hub.event_frames import EventFrame
from app.wire.events import MessageCreated, MessageEdited, RoomEvent
from app.wire.examples import EVENT_EXAMPLES

ENVELOPE = set(RoomEvent.model_fields)


def example(cls: type[RoomEvent]) -> RoomEvent:
    return next(event for event in EVENT_EXAMPLES if type(event) is cls)


def test_a_reader_who_sees_everything_gets_every_event_as_it_is() -> None:
    for event in EVENT_EXAMPLES:
        frame = EventFrame(to_publication(event))
        assert frame.for_reader(0) is frame.frame


def test_an_event_of_a_hidden_message_keeps_only_its_envelope() -> None:
    event = example(MessageEdited)
    assert isinstance(event, MessageEdited)
    frame = EventFrame(to_publication(event))
    assert frame.for_reader(event.message.seq - 1) is frame.frame
    hidden = frame.for_reader(event.message.seq)
    assert hidden is frame.for_reader(event.message.seq + 1)
    fields = orjson.loads(hidden[hidden.index(b"{") :])
    assert fields.keys() == ENVELOPE
    assert (fields["type"], fields["seq"]) == ("message.hidden", event.seq)


def test_a_new_message_is_visible_without_a_look_at_it() -> None:
    event = to_publication(example(MessageCreated))
    assert EventFrame(event).is_visible(event.seq - 1)
