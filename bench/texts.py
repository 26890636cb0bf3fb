"""The texts of the messages: real ones from an archive, or generated ones of the same lengths."""

import csv
import random
from pathlib import Path

MAX_CHARS = 1000
TEXT_COLUMN = 6  # of a Gitter archive
# Deciles of the lengths of 32,000 messages of public rooms, in characters.
LENGTH_DECILES = (6, 13, 20, 28, 38, 50, 66, 90, 140, 400)
WORDS = ("so", "the", "build", "is", "green", "again", "and", "I", "see", "it", "now", "thanks")


def load(folder: Path | None, count: int = 2000) -> list[str]:
    """Texts in a random order that is the same in every run.

    Raises FileNotFoundError if the folder has no archive.
    """
    rng = random.Random(1)
    if folder is None:
        return [_generate(rng) for _ in range(count)]
    files = sorted(folder.glob("*.tsv"))
    if not files:
        raise FileNotFoundError(f"there is no .tsv file in {folder}")
    texts = [text for path in files for text in _read_texts(path)]
    return rng.sample(texts, min(count, len(texts)))


def _read_texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        return [
            row[TEXT_COLUMN][:MAX_CHARS]
            for row in rows
            if len(row) > TEXT_COLUMN and row[TEXT_COLUMN].strip()
        ]


def _generate(rng: random.Random) -> str:
    length = rng.choice(LENGTH_DECILES)
    text = ""
    while len(text) < length:
        text += f"{rng.choice(WORDS)} "
    return text[:length].strip() or "ok"
