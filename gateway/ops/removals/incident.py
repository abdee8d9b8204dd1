"""Plan what follows the theft of a key: each step with its command, and whether it is done already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import Clock, rfc3339
from gateway.config import Home, argument, load_settings
from gateway.errors import Misused
from gateway.ops.removals.own_keys import listed_keys, replace_command
from gateway.trust.ceremony.ceremony import home_keys
from gateway.trust.ceremony.removal_notes import compromised_times
from gateway.trust.documents.descriptor import KeyUse, ListedKey
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView

_SIGNS_EVIDENCE = (KeyUse.STATEMENT, KeyUse.LOG)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan: what it is for, its command, and whether it is done already."""

    what: str
    command: str
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """The plan that follows the theft of a key, which may have been in other hands from `since_us` on."""

    member: str
    key: ListedKey
    since_us: int
    steps: tuple[Step, ...]


def plan_incident(folder: Path, name: str, clock: Clock, since_us: int | None = None) -> Incident:
    """Return the plan for the key that `name` means, also one that is removed already.

    Without `since_us` the window begins when the removal or the descriptor says. Raises `Misused`, `Unknown`.
    """
    settings = load_settings(folder)
    home = Home(settings.home)
    view = TrustKeeper(home.trust, clock).view
    key, *others = listed_keys(name, home.path, view.descriptor(settings.node.member), clock)
    if others:
        raise Misused(f"several keys fit `{name}`: name one by its id, and make a plan for each")
    known = compromised_times(home.trust).get(key.key_id, key.compromised_us)
    since_us = since_us if since_us is not None else known
    if since_us is None:
        raise Misused(f"nothing says since when `{name}` may be in other hands: give --since")
    return Incident(
        settings.node.member, key, since_us, tuple(_steps(home, view, settings.node.member, key, since_us, clock))
    )


def _steps(home: Home, view: TrustView, member: str, key: ListedKey, since_us: int, clock: Clock) -> Iterator[Step]:
    place, since = argument(home.path), rfc3339(since_us)
    short = key.key_id[:16]
    gone = key.key_id in view.withdrawn.get(member, ())
    replaced = gone and _has_another(home, view, key, member, clock)
    yield Step(
        "remove the key, so that nobody takes what it signs",
        f"liaison trust revoke --home {place} --key {short} --compromised-since {since} --reason WHY",
        gone,
    )
    yield Step("put a new key in its place", replace_command(key.use, home.path), replaced)
    if key.use in _SIGNS_EVIDENCE or key.use.startswith("agency/"):
        yield Step(
            "list what it signed in the window, and what a witness saw before it",
            f"liaison audit key-report --home {place} --key {key.key_id} --since {since}",
        )
    yield Step(
        "list the exchanges in the window, and have those asked for whom an answer may be false",
        f"liaison audit find --home {place} --since {since} --kind answered --kind received --kind late "
        '--reason "key in other hands"',
    )
    yield Step(
        "tell the operators of the counterparts: connected nodes take the documents by themselves, and their doctor "
        "names the key, the window and the command that lists the exchanges; carry the file to the others",
        f"liaison trust publish --home {place} --out notice.jsonl",
    )


def _has_another(home: Home, view: TrustView, key: ListedKey, member: str, clock: Clock) -> bool:
    """Tell whether the home holds another listed key of this use that is not removed."""
    descriptor, gone = view.descriptor(member), view.withdrawn.get(member, frozenset())
    listed = {each.key_id for each in descriptor.keys if each.use == key.use} - gone
    return any(each.key_id in listed for each in home_keys(home.path, descriptor.agencies, clock.now_us()))
