"""Check that our own descriptor lists the kinds of sources that there are: others ask, or do not, by it."""

from __future__ import annotations

from gateway.config import argument
from gateway.errors import LiaisonError
from gateway.ops.doctor.finding import CheckContext, Finding, good, warn
from gateway.ops.sources.places import describe_sources
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.keeper import TrustKeeper


def check_listed_sources(context: CheckContext) -> list[Finding]:
    """Compare the kinds of sources in our descriptor with those of the settings.

    Nothing is found without a descriptor, or with a mapping that does not load: other checks say so.
    """
    try:
        held = TrustKeeper(context.home.trust, context.clock).view.descriptor(context.settings.node.member)
        described = describe_sources(context.settings, context.clock)
    except LiaisonError:
        return []
    listed = {source.kind: source for source in held.sources}
    ours = {source.kind: source for source in described.kinds}
    gone = set() if described.unknown else listed.keys() - ours.keys()
    changed = gone | {kind for kind, source in ours.items() if listed.get(kind) != source}
    if not changed:
        return [good("listed sources", f"the descriptor lists {len(listed)} kinds of sources")] if listed else []
    command = f"liaison trust publish --home {argument(context.home.path)} --authority ADIR"
    return [
        warn(
            "listed sources",
            f"the descriptor does not say what our sources can be asked now: {_told(held, changed)}",
            f"{command} (ADIR: the folder with authority.key); then hand it to the others",
        )
    ]


def _told(held: Descriptor, changed: set[str]) -> str:
    return ", ".join(sorted(changed)) if held.sources else "it lists none"
