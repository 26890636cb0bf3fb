"""The texts of the messages."""

from pathlib import Path

import pytest

from bench import texts

ROW = 'r\turi\t2016-01-01T00:00:00Z\tu\tname\tid\t"{}"\n'


def test_generated_texts_are_the_same_in_every_run() -> None:
    generated = texts.load(None, 100)
    assert generated == texts.load(None, 100)
    assert all(generated)
    assert max(map(len, generated)) > 100 > min(map(len, generated))


def test_real_texts_may_have_several_lines_and_are_truncated(tmp_path: Path) -> None:
    long = "y" * (texts.MAX_CHARS + 1)
    (tmp_path / "a.tsv").write_text(ROW.format('one\n""two""') + ROW.format(" ") + ROW.format(long))
    assert sorted(texts.load(tmp_path)) == ['one\n"two"', long[:-1]]


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.tsv"):
        texts.load(tmp_path)
