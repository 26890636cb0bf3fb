"""Raw results: one file a case, with everything that every run has measured."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

KEPT = Path(__file__).resolve().parent / "results"


class Result(BaseModel):
    """`skipped`: by arm, why it was not measured."""

    case: str
    taken_at: datetime
    quick: bool
    real_texts: bool
    machine: dict[str, str]
    samples: dict[str, list[dict[str, float]]]
    skipped: dict[str, str]


def save(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.case}.json"
    data = result.model_dump(mode="json")
    data["samples"] = {
        arm: [{key: _short(value) for key, value in run.items()} for run in runs]
        for arm, runs in result.samples.items()
    }
    path.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def load(folder: Path) -> dict[str, Result]:
    """By case; of a folder that does not exist, none."""
    return {
        path.stem: Result.model_validate_json(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
    }


def make(case: str, quick: bool, real_texts: bool, **parts: Any) -> Result:
    return Result(
        case=case,
        taken_at=datetime.now(UTC).replace(microsecond=0),
        quick=quick,
        real_texts=real_texts,
        machine=machine(),
        **parts,
    )


def machine() -> dict[str, str]:
    """What was measured on, and with what."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),  # not those of this process, which is pinned
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    for name, command in {
        "node": ("node", "--version"),
        "mariadb": ("/usr/sbin/mariadbd", "--version"),
        "redis": ("redis-server", "--version"),
        "commit": ("git", "rev-parse", "--short", "HEAD"),
    }.items():
        found[name] = _version(command)
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo").read_text()
    match = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return match[1] if match else platform.machine()


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=KEPT.parent)
    except FileNotFoundError:
        return "none"
    match = re.search(r"v?\d+\.\d+[\w.+-]*|^[0-9a-f]{7,}$", done.stdout.strip())
    return match[0] if match else "none"


def _short(value: float) -> float:
    """Nobody measures more than six digits."""
    return float(f"{value:.6g}")


def complete(runs: Mapping[str, list[dict[str, float]]]) -> bool:
    """Everything that was sent has arrived, in every run that counts."""
    return all(
        run.get("received") == run.get("expected") for samples in runs.values() for run in samples
    )
