"""Our own status, which a running node renews: without one, other members stop exchanging with us after 72 hours."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import Clock, check_time
from gateway.errors import Unknown
from gateway.model.names import MemberId
from gateway.trust.ceremony.ceremony import publish_status
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.keeper import TrustKeeper


class Renewal:
    """Signs the next status of the home's member in its time. Blocks: it reads and writes files."""

    def __init__(self, home: Path, trust: TrustKeeper, clock: Clock, member: MemberId) -> None:
        self._home = home
        self._trust = trust
        self._clock = clock
        self._member = member

    def renew(self) -> bool:
        """Sign and accept the next status when it is due; tell whether it was. Raises like `publish_status`.

        It is due when half of the life of the one held is over, and under a newer descriptor. A clock that has jumped
        signs nothing (`Unavailable`).
        """
        if not self._is_due():
            return False
        check_time(self._clock)
        publish_status(self._home, self._clock)
        return True

    def _is_due(self) -> bool:
        view = self._trust.view
        descriptor = self._descriptor()
        if descriptor is None or not view.active(self._member):
            return False
        status = view.status(self._member)
        if status is None or status.descriptor_version < descriptor.version:
            return True
        return self._clock.now_us() >= (status.issued_us + status.expires_us) // 2

    def _descriptor(self) -> Descriptor | None:
        try:
            return self._trust.view.descriptor(self._member)
        except Unknown:
            return None
