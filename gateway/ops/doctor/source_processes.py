"""Check sources that are processes of their own: they answer, and their agencies' keys are listed."""

from __future__ import annotations

from contextlib import closing

from adapters.load import Place, open_source
from certs.names import CertificateUse, Holder
from gateway.config import host_port
from gateway.config.schema import SourceSettings
from gateway.errors import LiaisonError
from gateway.host.addresses import is_loopback
from gateway.host.confine import version
from gateway.model.names import member_id
from gateway.ops.doctor.key_checks import published_by
from gateway.ops.finding import CheckContext, Finding, good, stop, warn
from gateway.ops.sources.places import node_side
from gateway.trust.documents.descriptor import agency_use


def check_processes(context: CheckContext) -> list[Finding]:
    """Check that each source process answers, and that its agency's own key is listed in our descriptor."""
    settings, findings = context.settings, []
    sources = [source for source in settings.sources if source.is_process]
    for source in sources:
        if not _lists_own_key(context, source.agency):
            remedy = f"put its record.pem into {context.home.certificates}, then {published_by(context)}"
            findings.append(stop("source processes", f"no own key of `{source.agency}` is listed", remedy))
        if problem := _problem(context, source):
            remedy = "`liaison source check` at its home; is its address right, and our node's name in its source.toml?"
            findings.append(stop("source processes", f"`{source.id}`: {problem}", remedy, source.url))
    if not version() and any(is_loopback(host_port(source.url, scheme="source://")[0]) for source in sources):
        remedy = "use Linux 5.13 or newer with Landlock, or an account of its own for each process of this machine"
        text = "nothing keeps a source process of this machine from files that its account can open"
        findings.append(warn("source processes", text, remedy))
    return findings or ([good("source processes", f"{len(sources)} answer")] if sources else [])


def _problem(context: CheckContext, source: SourceSettings) -> str:
    node = node_side(source, context.home, member_id(context.settings.node.member), lambda: context.trust)
    try:
        place = Place(context.home.path, source.url, context.home.index, context.clock, node=node)
        with closing(open_source(place)) as remote:
            remote.refresh()
            return remote.health()
    except LiaisonError as error:
        return error.message


def _lists_own_key(context: CheckContext, agency: str) -> bool:
    view = context.trust
    try:
        keys = view.descriptor(context.settings.node.member).keys
        names = [key.leaf().name for key in keys if key.use == agency_use(agency)]
    except LiaisonError:
        return False
    return any((name.use, name.name, name.held) == (CertificateUse.AGENCY, agency, Holder.OWN) for name in names)
