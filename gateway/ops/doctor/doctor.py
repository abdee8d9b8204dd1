"""Find what would stop an exchange now or soon, and say how to mend it (`liaison doctor`).

Each check looks at one thing and never raises: an error in a check is a finding, too.
"""

from __future__ import annotations

from pathlib import Path

from gateway.clock import Clock
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError
from gateway.ops.doctor import home_checks, machine_checks, network_checks
from gateway.ops.doctor.finding import Check, CheckContext, Finding, Severity, failed, good, stop


def examine(home: Path, clock: Clock, to: str = "") -> list[Finding]:
    """List all findings of a home, in the order in which they should be mended."""
    try:
        settings = load_settings(home)
    except LiaisonError as error:
        return [stop("settings", error.message, error.remedy or "mend the setting", error.where)]
    context = CheckContext(settings, Home(settings.home), clock, to)
    findings = [good("settings", f"node `{settings.node.name}` of `{settings.node.member}`")]
    for name, check in (*home_checks.CHECKS.items(), *machine_checks.CHECKS.items(), *network_checks.CHECKS.items()):
        findings += _guarded(name, check, context)
    return findings


def healthy(findings: list[Finding]) -> bool:
    """Tell whether no finding would stop an exchange."""
    return all(finding.severity is not Severity.STOP for finding in findings)


def _guarded(name: str, check: Check, context: CheckContext) -> list[Finding]:
    try:
        return check(context)
    except LiaisonError as error:
        return [failed(name, error, "mend what is named here, then run doctor again")]
    except PermissionError as error:
        remedy = "run doctor as the node's account, or mend the permissions"
        return [stop(name, "this account may not read it", remedy, str(error.filename or ""))]
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding, the others go on
        text = f"the check itself failed: {type(error).__name__}"
        return [stop(name, text, "report this with the output of `liaison doctor --json`")]
