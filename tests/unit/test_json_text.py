import pytest

from app.wire.json_text import exceeds_values


@pytest.mark.parametrize(
    ("text", "exceeds"),
    [
        ("[1,2,3]", False),
        ("[" + "1," * 40 + "1]", True),
        ("[" + '"a",' * 40 + '"a"]', True),
        ('["' + "," * 100 + '"]', False),
        ('["' + '\\"' * 100 + "," * 100 + '"]', False),
    ],
)
def test_json_values_are_counted_outside_strings(text: str, exceeds: bool) -> None:
    assert exceeds_values(text, 10) is exceeds
