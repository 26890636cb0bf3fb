"""How many places a new field of a message takes: its line in `Content`, and its column."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COPIED = ("app", "alembic", "testkit", "tests")
# (file, the line above, the new line). A migration adds the column to tables that exist.
PLACES = (
    (
        "app/wire/content.py",
        '        None, description="`seq` of the message that this one answers.", examples=[1204]\n'
        "    )\n",
        "    mood: str | None = Field(None, max_length=10)\n",
    ),
    (
        "app/persistence/tables.py",
        "    reply_to: Mapped[int | None] = mapped_column(BigInteger)\n",
        "    mood: Mapped[str | None] = mapped_column(String(10))\n",
    ),
)


def test_a_new_field_of_a_message_is_added_in_two_places(tmp_path: Path) -> None:
    """It is sent over HTTP and sockets, validated, stored, delivered, read, part of what a nonce
    stands for, and documented."""
    tree = tmp_path / "tree"
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy2(ROOT / name, tree / name)
    for name, above, line in PLACES:
        text = (tree / name).read_text(encoding="utf-8")
        assert text.count(above) == 1, f"{name} has changed: {above}"
        (tree / name).write_text(text.replace(above, above + line), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.features.messages.field_check", str(tmp_path)],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
