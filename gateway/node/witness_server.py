"""The gRPC server of a domestic witness: two calls, for its own country's node and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from certs.tls import listen
from gateway.errors import Forbidden, HeadConflict, LiaisonError, StorageBroken, TooLarge, Unauthenticated
from gateway.model.names import MemberId
from gateway.node import methods, witness_wire
from gateway.node.status import STATUS
from gateway.trust.view import PeerIdentity
from gateway.witness.service import WitnessService

_CONNECTION_AGE_MS = 600_000
_GRACE_MS = 10_000
_THREADS = 2
_CALLS = 16

if TYPE_CHECKING:
    Serve = Callable[[MemberId, bytes], bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]


class WitnessServer:
    """Serves `methods.WITNESS_METHODS`. `fatal` is called with a broken storage: what cannot be remembered is not
    cosigned, so the process ends. `refused` is told of callers and of what was wrong."""

    def __init__(
        self,
        service: WitnessService,
        member: MemberId,
        identify: Callable[[bytes], PeerIdentity],
        credentials: grpc.ServerCredentials,
        refused: Callable[[str, LiaisonError], None],
        fatal: Callable[[BaseException], None],
    ) -> None:
        self._service = service
        self._member = member
        self._identify = identify
        self._credentials = credentials
        self._refused = refused
        self._fatal = fatal
        handlers = {
            methods.ADD_CHECKPOINT.path: self._handler(methods.ADD_CHECKPOINT, self._add_checkpoint),
            methods.LARGEST_HEAD.path: self._handler(methods.LARGEST_HEAD, self._largest_head),
        }
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS, thread_name_prefix="witness"),
            handlers=[_Handlers(handlers, refused)],
            options=[
                ("grpc.max_receive_message_length", max(item.max_request_bytes for item in methods.WITNESS_METHODS)),
                ("grpc.max_metadata_size", 8 * 1024),
                ("grpc.max_connection_age_ms", _CONNECTION_AGE_MS),
                ("grpc.max_connection_age_grace_ms", _GRACE_MS),
                ("grpc.http2.max_ping_strikes", 2),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_CALLS,
        )

    def start(self, address: str) -> int:
        """Listen on `host:port`; the port that is bound (for port 0)."""
        port = listen(self._server, address, self._credentials, "listen.address")
        self._server.start()
        return port

    def stop(self, grace: float) -> None:
        """Take no more; let what runs finish within `grace` seconds."""
        self._server.stop(grace).wait()

    def _add_checkpoint(self, caller: MemberId, data: bytes) -> bytes:
        body, cosigned = witness_wire.parse_add_checkpoint(data)
        return witness_wire.cosignatures(self._service.add_checkpoint(caller, body, cosigned))

    def _largest_head(self, caller: MemberId, data: bytes) -> bytes:
        origin = witness_wire.parse_ask_largest_head(data)
        return witness_wire.largest_head(self._service.largest_head(caller, origin))

    def _handler(self, method: methods.Method, serve: Serve) -> Handler:
        def call(data: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                caller = self._caller(context)
                if len(data) > method.max_request_bytes:
                    raise TooLarge(f"{len(data)} bytes are more than {method.max_request_bytes}")
                return serve(caller, data)
            except StorageBroken as error:
                self._fatal(error)
                raise
            except HeadConflict as conflict:  # how a log learns our size
                context.set_trailing_metadata(((witness_wire.SIZE, str(conflict.size)),))
                context.abort(grpc.StatusCode.ABORTED, conflict.code)
            except LiaisonError as error:
                self._refuse(context, error)
            except Exception as error:  # noqa: BLE001 - no foreign error crosses the wire, and its words stay here
                self._refuse(context, LiaisonError(f"unexpected {type(error).__name__}"))

        return grpc.unary_unary_rpc_method_handler(call)

    def _caller(self, context: grpc.ServicerContext) -> MemberId:
        # The type stubs have another type than what gRPC gives: a list of bytes.
        certificates: list[Any] = list(context.auth_context().get("x509_pem_cert") or [])
        if len(certificates) != 1:
            raise Unauthenticated("not exactly one certificate")
        peer = self._identify(certificates[0])
        if peer.member != self._member:
            raise Forbidden(f"this is the domestic witness of `{self._member}`", code="other-member")
        return peer.member

    def _refuse(self, context: grpc.ServicerContext, error: LiaisonError) -> NoReturn:
        self._refused(context.peer(), error)
        context.abort(STATUS[error.reason], error.code)
        raise error


class _Handlers(grpc.GenericRpcHandler):
    """The table of handlers; what is not in it is noted and not served."""

    def __init__(self, handlers: dict[str, Handler], refused: Callable[[str, LiaisonError], None]) -> None:
        self._handlers = handlers
        self._refused = refused

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a method."""
        found = self._handlers.get(handler_call_details.method)
        if found is None:
            self._refused("", Unauthenticated("unknown method", code="unknown-method"))
        return found
