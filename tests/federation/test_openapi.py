"""The OpenAPI document holds for a real node: what it describes is answered so, and what it forbids is refused."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.config import Home
from tests.support.docs import OPENAPI
from tests.support.exchange import CLOCK, sample_world, stopping

pytestmark = pytest.mark.small_form

EXAMPLES = int(os.environ.get("LIAISON_API_EXAMPLES", "1"))
"""Generated calls of each operation."""

CHECKS = Path(__file__).with_name("schemathesis.toml")
PHASES = os.environ.get("LIAISON_API_PHASES", "examples,fuzzing")
"""`examples,coverage,fuzzing,stateful` with 15 examples is all of it, and takes minutes (`make nightly`)."""
OFFICER = Profile("th.o.1042", "officer", "th.blo.aranyaprathet", "police", ("BORDER_CHECK", "INVESTIGATION"))
WITHIN_S = 480.0 if EXAMPLES == 1 else 3_600.0


@pytest.mark.timeout(WITHIN_S + 60)
async def test_schemathesis_finds_no_failure_at_a_real_node(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with stopping(world), asyncio.timeout(WITHIN_S):
        for member in ("th", "vn"):
            await world.start(member)
        home = Home(world.home("th"))
        issuer = TrialIssuer.load(home.key("token-issuer"), "th", CLOCK)
        token = issuer.issue(OFFICER, client_certificate(home), 600)
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).parent / "schemathesis", "--config-file", CHECKS, "run", OPENAPI,
            "--url", f"https://{world.nodes['th'].addresses['agency']}", "--tls-verify", "false",
            "--request-cert", home.certificate("client-cli"), "--request-cert-key", home.key("client-cli"),
            "-H", f"Authorization: Bearer {token}", "--seed", "1", "--generation-database", "none",
            "--request-timeout", "60", "--suppress-health-check", "all", "--no-color",
            "--max-examples", str(EXAMPLES), "--phases", PHASES,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
        )  # fmt: skip
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0, said.decode()
