"""Today's quotas: a question beyond one is refused before any source or peer is asked (design, section 5, step 5)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import Overloaded
from gateway.ports.quotas import QuotaPlace, QuotaStore
from policy.bundle.limits import Quotas


def over_quota(
    store: QuotaStore, quotas: Quotas, places: Sequence[QuotaPlace], clock: Clock
) -> list[Overloaded | None]:
    """Return for each question, in order, its refusal when today's quota is used up, else None; count the others.

    Where the policy sets no quota, the store is not asked. Raises `StorageBroken`.
    """
    if not quotas.named or not places:
        return [None] * len(places)
    granted = store.take(places, lambda place: quotas.limit(*place), clock.now_us())
    return [None if ok else _refusal(place) for ok, place in zip(granted, places, strict=True)]


def _refusal(place: QuotaPlace) -> Overloaded:
    whose = "from" if place.direction == "in" else "to"
    words = place.purpose.replace("_", " ").lower()
    return Overloaded(
        "today's quota of questions {whose} `{peer}` for `{words}` is used up",
        code="quota",
        remedy="ask again tomorrow (UTC), or through the duty desk",
        whose=whose,
        peer=place.peer,
        words=words,
    )
