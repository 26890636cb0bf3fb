"""The systemd unit in docs/operations.md, checked by systemd."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import ROOT
from testkit.servers.process import find

ANALYZE = find("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with this checkout and this interpreter instead of those in the document."""
    found = re.search(r"^```ini\n(.*?)^```", _operations(), re.DOTALL | re.MULTILINE)
    assert found
    text = found[1].replace("/srv/chat/.venv/bin/python", sys.executable)
    file = tmp_path / "chat.service"
    file.write_text(text.replace("/srv/chat", str(ROOT)))
    return file


def _operations() -> str:
    return (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def analyze(*words: str | Path) -> str:
    assert ANALYZE
    done = subprocess.run(
        [ANALYZE, "--no-pager", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_accepts_the_documented_unit(unit: Path) -> None:
    assert analyze("verify", unit) == ""


@needs_systemd
def test_the_documented_unit_has_the_documented_exposure(unit: Path) -> None:
    """Versions of systemd differ a little."""
    score = re.search(
        r"exposure level for chat.service: (\d\.\d)", analyze("security", "--offline=true", unit)
    )
    promised = re.search(r"gives it (\d\.\d) of 10", _operations())
    assert score
    assert promised
    assert float(score[1]) == pytest.approx(float(promised[1]), abs=0.5)


def test_the_command_of_the_documented_unit_works(unit: Path) -> None:
    """systemd starts it in WorkingDirectory, with few environment variables."""
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))
    done = subprocess.run(
        [*settings["ExecStart"].split(), "--help"],
        cwd=settings["WorkingDirectory"],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Run the server" in done.stdout
