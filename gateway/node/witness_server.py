"""The gRPC server of a domestic witness: two calls, for its own country's node and for no other caller."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from gateway.errors import Forbidden
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.rpc.contract import CallerCheck, Door
from gateway.rpc.threads import ThreadLimits, ThreadServer
from gateway.rpc.transport import Refused
from gateway.trust.view import PeerIdentity
from gateway.witness.service import WitnessService

_LIMITS = ThreadLimits(threads=2, calls=16, grace_ms=10_000)


class WitnessServer(ThreadServer[MemberId]):
    """Serves `methods.DOMESTIC_METHODS`. A broken storage is fatal: a head that cannot be stored is not cosigned."""

    def __init__(
        self,
        service: WitnessService,
        member: MemberId,
        identify: Callable[[bytes], PeerIdentity],
        credentials: grpc.ServerCredentials,
        refused: Refused,
        fatal: Callable[[BaseException], None],
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        def caller(certificate: bytes) -> MemberId:
            peer = identify(certificate)
            if peer.member != member:
                raise Forbidden("this is the domestic witness of `{member}`", code="other-member", member=member)
            return peer.member

        doors: list[Door[MemberId]] = [
            methods.DOMESTIC_ADD_CHECKPOINT.thread_door(lambda call, head: service.add_checkpoint(call.who, *head)),
            methods.DOMESTIC_LARGEST_HEAD.thread_door(lambda call, origin: service.largest_head(call.who, origin)),
        ]
        callers = {CallerCheck.OWN_NODE: caller}
        super().__init__(methods.DOMESTIC_METHODS, doors, callers, refused, fatal, credentials, _LIMITS, admit)
