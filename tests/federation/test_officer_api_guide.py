"""The client of the guide runs as it is written, against a real node."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.agency.officer_tokens.tokens import _OPTIONAL, _REQUIRED, MAX_LIFETIME_S, TYPE
from gateway.cli.client import client_certificate
from gateway.config import Home
from tests.support.exchange import CLOCK, sample_world, stopping
from tests.support.shared import PROJECT

GUIDE = (PROJECT / "docs" / "guides" / "officer-api.md").read_text(encoding="utf-8")
OFFICER = Profile("th.o.1042", "officer", "th.blo.aranyaprathet", "police", ("INVESTIGATION",))
WITHIN_S = 120.0


def test_the_guide_names_every_claim() -> None:
    table = GUIDE.partition("## The token")[2].partition("## A client")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE)))) == _REQUIRED | _OPTIONAL
    assert TYPE in table
    assert f"at most {MAX_LIFETIME_S} after" in table


async def test_the_client_of_the_guide_gets_its_lines(tmp_path: Path) -> None:
    code = GUIDE.partition("```python\n")[2].partition("```")[0]
    assert len(code.splitlines()) <= 40
    world = sample_world(tmp_path, ("th", "vn"))
    async with stopping(world), asyncio.timeout(WITHIN_S):
        for member in ("th", "vn"):
            await world.start(member)
        home = Home(world.home("th"))
        issuer = TrialIssuer.load(home.key("token-issuer"), "th", CLOCK)
        environment = {
            "CA": str(home.ca),
            "CERTIFICATE": str(home.certificate("client-cli")),
            "KEY": str(home.key("client-cli")),
            "NODE": world.nodes["th"].addresses["agency"],
            "NODE_NAME": f"{world.federation['th'].name}.th.liaison.internal",
            "TOKEN": issuer.issue(OFFICER, client_certificate(home)),
        }
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, env=environment, stdout=pipe, stderr=pipe
        )
        said, wrong = await client.communicate()
    assert said.decode().splitlines() == ["th no_hit 0", "vn hit 1"], wrong.decode()
