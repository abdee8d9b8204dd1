"""Trust on an auditor's laptop: a view from documents alone, without a node."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.trust.documents.charter import verify_charter_chain
from gateway.trust.documents.descriptor import Descriptor, parse_descriptor, verify_descriptor
from gateway.trust.view import TrustView


def evidence_view(
    charter_versions: Sequence[bytes], descriptors: Sequence[bytes], clock: Clock, fingerprint: str | None = None
) -> TrustView:
    """Return a view for verifying evidence without a node: members of any status, and expired charters.

    `descriptors` may come from the audited side: each must be signed by its member's authority in the charter, and the
    newest of each member counts. Raises as `verify_charter_chain` and `verify_descriptor`.
    """
    charter = verify_charter_chain(charter_versions, clock.now(), fingerprint, allow_expired=True)
    newest: dict[str, Descriptor] = {}
    for data in descriptors:
        descriptor = parse_descriptor(data)[0]
        held = newest.get(descriptor.member)
        if descriptor.member in charter.members and (held is None or descriptor.version > held.version):
            newest[descriptor.member] = descriptor
    verified = {
        name: verify_descriptor(item.data, charter.members[name], charter.federation) for name, item in newest.items()
    }
    return TrustView(charter, verified, {}, clock, live=False)
