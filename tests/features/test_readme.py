"""The examples of the README and of docs/moderation.md work unchanged, except for the address."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from app.settings import ROOT
from testkit.server import TestServer, run_embedded_server
from testkit.waiting import limit

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The only block of the README in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return str(found)


async def output_of(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with limit():
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.embedded
async def test_the_examples_of_the_readme_work(embedded_server: TestServer, tmp_path: Path) -> None:
    here = embedded_server.url.removeprefix("http://")

    def there(text: str) -> str:
        return text.replace("127.0.0.1:8000", here)

    script = there(block("bash")) + '\necho; echo "$token $room"\n'
    said = await output_of("bash", "-euo", "pipefail", "-c", script)
    assert said.count('"text":"Hello 👋"') == 2, said  # sent, and read back

    token, room = said.splitlines()[-1].split()[-2:]
    first_socket = tmp_path / "first_socket.py"
    first_socket.write_text(there(block("python")))
    frames = (await output_of(sys.executable, str(first_socket), token, room)).splitlines()
    assert '"type":"welcome"' in frames[0]
    assert "Over the socket" in frames[-1]


@pytest.mark.embedded
async def test_the_walk_through_a_moderated_room_works(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "moderation.md").read_text()
    script = "\n".join(re.findall(r"^```bash\n(.*?)^```$", document, re.MULTILINE | re.DOTALL))
    async with run_embedded_server(tmp_path) as server:
        script = script.replace("http://127.0.0.1:8000", server.url)
        lines = (await output_of("bash", "-euo", "pipefail", "-c", script)).splitlines()
    output = "\n".join(lines)
    assert output.count('"role":"moderator"') == 4, output  # one is that of the override
    assert output.count("You are banned from this room.") == 2, output
    assert "You are timed out in this room until" in output
    assert "'edit'" in output
    assert {"rate_limited", "forbidden"} <= set(lines), output
    assert '"count":4' in output
    assert '"text":"Cheap pills"' in output.partition('"snapshot"')[2]
    assert "has resolved this report at" in output
    assert '"outcome":"banned"' in output.rpartition('"status":"resolved"')[2]
    assert "filtered" in lines
    assert '"action":"member_banned"' in output
    assert '"reason":"Spam"' in output
    assert '"role":"owner"' in lines[-2]
    assert lines[-1] == "not_found", output  # the room was deleted
