"""Existing accounts get the skeletons of their usernames; of two with the same, the older one."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.core.ids import new_id
from testkit.servers.backend import Backend
from tests.persistence.schema import opened, upgrade

ADD = text(
    "INSERT INTO users (id, username, username_key, display_name, display_key, is_admin, "
    "created_at, username_skeleton) VALUES (:id, :name, :name, :name, :name, 0, :at, :look)"
)
# In the order in which they were made. Two by a program that ran on the step before.
ACCOUNTS = [
    ("scope", None),
    ("modern", None),
    ("bob", "bob"),
    ("ѕсоре", None),
    ("modem", "rnodern"),
]


async def test_the_oldest_of_lookalike_usernames_gets_the_skeleton(blank: Backend) -> None:
    await upgrade(blank.settings, "0004")
    async with opened(blank.settings) as engines, engines.write.begin() as connection:
        for number, (name, look) in reversed(list(enumerate(ACCOUNTS))):
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            given = {"id": new_id().bytes, "name": name, "at": at.replace(tzinfo=None)}
            await connection.execute(ADD, given | {"look": look})
    await upgrade(blank.settings, "head")
    async with opened(blank.settings) as engines, engines.read.connect() as connection:
        rows = await connection.execute(text("SELECT username, username_skeleton FROM users"))
        assert dict(rows.all()) == {
            "scope": "scope",
            "modern": "rnodern",
            "bob": "bob",
            "ѕсоре": None,
            "modem": None,
        }
