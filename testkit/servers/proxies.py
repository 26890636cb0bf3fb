"""nginx and HAProxy for a test run, as docs/operations.md configures them."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import port_for
import trustme

from testkit.servers.process import HOST, Server, require

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operations.md"
ProxyKind = Literal["nginx", "haproxy"]


@dataclass(frozen=True)
class Proxy:
    """Accepts HTTPS, and uses plain HTTP to the server."""

    kind: ProxyKind
    port: int
    pid: int
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"


def documented(kind: ProxyKind, replacements: dict[str, str]) -> str:
    """The documented configuration, with ports and files of this machine."""
    (text,) = re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    for old, new in replacements.items():
        assert old in text, f"docs/operations.md has no {old!r} for {kind} any more"
        text = text.replace(old, new)
    return str(text)


@asynccontextmanager
async def run_proxy(kind: ProxyKind, directory: Path, upstream: str) -> AsyncIterator[Proxy]:
    """A proxy for the server at `upstream`, an address with a port."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST, "localhost")
    certificate, key = directory / "chat.pem", directory / "chat-key.pem"
    both = directory / "both.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    port = port_for.select_random()
    if kind == "nginx":
        configuration = _nginx(directory, port, upstream, certificate, key)
        options = ["-p", str(directory), "-e", "stderr", "-c"]
    else:
        configuration = documented(
            kind,
            {
                "bind :443": f"bind {HOST}:{port}",
                "/etc/ssl/chat-with-key.pem": str(both),
                "127.0.0.1:8000": upstream,
            },
        )
        options = ["-db", "-f"]
    file = directory / f"{kind}.conf"
    file.write_text(configuration)
    server = Server([require(kind), *options, str(file)], port, directory / "log")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    await server.start_here()
    try:
        yield Proxy(kind, port, server.pid, trust)
    finally:
        server.kill()


def _nginx(directory: Path, port: int, upstream: str, certificate: Path, key: Path) -> str:
    """One process, so that all clients share one connection to the server."""
    block = documented(
        "nginx",
        {
            "listen 443 ssl": f"listen {HOST}:{port} ssl",
            "/etc/ssl/chat.pem": str(certificate),
            "/etc/ssl/chat-key.pem": str(key),
            "127.0.0.1:8000": upstream,
        },
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {directory / kind};\n" for kind in kinds)
    return (
        f"daemon off;\nmaster_process off;\npid {directory / 'pid'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}{block}}}\n"
    )
