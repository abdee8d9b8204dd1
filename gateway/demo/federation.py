"""Found the demo's federation in a folder: homes, authorities, charter, databases; and run its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.clock import Clock
from gateway.config import Home, Settings, SourceSettings, argument, load_settings, write_default
from gateway.demo.command import run
from gateway.demo.nodes import NodeProcess, free_addresses, start_node
from gateway.demo.people import AGENCIES, OFFICES, demo_persons, trial_officers, write_people
from gateway.demo.running import held, is_locked
from gateway.demo.sample import SAMPLES, SampleSource
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, write_new
from gateway.model.desk.offices import Contact
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
OFFICER = "th.o.1042"


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
    addresses = free_addresses(3 * len(MEMBERS))
    with ThreadPoolExecutor(max_workers=len(MEMBERS)) as pool:
        threes = zip(addresses[::3], addresses[1::3], addresses[2::3], strict=True)
        list(pool.map(lambda member, three: _init(federation, member, *three), MEMBERS, threes))
    charter = _draft_and_sign(federation)
    for member in MEMBERS:
        trust = federation.home(member) / "trust"
        import_document(trust, charter, federation.clock, charter_fingerprint(charter))
    documents = {member: _publish(federation, member) for member in MEMBERS}
    _hand_round(federation, documents)
    write_new(federation.charter, charter.rstrip(b"\n") + b"\n", PUBLIC)


def _init(federation: Federation, member: str, exchange: str, agency: str, console: str) -> None:
    """Write the settings, which `liaison init` keeps, then run that command as an operator would."""
    home = federation.home(member)
    home.mkdir(mode=0o700)
    (home / "mappings").mkdir(mode=0o700)
    (home / "sources").mkdir(mode=0o700)
    sources = [_source(home, sample) for sample in SAMPLES if sample.member == member]
    settings = {
        "node.member": member,
        "listen.exchange": exchange,
        "listen.agency": agency,
        "listen.console": console,
        "console.device_certificate": False,
        "console.login": ("trial",),
        "attachments.scanner": "none",  # a trial on one machine
        "attachments.free_mib": 256,
    }
    write_default(home, settings, sources=sources, officers=trial_officers(member))
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
    write_people(Home(federation.home(member)).people, member, demo_persons(member), federation.clock)


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
        contacts=[Contact(OFFICES[member], f"desk@{OFFICES[member]}.example.org")],
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
