"""How many places a new field of a message takes: its line in `Content`, and its column."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COPIED = ("app", "alembic", "testkit", "tests")
# (file, the new line, the line below it). A migration adds the column to tables that exist.
PLACES = (
    (
        "app/wire/content.py",
        "    mood: str | None = Field(None, max_length=10)\n",
        "\n    def content_fields(",
    ),
    (
        "app/persistence/tables.py",
        "    mood: Mapped[str | None] = mapped_column(String(10))\n",
        "    # Of what was sent under the nonce",
    ),
)


def test_a_new_field_of_a_message_is_added_in_two_places(tmp_path: Path) -> None:
    """The field is sent over HTTP and sockets, validated, stored, delivered, read, compared for a
    repeated nonce, and documented."""
    tree = tmp_path / "tree"
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy2(ROOT / name, tree / name)
    for name, line, below in PLACES:
        text = (tree / name).read_text(encoding="utf-8")
        assert text.count(below) == 1, f"{name} has changed: {below}"
        (tree / name).write_text(text.replace(below, line + below), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.features.messages.field_check", str(tmp_path)],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
