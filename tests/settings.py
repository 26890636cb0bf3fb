"""The settings, by the names of their variables."""

import ast

import pytest

from app.settings import PREFIX, ROOT, Settings


def all_settings() -> dict[str, object]:
    """Each variable with its default."""
    return {
        f"{PREFIX}{group}__{name}".upper(): field.default
        for group, part in Settings.model_fields.items()
        for name, field in type(part.default).model_fields.items()
    }


def ignore_setting(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program in this process sees the default, whatever is set."""
    default = all_settings()[variable]
    group, name = variable.removeprefix(PREFIX).lower().split("__")
    owner = type(Settings.model_fields[group].default)
    monkeypatch.setattr(owner, name, property(lambda _: default), raising=False)


def marked_settings() -> set[str]:
    """The variables that tests are marked with."""
    return {
        ast.literal_eval(argument)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.setting"
        for argument in node.args
    }
