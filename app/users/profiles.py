"""The fields of a profile that a user may leave out: a column of the user's row."""

from datetime import datetime
from functools import lru_cache

from app.core.clock import now
from app.core.emoji_sequences import canonical_emoji
from app.core.time_zones import find_time_zone
from app.wire.errors import Invalid
from app.wire.profiles import CustomStatus, Profile, SetStatus, UpdateProfileFields

NO_PROFILE = Profile()
FIELDS = frozenset(Profile.model_fields)


def read_profile(stored: str | None, at: datetime) -> Profile:
    """As it is at this time: a status that has ended is none."""
    profile = _parse(stored) if stored else NO_PROFILE
    status = profile.status
    if status and status.until and status.until <= at:
        return profile.model_copy(update={"status": None})
    return profile


def change_profile(stored: str | None, change: UpdateProfileFields) -> str | None:
    """The column with the fields that the change has. Raises Invalid."""
    at = now()
    fields = {name: getattr(change, name) for name in change.model_fields_set & FIELDS}
    if change.time_zone:
        _check_time_zone(change.time_zone)
    if change.language:
        fields["language"] = _canonical_language(change.language)
    if change.status:
        fields["status"] = _to_status(change.status, at)
    profile = read_profile(stored, at).model_copy(update=fields)
    return None if profile == NO_PROFILE else profile.model_dump_json()


@lru_cache(maxsize=10_000)
def _parse(stored: str) -> Profile:
    return Profile.model_validate_json(stored)


def _to_status(status: SetStatus, at: datetime) -> CustomStatus:
    emoji = canonical_emoji(status.emoji) if status.emoji else None
    if status.emoji and emoji is None:
        raise _invalid("status.emoji", f"{status.emoji!r} is not one emoji of Unicode's RGI set")
    if status.until and status.until <= at:
        raise _invalid("status.until", "is in the past")
    return CustomStatus(emoji=emoji, text=status.text.strip(), until=status.until)


def _check_time_zone(name: str) -> None:
    try:
        find_time_zone(name)
    except ValueError as error:
        raise _invalid("time_zone", str(error)) from None


def _canonical_language(tag: str) -> str:
    """In the case that BCP 47 recommends: `zh-Hant-TW`."""
    language, *subtags = tag.lower().split("-")
    cased = {2: str.upper, 4: str.title}
    return "-".join([language, *(cased.get(len(part), str)(part) for part in subtags)])


def _invalid(path: str, message: str) -> Invalid:
    return Invalid(f"Not acceptable: {path}: {message}.", [{"path": path, "message": message}])
