"""No code is repeated."""

from tests.architecture.duplicates import duplicates
from tests.architecture.source import Module, app_modules, expect_none

MIN_LINES = 10


def test_no_ten_lines_of_the_program_are_repeated() -> None:
    expect_none(duplicates(app_modules(), MIN_LINES), "Code that stands in two places:")


def test_a_repetition_is_found() -> None:
    body = "".join(f"    call_{n}(value)\n" for n in range(MIN_LINES))
    one = Module("app/one.py", f'"""One."""\nimport os\n\ndef one():\n{body}')
    two = Module("app/two.py", f"def two():\n    # Why.\n\n{body}")
    assert duplicates([one, two], MIN_LINES) == ["app/two.py:4 is like app/one.py:5"]
    assert duplicates([one, two], MIN_LINES + 1) == []
