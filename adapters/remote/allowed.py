"""The limit of what a source process signs: a release marking nowhere weaker than the record's own, for named members.

Policy belongs to the node. This is the agency's last check under it: a node that was taken over gets nothing signed
that the record's own marking does not allow.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.clock import from_us
from gateway.model.marking import PUBLIC_CAVEATS, Marking, ReleaseMarking
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose

_ROUNDING = timedelta(minutes=1)


def is_allowed(marking: Marking, release: ReleaseMarking, *, asker: MemberId, purpose: Purpose, now_us: int) -> bool:
    """Tell whether a record under `marking` may be signed for `asker` under `release`:

    1. the marking names `asker`, or a part of it, and does not hide the record from it
    2. the purpose is the reference's, and one that the marking allows
    3. level, use, caveats, onward rule and evaluation are at least as strict
    4. it is not kept longer than the marking says
    """
    return (
        may_be_told(marking, asker)
        and release.purposes == frozenset({purpose.value})
        and (marking.purposes is None or purpose in marking.purposes)
        and _shown(release).is_within(_shown(marking))
        and (marking.keep_hours is None or release.not_after <= _latest(marking.keep_hours, now_us))
    )


def may_be_told(marking: Marking, asker: MemberId) -> bool:
    """Tell whether a marking names `asker`, or a part of it, and does not hide the record from it."""
    named = any(name.partition(".")[0] == asker for name in marking.releasable_to)
    return named and not marking.hidden_from(asker)


def _shown(marking: Marking | ReleaseMarking) -> Marking:
    """Return the parts of a marking that a recipient gets."""
    return Marking(
        level=marking.level,
        use=marking.use,
        caveats=marking.caveats & PUBLIC_CAVEATS,
        onward=marking.onward,
        evaluation=marking.evaluation,
        delete_after_use=marking.delete_after_use,
    )


def _latest(hours: int, now_us: int) -> datetime:
    return from_us(now_us) + timedelta(hours=hours) + _ROUNDING
