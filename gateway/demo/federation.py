"""Found the demo's federation in a folder: homes, authorities, charter, databases; and run its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from certs.durable import PUBLIC, write_new
from gateway.clock import Clock
from gateway.config import Home, Settings, SourceSettings, TrialOfficer, argument, load_settings, write_default
from gateway.demo.command import run
from gateway.demo.nodes import NodeProcess, free_addresses, start_node
from gateway.demo.people import DeskPerson, desk_persons, write_people
from gateway.demo.running import held, is_locked
from gateway.demo.sample import SAMPLES, SampleSource
from gateway.errors import Misconfigured
from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.sources.places import describe_sources
from gateway.trust.ceremony.ceremony import draft, import_document, publish_descriptor, publish_status, sign
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.documents.charter import charter_fingerprint
from gateway.trust.documents.descriptor import KeyUse

NAME = "gms-demo"
THRESHOLD = 2
MEMBERS = ("th", "vn", "kh")
OFFICES = {"th": "th.blo.aranyaprathet", "vn": "vn.blo.moc-bai", "kh": "kh.blo.poipet"}
AGENCIES = ("police", "customs", "immigration")
FIRST_AGENCY = {"th": "police", "vn": "immigration", "kh": "customs"}
"""The agency of officer 1042 in each country."""

OFFICER = "th.o.1042"

_PURPOSES = (
    "BORDER_CHECK",
    "INVESTIGATION",
    "PREVENTION",
    "CUSTOMS_CONTROL",
    "THREAT_TO_LIFE",
    "MISSING_PERSON",
)
_PURPOSES_OF = {
    "police": ("BORDER_CHECK", "INVESTIGATION", "PREVENTION", "THREAT_TO_LIFE", "MISSING_PERSON"),
    "customs": ("BORDER_CHECK", "CUSTOMS_CONTROL", "INVESTIGATION", "THREAT_TO_LIFE"),
    "immigration": ("BORDER_CHECK", "INVESTIGATION", "THREAT_TO_LIFE", "MISSING_PERSON", "VICTIM_PROTECTION"),
}


class DemoRuns(Misconfigured):
    """Nodes run in the folder that the demo was told to use, which is wrong usage."""

    exit_code = 2
    default_code = "already-running"


@dataclass(slots=True)
class Federation:
    """A founded federation. `processes` are the nodes that run now."""

    folder: Path
    clock: Clock
    processes: dict[str, NodeProcess] = field(default_factory=dict)

    def home(self, member: str) -> Path:
        """Return the home of a member's node."""
        return self.folder / member

    def administrator(self, member: str) -> Path:
        """Return the key of the member's administrator; outside the demo only that person has it."""
        return self.folder / "persons" / f"{member}-administrator.key"

    def authority(self, member: str) -> Path:
        """Return the member's authority, which outside the demo is kept offline."""
        return self.folder / f"{member}-authority"

    @property
    def charter(self) -> Path:
        """The charter that all members accepted."""
        return self.folder / "charter.jsonl"

    def start(self, *members: str) -> None:
        """Start nodes and wait until they listen. Raises `Unavailable` when one does not."""
        for member in members:
            listen = load_settings(self.home(member), {}).listen
            self.processes[member] = start_node(member, self.home(member), (listen.exchange, listen.agency))
        for member in members:
            self.processes[member].wait_until_it_listens(self.clock)

    def let_run(self) -> None:
        """Leave the nodes running when this process ends; `stop` no longer knows them."""
        self.processes.clear()

    def stop(self, *members: str) -> None:
        """Stop nodes, all at once."""
        with ThreadPoolExecutor(max_workers=len(MEMBERS)) as pool:
            list(pool.map(NodeProcess.stop, [self.processes.pop(member) for member in members]))


@contextmanager
def using(folder: Path) -> Iterator[None]:
    """Hold the folder of a federation for one demo. Raises `DemoRuns` while another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder) as first:
        if not first:
            raise DemoRuns(
                "another demo is playing in this folder",
                where=str(folder),
                remedy="wait for its end or end it (Ctrl-C), or choose another --home",
            )
        yield


def open_federation(folder: Path, clock: Clock) -> Federation:
    """Return the federation in `folder`; found it where it is not there yet.

    Raises `Misconfigured` when something else is there, and `DemoRuns` while nodes of it run.
    """
    federation = Federation(folder, clock)
    if federation.charter.exists():
        _refuse_running(federation)
        _renew(federation)
        return federation
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misconfigured(
            "the folder is not empty and holds no demo federation",
            where=str(folder),
            remedy="choose an empty folder, or remove this one",
        )
    _found(federation)
    return federation


def _found(federation: Federation) -> None:
    addresses = free_addresses(2 * len(MEMBERS))
    with ThreadPoolExecutor(max_workers=len(MEMBERS)) as pool:
        pairs = zip(addresses[::2], addresses[1::2], strict=True)
        list(pool.map(lambda member, pair: _init(federation, member, *pair), MEMBERS, pairs))
    charter = _draft_and_sign(federation)
    for member in MEMBERS:
        trust = federation.home(member) / "trust"
        import_document(trust, charter, federation.clock, charter_fingerprint(charter))
    documents = {member: _publish(federation, member) for member in MEMBERS}
    _hand_round(federation, documents)
    write_new(federation.charter, charter.rstrip(b"\n") + b"\n", PUBLIC)


def _init(federation: Federation, member: str, exchange: str, agency: str) -> None:
    """Write the settings, which `liaison init` keeps, then run that command as an operator would."""
    home = federation.home(member)
    home.mkdir(mode=0o700)
    (home / "mappings").mkdir(mode=0o700)
    (home / "sources").mkdir(mode=0o700)
    sources = [_source(home, sample) for sample in SAMPLES if sample.member == member]
    settings = {"node.member": member, "listen.exchange": exchange, "listen.agency": agency}
    write_default(home, settings, sources=sources, officers=_officers(member))
    agencies = [part for agency in AGENCIES for part in ("--agency", agency)]
    made = run("init", "--member", member, "--home", home, "--authority", federation.authority(member), *agencies)
    if made.code:
        raise Misconfigured(
            "`liaison init` failed for `{member}`",
            where=str(home),
            remedy="{advice}",
            member=member,
            advice=made.said.strip(),
        )
    _admit_administrator(federation, member)
    _write_people(federation, member)


def _write_people(federation: Federation, member: str) -> None:
    write_people(Home(federation.home(member)).people, member, _desk(member), federation.clock)


def _desk(member: str) -> list[DeskPerson]:
    """Return the persons of a member's desks, its first agency before the others."""
    first = FIRST_AGENCY[member]
    others = tuple(agency for agency in AGENCIES if agency != first)
    return desk_persons(member, OFFICES[member], (first, *others))


def _admit_administrator(federation: Federation, member: str) -> None:
    key = federation.administrator(member)
    made = make_key_pair(key.parent, key.stem)
    admit_person(federation.home(member), Path(made["public"]), KeyUse.ADMINISTRATOR)


def _source(home: Path, sample: SampleSource) -> SourceSettings:
    database = sample.build(home / "sources")
    mapping = home / "mappings" / sample.mapping_file.name
    mapping.write_bytes(sample.mapping_file.read_bytes())
    return SourceSettings(
        id=sample.id,
        agency=sample.agency,
        mapping=str(mapping.relative_to(home)),
        url=f"sqlite:///{database.relative_to(home)}",
    )


def _officers(member: str) -> list[TrialOfficer]:
    """Return an officer of each agency, a desk officer and a supervisor of the first one, and the persons of desks."""
    first = FIRST_AGENCY[member]
    others = [agency for agency in AGENCIES if agency != first]
    people = [
        (1042, first, "officer", _PURPOSES),
        *((number, agency, "officer", _PURPOSES_OF[agency]) for number, agency in enumerate(others, 1043)),
        (1045, first, "desk-officer", (*_PURPOSES, "VICTIM_PROTECTION")),
        (1046, first, "supervisor", (*_PURPOSES, "VICTIM_PROTECTION")),
    ]
    every = (*_PURPOSES, "VICTIM_PROTECTION")
    return [
        *(
            TrialOfficer(id=f"{member}.o.{number}", office=OFFICES[member], agency=agency, role=role, purposes=purposes)
            for number, agency, role, purposes in people
        ),
        *(
            TrialOfficer(f"{member}.{one.name}", one.office, one.agency, one.policy_role, every)
            for one in _desk(member)
        ),
    ]


def _draft_and_sign(federation: Federation) -> bytes:
    cards = [read_card(federation.authority(member)) for member in MEMBERS]
    charter = draft(cards, NAME, THRESHOLD, federation.clock)
    for member in MEMBERS:
        charter = sign(charter, federation.authority(member))
    return charter


def _publish(federation: Federation, member: str) -> bytes:
    home = federation.home(member)
    settings: Settings = load_settings(home, {})
    descriptor = publish_descriptor(
        home,
        federation.authority(member),
        federation.clock,
        endpoints=[settings.listen.exchange],
        offices=[OFFICES[member]],
        agencies=AGENCIES,
        sources=describe_sources(settings, federation.clock).kinds,
    )
    return _lines(descriptor, publish_status(home, federation.clock))


def _refuse_running(federation: Federation) -> None:
    """Raise `DemoRuns` while a node of the federation runs."""
    running = [member for member in MEMBERS if is_locked(Home(federation.home(member)).lock)]
    if running:
        raise DemoRuns(
            f"the nodes of {', '.join(running)} run already: a demo is served in this folder",
            where=str(federation.folder),
            remedy=f"end it (liaison demo --stop --home {argument(federation.folder)}), or choose another --home",
        )


def _renew(federation: Federation) -> None:
    """Hand round the newest documents of all members.

    A status lives three days at most. An earlier run has changed a descriptor (it appoints an auditor), without which
    the others refuse a status that names it. A federation that an earlier version founded gets administrators.
    Persons of the desks are on duty from now on.
    """
    for member in MEMBERS:
        if not federation.administrator(member).exists():
            _admit_administrator(federation, member)
            _publish(federation, member)
        _write_people(federation, member)
    _hand_round(federation, {member: _all_of(federation, member) for member in MEMBERS})


def _all_of(federation: Federation, member: str) -> bytes:
    """Return each version of a member's descriptor, since they follow each other, and a new status."""
    home = Home(federation.home(member))
    versions = (home.trust / "descriptors" / f"{member}.jsonl").read_bytes()
    return _lines(versions, publish_status(home.path, federation.clock))


def _hand_round(federation: Federation, documents: dict[str, bytes]) -> None:
    """Import each member's documents at all others; outside the demo they travel over gRPC or on a USB stick."""
    for owner, data in documents.items():
        for member in MEMBERS:
            if member != owner:
                import_document(Home(federation.home(member)).trust, data, federation.clock)


def _lines(*documents: bytes) -> bytes:
    return b"".join(document.rstrip(b"\n") + b"\n" for document in documents)
