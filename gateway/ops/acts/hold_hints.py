"""Commands that help where a hold cannot be placed or lifted, with all their arguments."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit.retention.holds import HoldOrder
from gateway.errors import LiaisonError
from gateway.trust.documents.policy_approval import APPROVALS


def sign_command(file: Path) -> str:
    """Return the command with which another approver signs, with a key of their own."""
    name = shlex.quote(str(file))
    return f"liaison audit hold sign {name} --key THEIR.key --out {name}"


def bring_command(file: Path, home: str) -> str:
    """Return the command that brings a document to the home `home`."""
    return f"liaison audit hold bring {shlex.quote(str(file))} --home {home}"


@contextmanager
def hinted(file: Path, home: Path, order: HoldOrder) -> Iterator[None]:
    """Add the helpful command to an error of bringing the document in `file`, which is `order`."""
    try:
        yield
    except LiaisonError as error:
        error.where = error.where or str(file)
        error.remedy = error.remedy or _remedy(error.code, file, shlex.quote(str(home)), order)
        raise


def _remedy(code: str, file: Path, home: str, order: HoldOrder) -> str:
    bring = bring_command(file, home)
    if code == "below-threshold" and len(order.signers) < APPROVALS:
        return f"another approver: {sign_command(file)}; then {bring}"
    if code == "below-threshold":
        return (
            f"who signed must be listed as an approver: liaison policy admit THEIR.pub --home {home}; liaison trust "
            f"publish --home {home} --authority ADIR; then {bring}"
        )
    if code == "other-member":
        return f"bring it there: {bring_command(file, 'HOME')} (HOME: the home of `{order.member}`)"
    if code in ("hold-known", "no-such-hold"):
        return f"see liaison audit hold list --home {home}"
    if code == "no-such-entry":
        return f"see liaison audit show --home {home}, and draft it anew: {_draft_command(order, file, home)}"
    if code == "bad-hold-time":
        return f"draft it anew: {_draft_command(order, file, home)}"
    return ""


def _draft_command(order: HoldOrder, file: Path, home: str) -> str:
    """Return the command that drafts this hold anew with another end."""
    places = [f"--entry {log}:{index}" for log, indexes in order.entries.items() for index in indexes]
    places += [f"--exchange {exchange}" for exchange in order.exchanges]
    said = f"--until DATE --reason {shlex.quote(order.reason)} --key YOUR.key --out {shlex.quote(str(file))}"
    return f"liaison audit hold draft --home {home} {' '.join(places)} {said}"
