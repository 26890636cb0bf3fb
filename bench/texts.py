"""What people say: real messages where there are some, else made up with the same lengths."""

import csv
import random
from pathlib import Path

MOST_CHARS = 1000
TEXT = 6  # the column, in a Gitter archive
# Tenths of the lengths of 32,000 messages of public rooms, in characters.
LENGTHS = (6, 13, 20, 28, 38, 50, 66, 90, 140, 400)
WORDS = ("so", "the", "build", "is", "green", "again", "and", "I", "see", "it", "now", "thanks")


def load(folder: Path | None, count: int = 2000) -> list[str]:
    """Texts in a random order, which is the same in every run. Raises FileNotFoundError for a
    folder without an archive."""
    chance = random.Random(1)
    if folder is None:
        return [_made_up(chance) for _ in range(count)]
    files = sorted(folder.glob("*.tsv"))
    if not files:
        raise FileNotFoundError(f"there is no .tsv file in {folder}")
    found = [text for path in files for text in _texts(path)]
    return chance.sample(found, min(count, len(found)))


def _texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        return [row[TEXT][:MOST_CHARS] for row in rows if len(row) > TEXT and row[TEXT].strip()]


def _made_up(chance: random.Random) -> str:
    length = chance.choice(LENGTHS)
    text = ""
    while len(text) < length:
        text += f"{chance.choice(WORDS)} "
    return text[:length].strip() or "ok"
