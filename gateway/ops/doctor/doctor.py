"""Find what would stop an exchange now or soon, and say how to mend it (`liaison doctor`).

The checks of a start are one list: `liaison serve` refuses to start for what they stop at, and `liaison doctor` stops
at what `serve` refuses. Each check looks at one thing and never raises: an error in a check is a finding, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gateway.clock import Clock
from gateway.config import Home, Settings, argument, load_settings
from gateway.config.sections.setting import ENDED
from gateway.errors import LiaisonError, each_of
from gateway.ops.doctor import home_checks, machine_checks, network_checks, storage_checks
from gateway.ops.finding import SOURCE_AWAY, Check, CheckContext, Finding, failed, good, stop, warn
from gateway.ops.homes.lock import is_held

BEFORE_START: dict[str, Check] = {
    **home_checks.START_CHECKS,
    "stores": storage_checks.check_stores,
    "keystore": storage_checks.check_keystore,
    "database": storage_checks.check_database,
    "addresses": network_checks.check_addresses,
}
"""The checks that a start makes before it opens anything to write."""

OPENED_BY_START: dict[str, Check] = {
    "logs": storage_checks.check_logs,
    "policy": home_checks.check_policy,
    "sources": home_checks.check_sources,
}
"""The checks of what a start opens: opening it is the same check, and raises the same error."""

LATER: dict[str, Check] = {**home_checks.EXCHANGE_CHECKS, **machine_checks.CHECKS, **network_checks.CHECKS}
"""The checks of what stops an exchange and no start."""


def examine(
    home: Path, clock: Clock, to: str = "", *, production: bool = False, more: Mapping[str, Check] | None = None
) -> list[Finding]:
    """List all findings of a home, in the order in which they should be mended.

    `more` are checks of a start that need parts of a node.
    """
    try:
        settings = load_settings(home)
    except LiaisonError as error:
        return _unread(error)
    place = Home(settings.home)
    context = CheckContext(settings, place, clock, to, production or settings.node.production, is_held(place.lock))
    return [
        good("settings", f"node `{settings.node.name}` of `{settings.node.member}`"),
        *(
            warn("settings", f"`{path}` has ended", remedy, settings.origin[path])
            for path, remedy in ENDED.items()
            if path in settings.origin
        ),
        *_told_once(
            [*_of_start({**BEFORE_START, **OPENED_BY_START, **(more or {})}, context), *found_by(LATER, context)],
        ),
    ]


def ask_health(home: Path, clock: Clock) -> list[Finding]:
    """Ask the node of a home whether it is ready, and look at nothing else: quick enough for a health check."""
    try:
        settings = load_settings(home)
    except LiaisonError as error:
        return _unread(error)
    found = _guarded("ready", network_checks.check_ready, CheckContext(settings, Home(settings.home), clock))
    silent = f"no node answers at {settings.listen.agency}"
    return found or [stop("ready", silent, f"liaison serve --home {argument(home)}", "listen.agency", "not-running")]


def _unread(error: LiaisonError) -> list[Finding]:
    """Return what keeps the settings from being read."""
    found = [failed("settings", each, "mend the setting") for each in each_of(error)]
    return [replace(finding, refuses_start=True) for finding in found]


def obstacles(
    settings: Settings, clock: Clock, more: Mapping[str, Check], *, production: bool, opened: bool
) -> list[Finding]:
    """List what keeps a node from starting: before it opens anything, or with `opened` everything.

    The caller holds the lock of the home.
    """
    context = CheckContext(settings, Home(settings.home), clock, production=production)
    before = [finding for finding in _of_start({**BEFORE_START, **more}, context) if finding.refuses_start]
    if not (before or opened):
        return []
    return _told_once(before + [finding for finding in _of_start(OPENED_BY_START, context) if finding.refuses_start])


def healthy(findings: list[Finding]) -> bool:
    """Tell whether no finding would stop an exchange."""
    return not any(finding.is_stop for finding in findings)


def _told_once(findings: list[Finding]) -> list[Finding]:
    """Leave out what stops more than one check, after the first: it is mended once."""
    stops = [finding.text for finding in findings if finding.is_stop]
    first = {text: stops.index(text) for text in stops}
    places = iter(range(len(stops)))
    return [finding for finding in findings if not finding.is_stop or first[finding.text] == next(places)]


def _of_start(checks: Mapping[str, Check], context: CheckContext) -> Iterator[Finding]:
    for finding in found_by(checks, context):
        yield replace(finding, refuses_start=finding.is_stop and finding.code != SOURCE_AWAY)


def found_by(checks: Mapping[str, Check], context: CheckContext) -> Iterator[Finding]:
    """Yield what these checks find; a check that fails is a finding, too."""
    for name, check in checks.items():
        yield from _guarded(name, check, context)


def _guarded(name: str, check: Check, context: CheckContext) -> list[Finding]:
    try:
        return check(context)
    except LiaisonError as error:
        return [failed(name, error, "mend what is named here, then run `liaison doctor` again")]
    except PermissionError as error:
        remedy = "run doctor as the node's account, or mend the permissions"
        return [stop(name, "this account may not read it", remedy, str(error.filename or ""))]
    except OSError as error:
        remedy = "put it back as it was, or mend its disk"
        return [stop(name, f"cannot be used: {error.strerror}", remedy, str(error.filename or ""))]
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding, the others go on
        text = f"the check itself failed: {type(error).__name__}"
        return [stop(name, text, "report this with the output of `liaison doctor --json`")]
