"""Define what a check of the doctor looks at and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from gateway.clock import Clock
from gateway.config import Home, Settings
from gateway.errors import LiaisonError, Misconfigured
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView

SOURCE_AWAY = "source-away"
"""The code of a source whose system cannot be reached: a node starts without it, and says `not_searched`."""


class Severity(StrEnum):
    """`stop`: no exchange is possible. `warn`: it works, but should be looked at. `good`: nothing to do."""

    STOP = "stop"
    WARN = "warn"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check; `remedy` says what to do, and is empty only where nothing is to be done.

    `where` is the file or setting, which the text names, too. With `refuses_start`, `liaison serve` refuses to start.
    """

    check: str
    severity: Severity
    text: str
    remedy: str = ""
    where: str = ""
    code: str = ""
    refuses_start: bool = False

    @property
    def is_stop(self) -> bool:
        """Tell whether it makes an exchange impossible."""
        return self.severity is Severity.STOP


@dataclass(frozen=True)
class CheckContext:
    """The home that checks look at. `to` is the counterpart that must answer, or empty.

    `production` says that nothing for trials is allowed, `runs` that a process serves the home now.
    """

    settings: Settings
    home: Home
    clock: Clock
    to: str = ""
    production: bool = False
    runs: bool = False

    @cached_property
    def trust(self) -> TrustView:
        """Return what is known of the federation, read once for all checks. Raises `LiaisonError`."""
        return TrustKeeper(self.home.trust, self.clock).view


def good(check: str, text: str) -> Finding:
    """Return a finding with nothing to do."""
    return Finding(check, Severity.GOOD, text)


def warn(check: str, text: str, remedy: str, where: str = "") -> Finding:
    """Return a finding of something that works, but should be looked at."""
    return Finding(check, Severity.WARN, f"{where}: {text}" if where else text, remedy, where)


def stop(check: str, text: str, remedy: str, where: str = "", code: str = "") -> Finding:
    """Return a finding that makes an exchange impossible until it is mended."""
    return Finding(check, Severity.STOP, f"{where}: {text}" if where else text, remedy, where, code)


def failed(check: str, error: LiaisonError, remedy: str) -> Finding:
    """Return a finding that stops, made from an error."""
    return stop(check, error.message, error.remedy or remedy, error.where, error.code)


Check = Callable[[CheckContext], list[Finding]]


class Obstacles(Misconfigured):
    """The findings for which a node does not start. It tells the first one as a single error does."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        text = first.text.removeprefix(f"{first.where}: ")
        super().__init__(text, code=first.code or "cannot-start", where=first.where, remedy=first.remedy)
        self.findings = tuple(findings)
