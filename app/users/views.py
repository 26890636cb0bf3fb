"""From rows to wire shapes."""

from app.persistence.tables import User
from app.wire.schemas.users import Me, UserOut


def user_out(user: User) -> UserOut:
    return UserOut.model_validate(user, from_attributes=True)


def me_out(user: User) -> Me:
    return Me(
        **user_out(user).model_dump(),
        is_admin=user.is_admin,
        created_at=user.created_at,
        share_read_markers=user.share_read_markers is not False,
    )
