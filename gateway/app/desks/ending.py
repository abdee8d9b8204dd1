"""The part of a node that ends and forgets threads."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.app.core import Core
from gateway.audit.retention.holds import Hold
from gateway.audit.retention.plan import standing
from gateway.desk.ending.closing import Closing
from gateway.desk.pen import Pen
from gateway.model.evidence.retention import months_before

ENDS_S = 15.0


def closing_of(core: Core, pen: Pen) -> Closing:
    """Put together the round that ends threads; they are kept for the months that the settings have for the desk."""
    resources = core.resources

    def holds(now_us: int) -> Sequence[Hold]:
        return standing(resources.store, resources.keystore, now_us)

    def before_us(now_us: int) -> int:
        return months_before(now_us, resources.settings.retention.desk)

    return Closing(core.parts, core.desk, pen, core.proved.now_us, holds, before_us)
