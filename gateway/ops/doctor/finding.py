"""Define what a check of the doctor looks at and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gateway.clock import Clock
from gateway.config import Home, Settings
from gateway.errors import LiaisonError


class Severity(StrEnum):
    """`stop`: no exchange is possible. `warn`: it works, but should be looked at. `good`: nothing to do."""

    STOP = "stop"
    WARN = "warn"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check; `remedy` says what to do, and is empty only where nothing is to be done."""

    check: str
    severity: Severity
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The home that checks look at. `to` is the counterpart that must answer, or empty."""

    settings: Settings
    home: Home
    clock: Clock
    to: str = ""


def good(check: str, text: str) -> Finding:
    """Return a finding with nothing to do."""
    return Finding(check, Severity.GOOD, text)


def warn(check: str, text: str, remedy: str) -> Finding:
    """Return a finding of something that works, but should be looked at."""
    return Finding(check, Severity.WARN, text, remedy)


def stop(check: str, text: str, remedy: str, where: str = "") -> Finding:
    """Return a finding that makes an exchange impossible until it is mended."""
    return Finding(check, Severity.STOP, f"{where}: {text}" if where else text, remedy)


def failed(check: str, error: LiaisonError, remedy: str) -> Finding:
    """Return a finding that stops, made from an error."""
    return stop(check, error.message, error.remedy or remedy, error.where)


Check = Callable[[CheckContext], list[Finding]]
