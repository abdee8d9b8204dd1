"""A node as a process of its own whose keys lie in a SoftHSM token."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.config import Home
from gateway.host.ending import STOP_S
from tests.support.processes import SERVE
from tests.support.security_module import Token
from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

_COMMAND_S = 180.0


def move_keys(home: Path, token: Token, names: Sequence[str], prefix: str = "") -> None:
    """Move keys of a home into the token, as objects with this prefix; its settings name their URIs then."""
    for name in names:
        token.take(Home(home).key(name), prefix + name)
    own = [name for name in names if not name.startswith("agency-")]
    lines = ["[keys]", f'module = "{token.library}"', f'pin_source = "{token.pin_source}"']
    lines += [f'{name} = "{token.uri(prefix + name)}"' for name in own]
    for name in sorted(set(names) - set(own)):
        lines += ["[[agency_key]]", f'id = "{name.removeprefix("agency-")}"', f'key = "{token.uri(prefix + name)}"']
    with Home(home).settings.open("a") as file:
        file.write("\n".join([*lines, ""]))


def move_tls(home: Path, token: Token) -> None:
    """Move the key of TLS of a home that has other keys in the token, too."""
    token.take(Home(home).key("tls"), "tls")
    file = Home(home).settings
    file.write_text(file.read_text().replace("[keys]\n", f'[keys]\ntls = "{token.uri("tls")}"\n'))


async def command(environment: Mapping[str, str], *arguments: str | Path) -> tuple[int, str]:
    """Run one command of `liaison`; return its exit code and all that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "printed"
        async with Zygote() as zygote:
            texts, call = map(str, arguments), "tests.support.zygote:command"
            child = await zygote.fork(call, *texts, output=output, environment=environment)
            code = await child.ended(_COMMAND_S)
        return code, output.read_text()


@asynccontextmanager
async def serving(home: Path, port: int, environment: Mapping[str, str], output: Path) -> AsyncIterator[Child]:
    """Serve a home until the block ends. What the node prints is in the file `output`."""
    async with Zygote() as zygote:
        child = await zygote.fork(SERVE, str(home), output=output, environment=environment)
        try:
            async with asyncio.timeout(MOST_S):
                while not await _listens(port):
                    assert child.alive, output.read_text()
                    await asyncio.sleep(0.05)
            yield child
        finally:
            child.signal(signal.SIGTERM)
            await child.ended(STOP_S / 2)  # by itself, and not by the limit of a stop


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
