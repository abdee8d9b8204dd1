"""The gRPC server of a source process: its service, served by the doors of the table of methods."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from adapters.remote.accepted import AcceptedNode
from adapters.remote.service import SourceService
from gateway.clock import Clock
from gateway.rpc import methods
from gateway.rpc.contract import Call, CallerCheck, Door, Method, Q
from gateway.rpc.threads import ThreadLimits, ThreadServer

_MAX_BUDGET_S = 10.0
_OURS = 0.9
"""The part of the node's budget that the source may use; the rest is for signing, log and the way back."""

_GRACE_MS = 30_000
_RPCS_PER_THREAD = 8


class SourceServer(ThreadServer[str]):
    """Serves `methods.SOURCE_METHODS` to our node, and to no other caller.

    `fatal` is called with a broken storage: what cannot be logged must not be answered, so the process ends.
    """

    def __init__(
        self,
        service: SourceService,
        accepted: AcceptedNode,
        credentials: grpc.ServerCredentials,
        clock: Clock,
        threads: int,
        fatal: Callable[[BaseException], None],
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        def door(method: Method[Q, bytes], serve: Callable[[Q, str, float], bytes]) -> Door[str]:
            def call(made: Call[str], message: Q) -> bytes:
                budget = min(made.remaining_s or _MAX_BUDGET_S, _MAX_BUDGET_S)
                return serve(message, made.who, clock.monotonic() + budget * _OURS)

            return method.thread_door(call)

        super().__init__(
            methods.SOURCE_METHODS,
            [
                door(methods.DESCRIBE, service.describe),
                door(methods.SEARCH, service.search),
                door(methods.ISSUE, service.issue),
                door(methods.CHANGES, service.changes),
                door(methods.SOURCE_HEALTH, service.health),
                door(methods.CLASSES, service.classes),
                door(methods.SCOPE, service.scope),
            ],
            {CallerCheck.ACCEPTED_NODE: accepted.caller},
            lambda call: service.refused(call.method, call.who, call.error),
            fatal,
            credentials,
            ThreadLimits(threads, threads * _RPCS_PER_THREAD, _GRACE_MS),
            admit,
        )
