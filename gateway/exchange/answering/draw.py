"""Draw the answer of a finished job from what its sources gave, ready to be signed (step 10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from gateway.errors import Suspended
from gateway.exchange.answering.draft import answer_to
from gateway.exchange.answering.job import ANSWERED, Attributes, Drawn, Findings, Job, SourceNote, sign_findings
from gateway.exchange.ledger import copies_in
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.exchange import Outcome, searched_of
from gateway.model.hit import Hit, Quality
from gateway.records.withheld import commit_withheld
from gateway.statements.answer import ANSWER_VERSIONS, in_version

_MAX_RECORDS = 48 * 1024
_MAX_HITS = 20
_ORDER = {quality: place for place, quality in enumerate(Quality)}


def draw_all(parts: Parts, jobs: Sequence[Job]) -> None:
    """Sign the records of a batch together, and draw its answers; one that cannot be drawn becomes a refusal."""
    for job in jobs:
        job.close()
    sign_findings([found for job in jobs for found in job.findings])
    for job in jobs:
        if job.refusal is None:
            try:
                job.drawn = draw(parts, job)
            except Exception as error:  # noqa: BLE001 - one bad record must not cost the batch
                reraise_fatal(error)
                job.refuse(as_error(error))


def draw(parts: Parts, job: Job) -> Drawn:
    """Return the answer of a job. Raises `Suspended` where all that could answer is switched off."""
    findings = job.findings
    commitment, opening = commit_withheld([item for found in findings for item in found.withheld])
    hits, cut = _fit([hit for found in findings for hit in found.hits])
    count = len(opening["withheld"]) if hits and all(found.show_withheld_count for found in findings) else None
    outcome = job.found_outcome(bool(hits))
    if outcome is Outcome.SUSPENDED:
        raise Suspended("all that could answer is suspended: {kinds}", kinds=", ".join(job.kinds_off()))
    whole = answer_to(
        parts,
        job,
        outcome,
        hits=hits,
        missing=_missing(job, findings),
        capped=cut or is_capped(findings),
        withheld_commitment=commitment,
        withheld_count=count,
        searched=searched_of((found.kind, found.as_of_us) for found in findings if found.state in ANSWERED),
        suspended=tuple(sorted({found.kind for found in findings if found.state == "suspended"})),
    )
    answer = in_version(whole, job.answer_version())
    keys = {name: f"{found.source}/{key}" for found in findings for name, key in found.keys.items()}
    return Drawn(
        ANSWER_VERSIONS.numbered(job.answer_version()).payload(answer),
        answer.outcome,
        answer.missing,
        [_note(found) for found in findings],
        [hit.reference for found in findings for hit in found.hits],
        opening["withheld"],
        opening["salt"],
        copies_in(hits, keys),
        [(found.begun, found.ended) for found in findings],
    )


def is_capped(findings: Iterable[Findings]) -> bool:
    """Tell whether to say that there was more.

    Where hidden records helped to reach the cap, it would give them away.
    """
    return any(found.capped and found.hits and not found.suppressed for found in findings)


def _fit(hits: list[Hit]) -> tuple[tuple[Hit, ...], bool]:
    """Return the surest hits, as many as an answer can hold, and whether some did not fit."""
    kept: list[Hit] = []
    room = _MAX_RECORDS
    for hit in sorted(hits, key=lambda item: _ORDER[item.quality]) if len(hits) > 1 else hits:
        room -= len(hit.record)
        if room < 0 or len(kept) == _MAX_HITS:
            return tuple(kept), True
        kept.append(hit)
    return tuple(kept), False


def _missing(job: Job, findings: Iterable[Findings]) -> tuple[str, ...]:
    """Return the kinds of sources whose answer is missing, so that a source's silence is not read as no hit."""
    answered = {found.source for found in findings if found.state == "ok"}
    return tuple(sorted({kind for source, kind in job.expected if source not in answered}))


def _note(found: Findings) -> SourceNote:
    note: SourceNote = {
        "id": found.source,
        "state": found.state,
        "hits": len(found.hits),
        "suppressed": found.suppressed,
        "denied": found.denied,
        "policies": sorted(found.policies),
        "attributes": cast("list[Attributes]", found.attributes),
    }
    if found.as_of_us:
        note["as_of_us"] = found.as_of_us
    if found.changed:
        note["changed"] = found.changed
    return note
