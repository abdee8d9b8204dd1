"""Tell an auditor whose charter is older than that of the evidence: nothing is proved then, nor contradicted."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.trust.documents.charter import parse_charter, verify_charter_chain


def older_charter(
    given: Sequence[bytes], carried: Sequence[bytes], clock: Clock, fingerprint: str | None = None
) -> str:
    """Return that the evidence is under a later version than the charter that is given, or an empty text.

    `carried` are the versions that the evidence brings. They count only where they follow the given one, signed under
    the thresholds of each version, so that an invented version hides no contradiction.
    """
    try:
        mine = parse_charter(given[-1]).charter.version if given else 0
        later = sorted((parse_charter(line).charter.version, line) for line in carried)
        newer = [line for version, line in later if version > mine]
        if not mine or not newer:
            return ""
        newest = verify_charter_chain([*given, *newer], clock.now(), fingerprint, allow_expired=True).version
    except LiaisonError:
        return ""
    return (
        f"your charter is version {mine}, these entries are under version {newest}: take that one, which your own "
        "authority has"
    )
