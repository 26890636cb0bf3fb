"""docs/protocol.md and .env.example document everything that exists, and nothing else."""

from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from app.settings import PREFIX, Settings
from app.wire.client_frames import ClientFrame
from app.wire.close_codes import CloseCode
from app.wire.errors import ErrorCode
from app.wire.events import Event
from app.wire.frames import ServerFrame
from tests.architecture.documents import (
    Table,
    nonexistent,
    settings_in,
    tables,
    types_of,
    undocumented,
)
from tests.architecture.source import ROOT, expect_none

EXAMPLE = ROOT / ".env.example"


@pytest.fixture(scope="module")
def protocol() -> list[Table]:
    return tables((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([code.value for code in ErrorCode], id="error codes"),
        pytest.param(types_of(Event), id="events"),
        pytest.param(types_of(ClientFrame), id="client frames"),
        pytest.param(types_of(ServerFrame), id="server frames"),
        pytest.param([str(code.value) for code in CloseCode], id="close codes"),
    ],
)
def test_every_name_of_the_protocol_is_documented(
    members: list[str], protocol: list[Table]
) -> None:
    rule = "docs/protocol.md has a table row for each, with its name in the first cell:"
    expect_none(undocumented(members, protocol), rule)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([code.value for code in ErrorCode], id="error codes"),
        pytest.param(
            [*types_of(Event), *types_of(ClientFrame), *types_of(ServerFrame)], id="types"
        ),
        pytest.param([str(code.value) for code in CloseCode], id="close codes"),
    ],
)
def test_every_documented_name_exists(members: list[str], protocol: list[Table]) -> None:
    expect_none(
        nonexistent(members, protocol), "docs/protocol.md documents names that do not exist:"
    )


def test_the_example_lists_exactly_the_settings() -> None:
    existing = {
        f"{PREFIX}{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in type(field.default).model_fields
    }
    listed = settings_in(EXAMPLE.read_text(encoding="utf-8")).keys()
    expect_none(sorted(existing - listed), ".env.example misses settings:")
    expect_none(sorted(listed - existing), ".env.example has settings that do not exist:")


def test_the_example_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncommenting every line changes nothing."""
    values = settings_in(EXAMPLE.read_text(encoding="utf-8"))
    for name in values:
        monkeypatch.delenv(name, raising=False)
    uncommented = tmp_path / "env"
    uncommented.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    monkeypatch.chdir(ROOT)
    configured = _flat(Settings(_env_file=uncommented))
    defaults = _flat(Settings(_env_file=None))
    expect_none(
        [
            f"{name} is {configured[name]!r}, the default is {default!r}"
            for name, default in defaults.items()
            if configured[name] != default
        ],
        ".env.example differs from the defaults:",
    )


def _flat(settings: Settings) -> dict[str, object]:
    """By variable. Paths are absolute; the example has them relative to the repository."""
    return {
        f"{PREFIX}{group}__{name}".upper(): value.resolve() if isinstance(value, Path) else value
        for group, values in settings.model_dump().items()
        for name, value in values.items()
    }


# Tests of the checks.

DOCUMENT = """
`loose` | text

| code | meaning |
|---|:---|
| `busy` | try again |
| `gone`, `lost` | no |

| close | meaning |
|---|---|
| 4001 | draining |
"""


class Left(BaseModel):
    type: Literal["left"] = "left"


class Right(BaseModel):
    type: Literal["right"] = "right"


class Number(IntEnum):
    ONE = 1


Hand = Annotated[Left | Right, Field(discriminator="type")]


def test_tables_are_read() -> None:
    assert tables(DOCUMENT) == [[["busy"], ["gone", "lost"]], [["4001"]]]


def test_an_undocumented_name_is_found() -> None:
    findings = undocumented(["busy", "lost", "4001", "loose", "code"], tables(DOCUMENT))
    assert findings == ["`loose` is in no row of a table", "`code` is in no row of a table"]


def test_a_documented_name_that_does_not_exist_is_found() -> None:
    assert nonexistent(["busy", "gone"], tables(DOCUMENT)) == [
        "`lost` is documented, but does not exist"
    ]
    assert nonexistent(["busy"], tables(DOCUMENT)) == []  # a table of something else


def test_types_are_found_in_nested_unions() -> None:
    assert types_of(Hand | Left) == ["left", "right", "left"]
    assert types_of(Right) == ["right"]


def test_an_example_is_read() -> None:
    text = "# Two lines\n# of meaning.\n#A__B=1\n\n# Empty.\nC=\n"
    assert settings_in(text) == {"A__B": "1", "C": ""}


@pytest.mark.parametrize(
    "text", ["# Meaning.\nA=1\n\n# Again.\n#A=2\n", "\n#A=1\n", "# === A\nA=1\n"]
)
def test_a_setting_that_is_repeated_or_not_explained_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="A"):
        settings_in(text)
