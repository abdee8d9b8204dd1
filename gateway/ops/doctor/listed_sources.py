"""Check that our own descriptor says what our sources can be asked, and what this program reads: others go by it."""

from __future__ import annotations

from gateway.errors import LiaisonError
from gateway.ops.doctor.key_checks import published_by
from gateway.ops.finding import CheckContext, Finding, good, stop, warn
from gateway.ops.sources.places import describe_sources
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.statement_versions import READS, TAKES


def check_listed_sources(context: CheckContext) -> list[Finding]:
    """Compare the kinds of sources in our descriptor with those of the settings.

    Nothing is found without a descriptor, or with a mapping that does not load: other checks say so.
    """
    try:
        held = context.trust.descriptor(context.settings.node.member)
        described = describe_sources(context.settings, context.clock)
    except LiaisonError:
        return []
    listed = {source.kind: source for source in held.sources}
    ours = {source.kind: source for source in described.kinds}
    gone = set() if described.unknown else listed.keys() - ours.keys()
    changed = gone | {kind for kind, source in ours.items() if listed.get(kind) != source}
    if not changed:
        return [good("listed sources", f"the descriptor lists {len(listed)} kinds of sources")] if listed else []
    text = f"the descriptor does not say what our sources can be asked now: {_told(held, changed)}"
    return [warn("listed sources", text, f"{published_by(context)}; then hand it to the others")]


def check_listed_versions(context: CheckContext) -> list[Finding]:
    """Compare the versions of statements in our descriptor with those that this program reads.

    One that is not listed is not written to us. One that is listed and that this program cannot read is lost: a newer
    program published it.
    """
    try:
        held = context.trust.descriptor(context.settings.node.member)
    except LiaisonError:
        return []
    listed, known = {*held.reads, *held.takes}, {*READS, *TAKES}
    if promised := sorted(listed - known):
        text = f"the descriptor promises statements that this version cannot read: {', '.join(promised)}"
        return [stop("listed versions", text, f"{published_by(context)}; then hand it to the others")]
    if unlisted := sorted(known - listed):
        text = f"the descriptor does not list what this version reads: {', '.join(unlisted)}"
        return [
            warn(
                "listed versions",
                text,
                f"once all machines of the node run it: {published_by(context)}; then hand it to the others",
            )
        ]
    return [good("listed versions", f"the descriptor lists the {len(known)} versions of statements that are read")]


def _told(held: Descriptor, changed: set[str]) -> str:
    return ", ".join(sorted(changed)) if held.sources else "it lists none"
