"""A clock that a test moves, for the processes that it starts: libfaketime."""

from collections.abc import Mapping
from pathlib import Path

import pytest

_LIBRARIES = "*/faketime/libfaketimeMT.so.1"


class FakeClock:
    """Processes with `variables` in their environment are `offset` away from the real time, a
    second after it was set at the latest. How long they wait does not change."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        library = next(Path("/usr/lib").glob(_LIBRARIES), None)
        if library is None:
            pytest.fail("libfaketime is not on this machine. Run testkit/servers/install.sh")
        self.variables: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set_offset(0)

    def set_offset(self, seconds: int) -> None:
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+d}s")
        written.replace(self._file)
