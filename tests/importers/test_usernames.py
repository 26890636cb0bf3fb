"""The usernames of imported accounts."""

import itertools
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from app.core.clock import now
from app.importers.accounts import usernames
from app.importers.gitter import Author
from app.persistence.database import Database
from app.users.accounts import NewAccount, register
from app.wire.errors import UsernameTaken
from app.wire.validation import Username
from tests.importers.archives import row, run, write
from tests.importers.imported_data import read_contents
from tests.importers.local_users import create_account


async def test_a_username_that_is_taken_gets_a_number(database: Database, tmp_path: Path) -> None:
    for name in ("USER1", "user1-gitter-0001", "user1-gitter-0001-2"):
        await database.transact(create_account, name)
    await run(database, write(tmp_path / "a.tsv", [row(2, user=2), row(1)]))
    names = (await read_contents(database)).names()
    assert names["gitter:5f00bb00bb00bb00bb000001"] == "user1-gitter-0001-3"
    assert names["gitter:5f00bb00bb00bb00bb000002"] == "user2"


async def test_imported_lookalike_usernames_are_kept(database: Database, tmp_path: Path) -> None:
    """These accounts cannot log in, and no further one can be registered."""
    await database.transact(create_account, "scope")
    right, said = await run(
        database,
        write(
            tmp_path / "a.tsv",
            [row(3, user=3, name="modem"), row(2, user=2, name="modern"), row(1, name="ѕсоре")],
        ),
    )
    assert right, said
    names = (await read_contents(database)).names()
    assert {names[f"gitter:5f00bb00bb00bb00bb00000{n}"] for n in (1, 2, 3)} == {
        "ѕсоре",
        "modern",
        "modem",
    }
    for twin in ("ѕсоре".replace("с", "c"), "rnodern", "ѕсорe"):
        with pytest.raises(UsernameTaken, match="looks like"):
            await database.transact(register, NewAccount(twin, twin, ""))


NAMES = ["", "_x_", "~~~", "a" * 64, "a b c d", "-dash-", "x" * 15 + ".y", "ﷺﷺﷺ", "名", "é\u0301"]


@pytest.mark.parametrize("name", NAMES)
def test_every_derived_username_is_valid(name: str) -> None:
    author = Author("gitter:5f00bb00bb00bb00bb000001", name, now())
    accepted = TypeAdapter(Username)
    made = list(itertools.islice(usernames(author), 1000))
    assert len(set(made)) == 1000
    for username in made:
        assert accepted.validate_python(username) == username
