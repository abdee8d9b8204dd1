"""Tell a worker what it must know to decide as the front does: trust, switches and policies, as frames and rebuilt.

The bytes of signed documents travel, and the worker makes of them what the front made, by the same code; hashes tell
whether it is the same. Frames of one connection arrive in their order, so a batch finds what was told before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from gateway.clock import Clock
from gateway.config.suspensions import Action, Switch, Switches
from gateway.errors import Contradicted
from gateway.exchange.workers.frames import Policy, SwitchedOff, Trust
from gateway.model.names import MemberId
from gateway.trust.documents.charter import Charter, parse_charter
from gateway.trust.documents.contradictions import Withheld
from gateway.trust.documents.descriptor import Descriptor, verify_descriptor
from gateway.trust.documents.removals import with_removals
from gateway.trust.documents.status import Status, verify_status
from gateway.trust.view import TrustView
from policy.bundle.bundle import layer_of, load_bundle
from policy.engine.engine import PolicyEngine


@lru_cache(maxsize=2)
def trust_frame(view: TrustView) -> Trust:
    """Return the documents of a view."""
    descriptors, statuses = view.documents
    return Trust(
        view.epoch,
        view.hash,
        view.charter.data if view.charter else b"",
        [(name, descriptor.data) for name, descriptor in descriptors.items()],
        [(name, status.data, list(status.gained)) for name, status in statuses.items()],
        sorted(view.withheld.members),
        [(name, sorted(keys)) for name, keys in view.withheld.keys.items()],
    )


def view_of(frame: Trust, clock: Clock) -> TrustView:
    """Return the view that the documents make. Raises `Contradicted` where it is not the one of the front."""
    charter: Charter | None = parse_charter(frame.charter).charter if frame.charter else None
    descriptors: dict[str, Descriptor] = {}
    statuses: dict[str, Status] = {}
    if charter is not None:
        for name, data in frame.descriptors:
            descriptors[name] = verify_descriptor(data, charter.members[name], charter.federation)
        for name, data, gained in frame.statuses:
            statuses[name] = with_removals(verify_status(data, descriptors[name]), gained)
    withheld = Withheld(
        frozenset(frame.withheld_members), {name: frozenset(keys) for name, keys in frame.withheld_keys}
    )
    view = TrustView(charter, descriptors, statuses, clock, frame.epoch, withheld=withheld)
    if view.hash != frame.hash:
        raise Contradicted("the documents make another view than the front has", code="other-view", where="trust")
    return view


def switches_frame(active: Mapping[str, Switch]) -> SwitchedOff:
    """Return the targets that are switched off."""
    return SwitchedOff([(target, switch.reason, switch.humanitarian) for target, switch in active.items()])


def put_switches(frame: SwitchedOff, switches: Switches) -> None:
    """Take the targets that are switched off from now on."""
    switches.put(
        {
            target: Switch("", "", Action.SUSPEND, target, reason, humanitarian)
            for target, reason, humanitarian in frame.active
        }
    )


def policy_frame(engine: PolicyEngine) -> Policy:
    """Return the files of a policy."""
    return Policy(engine.hash, {name: file.data for name, file in engine.bundle.files.items()})


def engine_of(frame: Policy, member: MemberId) -> PolicyEngine:
    """Return the policy of the files. Raises `Contradicted` where it is not the one of the front."""
    base, national = layer_of(frame.files, "base"), layer_of(frame.files, "national")
    engine = PolicyEngine(load_bundle(base, national, member), member)
    if engine.hash != frame.hash:
        raise Contradicted("the files make another policy than the front has", code="other-policy", where="policy")
    return engine
