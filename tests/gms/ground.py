"""Found the region: six members with real documents, policies and sources, whose nodes run as processes."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config import Home
from gateway.demo.people import DeskPerson, desk_persons, write_people
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from tests.gms.offices import MEMBERS, Office, addressable, national_desk, register
from tests.gms.sources import AGENCIES, make_sources
from tests.soak.ground import Seat
from tests.support.federation import Federation, make_federation
from tests.support.policies import NATIONAL
from tests.support.ports import free_port
from tests.support.zygote import Zygote

AGREEMENT = "gms-region"
OFFENCES = ("TIP", "SOM", "NARC", "PREC", "WILD", "TIMBER", "COUNTERFEIT", "MEDICINE", "EWASTE", "ODS", "ARMS", "SCAM",
            "MONEY", "TERROR", "DOCFRAUD", "OTHER")  # fmt: skip
PURPOSES = ("BORDER_CHECK", "INVESTIGATION", "CUSTOMS_CONTROL", "MISSING_PERSON", "THREAT_TO_LIFE", "VICTIM_PROTECTION")
_SETTINGS = """\
[node]
member = "{seat.member}"
[listen]
exchange = "127.0.0.1:{seat.exchange}"
agency = "127.0.0.1:{seat.agency}"
metrics = "127.0.0.1:{seat.metrics}"
[policy]
national = "policy"
[telemetry]
log_level = "error"
"""
_SOURCE = """\
[[source]]
id = "{source.id}"
agency = "{source.agency}"
mapping = "{source.mapping}"
url = "{source.url}"
"""


@dataclass(frozen=True, slots=True)
class Region:
    """The federation, the offices of each member, the nodes, and the persons of each member's desks."""

    federation: Federation
    offices: dict[str, tuple[Office, ...]]
    seats: dict[str, Seat]
    zygote: Zygote
    people: dict[str, list[DeskPerson]] = field(default_factory=dict)

    def home(self, member: str) -> Home:
        """The home of a member's node."""
        return Home(self.seats[member].home)

    def url(self, member: str) -> str:
        """The address of the REST API of a member's node."""
        return f"https://127.0.0.1:{self.seats[member].agency}"

    async def kill(self, member: str) -> None:
        """Let a node be gone."""
        await self.seats[member].end(signal.SIGKILL)

    def hang(self, member: str) -> None:
        """Let a node take connections and answer nothing."""
        self._signal(member, signal.SIGSTOP)

    def wake(self, member: str) -> None:
        """Let a node that hung go on."""
        self._signal(member, signal.SIGCONT)

    def _signal(self, member: str, number: signal.Signals) -> None:
        child = self.seats[member].child
        assert child
        child.signal(number)


@asynccontextmanager
async def region(folder: Path) -> AsyncIterator[Region]:
    """Found the region and run its six nodes; end them with the block."""
    async with Zygote() as zygote:
        made = await asyncio.to_thread(_found, folder, zygote)
        try:
            for member in MEMBERS:
                await made.seats[member].start(zygote)
            yield made
        finally:
            for seat in made.seats.values():
                if seat.child is not None and seat.child.alive:
                    seat.child.signal(signal.SIGCONT)
                    seat.child.signal(signal.SIGKILL)
                    await seat.child.ended(20)


def _found(folder: Path, zygote: Zygote) -> Region:
    seats = {member: Seat(member, folder / member, free_port(), free_port(), free_port()) for member in MEMBERS}
    endpoints = {member: (f"127.0.0.1:{seat.exchange}",) for member, seat in seats.items()}
    federation = make_federation(
        folder, MEMBERS, endpoints=endpoints, agencies=dict.fromkeys(MEMBERS, AGENCIES), threshold=4
    )
    made = Region(federation, register(), seats, zygote)
    databases = folder / "sources"
    databases.mkdir()
    for member, seat in seats.items():
        _write_policy(seat.home / "policy", member)
        sources = [_SOURCE.format(source=source) for source in make_sources(databases, member)]
        (seat.home / "node.toml").write_text(_SETTINGS.format(seat=seat) + "".join(sources), encoding="utf-8")
        made.people[member] = desk_persons(member, made.offices[member][0].id, AGENCIES)
        write_people(Home(seat.home).people, member, made.people[member], federation.clock)
        _publish(made, member, endpoints[member])
    return made


def _write_policy(folder: Path, member: str) -> None:
    """Write a country's own policy with an agreement of all six beside its own."""
    shutil.copytree(NATIONAL / member, folder, ignore=shutil.ignore_patterns("bad", "cases"))
    agencies = [f"{each}.{agency}" for each in MEMBERS for agency in AGENCIES]
    lines = {
        "id": f'"{AGREEMENT}"', "title": '"Memorandum of six countries, invented"', "parties": sorted(MEMBERS),
        "agencies": sorted(agencies), "record_types": ["Person", "TravelDocument", "Consignment", "Alert"],
        "queries": ["person", "document", "container"], "purposes": list(PURPOSES), "offences": list(OFFENCES),
        "valid_from": "2026-01-01", "valid_until": "2036-12-31",
    }  # fmt: skip
    text = "\n".join(f"{name} = {value}" for name, value in lines.items()).replace("'", '"')
    (folder / "agreements" / f"{AGREEMENT}.toml").write_text(f'{text}\n[articles]\n1 = "All"\n', encoding="utf-8")


def _publish(made: Region, member: str, endpoints: tuple[str, ...]) -> None:
    offices, one = made.offices[member], made.federation[member]
    made.federation.share(
        publish_descriptor(
            one.home,
            one.authority,
            one.clock,
            endpoints=endpoints,
            offices=[*(each.id for each in offices), national_desk(member)],
            agencies=AGENCIES,
            addressable=addressable(member, offices),
        )
    )
    made.federation.share(publish_status(one.home, one.clock))
