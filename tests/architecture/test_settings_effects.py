"""Every setting has a test that sees its effect: one that fails if the program does not read it.

Such a test is marked `@pytest.mark.setting("CHAT_…")`, with every variable that it proves.
`pytest --ignore-settings` finds out whether it does.
"""

from tests.architecture.source import expect_none
from tests.settings import all_settings, marked_settings


def test_every_setting_has_a_test_that_sees_its_effect() -> None:
    missing = sorted(all_settings().keys() - marked_settings())
    expect_none(missing, 'Settings without a test that is marked @pytest.mark.setting("…"):')


def test_only_settings_are_marked() -> None:
    unknown = sorted(marked_settings() - all_settings().keys())
    expect_none(unknown, "Marks of what is no setting:")
