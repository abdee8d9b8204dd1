"""Check that somebody can get what our sources hold: a record type of which no field leaves is of no use to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from adapters.load import Place, open_source
from adapters.mapping.file import load_mapping
from gateway.clock import SystemClock
from gateway.config.schema import SourceSettings
from gateway.errors import LiaisonError
from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import member_id
from gateway.ops.finding import CheckContext, Finding, good, warn
from gateway.ops.policy.holdings import held_by
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ops.sources.places import node_side
from gateway.ports.sources import SourceDescription
from gateway.records.types import RECORD_TYPES
from policy.bundle.agreements import Agreements
from policy.review.reach import Held, Reach, reach


def check_release(context: CheckContext) -> list[Finding]:
    """Tell of each record type of each source who gets it, under which agreement, by which rule and for which purposes.

    A policy or a source that cannot be read is a finding of another check.
    """
    settings = context.settings
    try:
        engine = PolicyKeeper(settings, SystemClock(), production=settings.node.production).engine
    except LiaisonError:
        return []
    findings = []
    for source in settings.sources:
        try:
            held = _held(context, source, engine.agreements)
        except LiaisonError:
            continue
        findings += [_finding(source.id, one) for one in reach(engine, held, context.clock.now_us())]
    return findings


def _held(context: CheckContext, source: SourceSettings, agreements: Agreements) -> Iterable[Held]:
    if not source.is_process:
        return held_by(load_mapping(context.settings.path(source.mapping)))
    node = node_side(source, context.home, member_id(context.settings.node.member), lambda: context.trust)
    place = Place(context.home.path, source.url, context.home.index, context.clock, node=node)
    with closing(open_source(place)) as remote:
        return _described(remote.describe(), agreements)


def _described(source: SourceDescription, agreements: Agreements) -> list[Held]:
    """Return what a source process can hold at the most: the agency's own mapping decides on markings and fields."""
    everybody = frozenset[str]().union(*(one.parties | one.agencies for one in agreements))
    profiles = [(Marking(releasable_to=everybody), category) for category in SubjectCategory]
    queries = frozenset(kind.value for kind in source.queries)
    return [
        Held(name, source.agency, frozenset(RECORD_TYPES[name].fields), queries, profiles)
        for name in sorted(source.record_types)
    ]


def _finding(source: str, found: Reach) -> Finding:
    what = f"{found.record_type} of `{source}`"
    if not found.ways:
        return warn("release", f"{what}: nobody can get a field of it: {found.problem}", found.remedy)
    return good("release", f"{what} leaves {'; '.join(found.briefly)}")
