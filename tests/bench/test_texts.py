"""What people say."""

from pathlib import Path

import pytest

from bench import texts

ROW = 'r\turi\t2016-01-01T00:00:00Z\tu\tname\tid\t"{}"\n'


def test_made_up_texts_are_the_same_in_every_run() -> None:
    made = texts.load(None, 100)
    assert made == texts.load(None, 100)
    assert all(made)
    assert max(map(len, made)) > 100 > min(map(len, made))


def test_real_texts_may_have_lines_and_are_cut(tmp_path: Path) -> None:
    long = "y" * (texts.MOST_CHARS + 1)
    (tmp_path / "a.tsv").write_text(ROW.format('one\n""two""') + ROW.format(" ") + ROW.format(long))
    assert sorted(texts.load(tmp_path)) == ['one\n"two"', long[:-1]]


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.tsv"):
        texts.load(tmp_path)
