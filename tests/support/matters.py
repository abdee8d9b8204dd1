"""Consoles of nodes whose people work on matters: trial sign-in, and a client that sends forms as pages do."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2

from tests.support.nodes import World
from tests.support.ports import free_port

PEOPLE = {
    "th": (
        ("th.o.1042", "police", "officer"),
        ("th.o.7", "police", "supervisor"),
        ("th.o.2000", "police", "officer"),
        ("th.o.s1", "police", "security-officer"),
        ("th.o.h3", "police", "head-of-desk"),
    ),
    "vn": (
        ("vn.o.d7", "immigration", "duty"),
        ("vn.o.d8", "immigration", "duty"),
        ("vn.o.d5", "immigration", "duty"),
        ("vn.o.d9", "police", "duty"),
        ("vn.o.n1", "immigration", "national-desk"),
        ("vn.o.s1", "immigration", "security-officer"),
        ("vn.o.p1", "immigration", "data-officer"),
        ("vn.o.p9", "police", "data-officer"),
    ),
}


def with_consoles(world: World) -> World:
    """Give each home a console where people sign in for trials."""
    for member, people in PEOPLE.items():
        file, port = world.home(member) / "node.toml", free_port()
        text = file.read_text(encoding="utf-8")
        text = text.replace("[listen]", f'[listen]\nconsole = "127.0.0.1:{port}"')
        text += '\n[console]\nlogin = ["trial"]\ndevice_certificate = false\n'
        text += f'[release]\nrp_id = "localhost"\norigins = ["https://localhost:{port}"]\n'
        for person, agency, role in people:
            text += f'[[trial_officer]]\nid = "{person}"\noffice = "{member}.blo.one"\nagency = "{agency}"\n'
            text += f'role = "{role}"\npurposes = ["BORDER_CHECK", "INVESTIGATION"]\n'
        file.write_text(text, encoding="utf-8")
    return world


@asynccontextmanager
async def visitor(world: World, person: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser without scripts in which a person has signed in; it follows nowhere."""
    origin = world.nodes[person[:2]].addresses["console"]
    context = ssl.create_default_context(cafile=world.home(person[:2]) / "ca.pem")
    async with httpx2.AsyncClient(base_url=origin, verify=context, trust_env=False, timeout=60) as client:
        answer = await send(client, "/login/trial", {"person": person, "next": "/desk"})
        assert answer.status_code == 303, answer.text
        yield client


async def see(client: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """Ask for a page as a browser does that was told the address."""
    return await client.get(path, headers={"sec-fetch-site": "none", "sec-fetch-mode": "navigate"})


async def send(
    client: httpx2.AsyncClient,
    path: str,
    fields: Mapping[str, str | list[str]],
    /,
    form: str = "A" * 22,
    **headers: str,
) -> httpx2.Response:
    """Send a form as a page of ours does."""
    origin = str(client.base_url).rstrip("/")
    sent = {"sec-fetch-site": "same-origin", "origin": origin} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await client.post(path, data={"form": form} | dict(fields), headers=sent)
