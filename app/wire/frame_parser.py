"""From a text message of a client to its frame, or to the error that answers it."""

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.wire.client_frames import ClientFrame, FrameId
from app.wire.errors import BadFrame, ChatError, Invalid, TooLarge, UnknownType
from app.wire.json_text import exceeds_depth, exceeds_values, find_id, has_duplicate_names
from app.wire.validation import invalid_from_pydantic

# Values in a frame; the largest `hello` has 3,000. Each may be an error.
MAX_VALUES = 4000
# More errors of a frame are counted, not listed: pydantic makes objects of all or of none.
MAX_ERRORS = 100

_FRAME_ID: TypeAdapter[FrameId | None] = TypeAdapter(FrameId | None)
_CLIENT: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


class RefusedFrame(Exception):
    """A frame that cannot be executed, with the id to answer under."""

    def __init__(self, error: ChatError, frame_id: str | int | None) -> None:
        super().__init__(error.detail)
        self.error, self.frame_id = error, frame_id


def parse(text: str, *, max_bytes: int, max_depth: int) -> Any:
    """The client frame in a text message, a `ClientFrame`. Raises RefusedFrame."""
    try:
        return _parse(text, max_bytes, max_depth)
    except ChatError as error:
        raise RefusedFrame(error, parse_frame_id(text)) from None


def _parse(text: str, max_bytes: int, max_depth: int) -> Any:
    if len(text) > max_bytes or len(text.encode()) > max_bytes:
        raise TooLarge(f"A frame has at most {max_bytes} bytes. Send less at once.")
    if exceeds_values(text, MAX_VALUES):
        raise BadFrame(f"A frame has at most {MAX_VALUES} values.")
    if exceeds_depth(text, max_depth):
        raise BadFrame(f"JSON is nested at most {max_depth} deep here.")
    try:
        frame = _CLIENT.validate_json(text, strict=True)
    except ValidationError as error:
        raise _explain(error) from None
    if _has_duplicate_names(text, frame):
        raise BadFrame("A frame has each name once in an object.")
    return frame


def _explain(error: ValidationError) -> ChatError:
    if error.error_count() > MAX_ERRORS:
        return Invalid(f"More than {MAX_ERRORS} values of this frame are not acceptable.")
    errors = error.errors(include_input=False, include_url=False)
    match errors[0]["type"]:
        case "json_invalid":
            return BadFrame("A frame is one JSON object; this is not JSON.")
        case "union_tag_not_found" | "model_attributes_type" | "dict_type":
            return BadFrame("A frame is one JSON object with a `type`.")
        case "union_tag_invalid":
            return UnknownType("Clients send no frame of this `type`. docs/protocol.md lists them.")
        case _:
            # The first part of each path is the frame's type.
            return invalid_from_pydantic([e | {"loc": e["loc"][1:]} for e in errors])


def parse_frame_id(text: str) -> str | int | None:
    """The `id` of a frame that is refused, so that the error can repeat it."""
    try:
        return _FRAME_ID.validate_python(find_id(text))
    except ValidationError:
        return None


def _has_duplicate_names(text: str, frame: BaseModel) -> bool:
    """Most frames are flat, and have neither escapes nor text that looks like a name: for those,
    counting is enough."""
    is_plain = text.count("{") == 1 and "\\" not in text
    if is_plain and all(text.count(f'"{name}"') == 1 for name in frame.model_fields_set):
        return False
    return has_duplicate_names(text)
