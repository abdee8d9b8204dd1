"""`liaison source check`: faults that would keep a source process from serving, and their remedies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.check.probe import probe
from certs.ownership import check_ownership
from gateway.app.run.source import accepted_node, check_certificate, open_adapter
from gateway.clock import DAY_US, Clock, SystemClock
from gateway.config.source_home import SourceProcess, load_source
from gateway.errors import LiaisonError, Misconfigured
from gateway.host.confine import version
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.sources.places import process_place
from gateway.signing.keys import load_signing_key


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: its subject, whether it is good, a sentence, and the remedy."""

    what: str
    good: bool
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding for `--json`."""
        return asdict(self)


def check_source(home: Path) -> list[Finding]:
    """Return the results of all checks of a source process's home, in the order in which they build on each other."""
    clock = SystemClock()
    settings = load_source(home)
    looks: list[tuple[str, Callable[[SourceProcess, Clock], str]]] = [
        ("folder", _folder),
        ("records' key", lambda found, now: _certificate(found, "record", now)),
        ("TLS key", lambda found, now: _certificate(found, "tls", now)),
        ("log's key", _log_key),
        ("node", _node),
        ("files", _files),
        *([("names", _names)] if settings.home.names.exists() else []),
        ("system", _system),
    ]
    return [_look(what, settings, clock, look) for what, look in looks]


def _look(what: str, settings: SourceProcess, clock: Clock, look: Callable[[SourceProcess, Clock], str]) -> Finding:
    try:
        return Finding(what, True, look(settings, clock))
    except LiaisonError as error:
        place = f" ({error.where})" if error.where else ""
        return Finding(what, False, f"{error.message}{place}", error.remedy)


def _folder(settings: SourceProcess, clock: Clock) -> str:
    del clock
    check_ownership([settings.home.keys, settings.home.accepted], settings.read)
    return "others cannot write keys, certificates, mapping and tables of names"


def _certificate(settings: SourceProcess, name: str, clock: Clock) -> str:
    leaf = check_certificate(settings, name, clock)
    return f"{leaf.name.uri}, {(leaf.stop_us - clock.now_us()) // DAY_US} days left"


def _log_key(settings: SourceProcess, clock: Clock) -> str:
    del clock
    return f"key {load_signing_key(settings.home.key('log')).key_id[:16]}"


def _node(settings: SourceProcess, clock: Clock) -> str:
    accepted = accepted_node(settings, clock)
    return f"serves {', '.join(settings.source.nodes)}; accepts references of {accepted.count} statement key(s)"


def _files(settings: SourceProcess, clock: Clock) -> str:
    del settings, clock
    if not version():
        return "this kernel has no Landlock (Linux 5.13 and newer): the process can open all that its account can"
    return "Landlock keeps the process in its home and what the settings name"


def _names(settings: SourceProcess, clock: Clock) -> str:
    del clock
    return f"own rows of tables of names: {use_own_tables(settings.home.path) or 'none'}"


def _system(settings: SourceProcess, clock: Clock) -> str:
    """Check the agency's system; opening it builds a missing key index, unless a process serves it now."""
    try:
        with only_one(settings.home.path / "source.lock"):
            return _asked(settings, clock)
    except Misconfigured as error:
        if error.code != "already-running":
            raise
    _probed(settings, clock)
    return f"it can be asked; a process serves it now, on {settings.listen.address}"


def _asked(settings: SourceProcess, clock: Clock) -> str:
    use_own_tables(settings.home.path)  # its index is made with them
    adapter = open_adapter(settings, clock)
    try:
        said = adapter.describe()
        left_out = sum(sum(reasons.values()) for reasons in adapter.left_out.values())
        if problem := adapter.health():
            raise LiaisonError(problem, remedy="check the agency's system and its account")
    finally:
        adapter.close()
    _probed(settings, clock)
    kinds = ", ".join(sorted(said.queries))
    return f"`{said.id}` ({said.kind}) can be asked for {kinds}; {left_out} rows are left out"


def _probed(settings: SourceProcess, clock: Clock) -> None:
    """Raise what keeps the system from being asked now, or the first test beside its mapping that fails."""
    if not_met := probe(process_place(settings, clock)).unmet:
        raise LiaisonError(
            "{told}", where=not_met[0].where, remedy="`liaison adapter check` shows it", told=not_met[0].message
        )
