"""The parts of the auditors' pages of a running node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.app.core import Core
from gateway.app.rounds import UPKEEP, UPKEEP_S, Round
from gateway.console.frame.jobs import Jobs
from gateway.console.login.sessions import LoginParts
from gateway.console.visits.visit import AuditParts
from gateway.ops.mandate.acts import AuditorActs
from gateway.ops.mandate.held import Mandates
from gateway.ops.mandate.kept_exports import remove_old
from gateway.ops.mandate.placed import Places
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.documents.folder import TrustDocuments


def build_audit(core: Core, login: LoginParts, failed: Callable[[BaseException], None]) -> AuditParts:
    """Return the parts of the auditors' pages."""
    resources, view = core.resources, core.parts.trust
    home, clock = resources.home, resources.clock
    mandates = Mandates(home.path, resources.member, clock, view, TrustDocuments(home.trust), login.passkeys)
    return AuditParts(
        folder=home.path,
        exports=home.exports,
        acts=AuditorActs(mandates, login.documents, login.rp_id),
        places=Places(
            member=resources.member,
            logs=(resources.exchange_log, resources.operations_log),
            store=resources.store,
            recent=SqlWitnessStore(resources.database).recent,
            view=view,
            clock=clock,
        ),
        jobs=Jobs(clock, failed),
        members=lambda: sorted(core.others),
    )


def export_round(core: Core, parts: AuditParts) -> Round:
    """Return the round that deletes exports whose time is over."""

    async def work() -> None:
        await asyncio.to_thread(remove_old, parts.exports, core.resources.clock.now_us())

    return Round("exports", UPKEEP_S, work, line=UPKEEP)
