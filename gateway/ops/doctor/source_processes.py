"""Sources that are processes of their own, as a node sees them: what it shows to them, and whether they answer."""

from __future__ import annotations

from adapters.load import Place, open_source
from certs.names import CertificateUse, Holder
from gateway.config.schema import SourceSettings
from gateway.errors import LiaisonError
from gateway.model.names import member_id
from gateway.ops.doctor.finding import Finding, Patient, good, stop
from gateway.ops.homes.sources import node_side
from gateway.trust.keeper import TrustKeeper


def check_processes(patient: Patient) -> list[Finding]:
    """Each source process answers, and its agency's own key is listed in our descriptor."""
    settings, findings = patient.settings, []
    sources = [source for source in settings.sources if source.is_process]
    for source in sources:
        if not _lists_own_key(patient, source.agency):
            remedy = (
                f"put its record.pem into {patient.home.certificates}, then `liaison trust publish` with --authority"
            )
            findings.append(stop("source processes", f"no own key of `{source.agency}` is listed", remedy))
        if problem := _problem(patient, source):
            remedy = "`liaison source check` at its home; is its address right, and our node's name in its source.toml?"
            findings.append(stop("source processes", f"`{source.id}`: {problem}", remedy, source.url))
    return findings or ([good("source processes", f"{len(sources)} answer")] if sources else [])


def _problem(patient: Patient, source: SourceSettings) -> str:
    keeper = TrustKeeper(patient.home.trust, patient.clock)
    node = node_side(source, patient.home, member_id(patient.settings.node.member), lambda: keeper.view)
    try:
        remote = open_source(Place(patient.home.path, source.url, patient.home.index, patient.clock, node=node))
        try:
            remote.refresh()
            return remote.health()
        finally:
            remote.close()
    except LiaisonError as error:
        return error.message


def _lists_own_key(patient: Patient, agency: str) -> bool:
    view = TrustKeeper(patient.home.trust, patient.clock).view
    try:
        keys = view.descriptor(patient.settings.node.member).keys
        names = [key.leaf().name for key in keys if key.certificate]
    except LiaisonError:
        return False
    return any((name.use, name.name, name.held) == (CertificateUse.AGENCY, agency, Holder.OWN) for name in names)
