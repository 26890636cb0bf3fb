"""From rows to wire shapes."""

from app.core.clock import now
from app.persistence.repositories.session_states import SessionState
from app.persistence.tables import User
from app.users.profiles import FIELDS, read_profile
from app.wire.schemas.users import Me, UserOut


def user_out(user: User | SessionState) -> UserOut:
    profile = read_profile(user.profile, now())
    return UserOut(
        id=user.id,
        username=user.username,
        display_name=user.display_name,
        **{name: getattr(profile, name) for name in FIELDS},
    )


def me_out(user: User) -> Me:
    return Me(
        **dict(user_out(user)),
        is_admin=user.is_admin,
        created_at=user.created_at,
        share_read_markers=user.share_read_markers is not False,
    )
