"""The server of a node that waits for a witness of its own log: one call for counterparts that wait as it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc

from gateway.errors import Unavailable
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.rpc.contract import Call, Door, Pace, Shape
from gateway.rpc.server import Credentials, RpcServer, ServerLimits

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]


class WaitingServer(RpcServer[MemberId]):
    """Serves `methods.WAITING_METHODS`. A node's other methods are unavailable, and not unknown as at an older node."""

    def __init__(
        self,
        remembered: Callable[[MemberId, str], Awaitable[bytes]],
        identify: Callable[[bytes], MemberId],
        credentials: Credentials,
        pace: Pace,
        *,
        share_port: bool,
    ) -> None:
        async def not_yet(_call: Call[MemberId], _message: Any) -> Any:
            raise Unavailable("the node waits for a witness of its log")

        async def no_stream(_call: Call[MemberId], context: Context) -> None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "unavailable")

        doors: list[Door[MemberId]] = [
            row.door(no_stream if row.shape is Shape.STREAM else not_yet) for row in methods.NODE_METHODS
        ]
        doors.append(methods.REMEMBERED_HEAD.door(lambda call, origin: remembered(call.who, origin)))
        table = (*methods.NODE_METHODS, *methods.WAITING_METHODS)
        super().__init__(
            table,
            doors,
            {row.caller: identify for row in table},
            lambda _call: None,
            credentials,
            ServerLimits(),
            pace,
            share_port=share_port,
        )
