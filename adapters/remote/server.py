"""The gRPC server of a source process: raw bytes in and out, the caller's certificate looked at by our own hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

from adapters.remote import methods
from adapters.remote.accepted import AcceptedNode
from adapters.remote.service import SourceService, check_size
from certs.tls import listen
from gateway.clock import Clock
from gateway.errors import LiaisonError, Reason, StorageBroken, Unauthenticated

_MAX_BUDGET_S = 10.0
_OURS = 0.9
"""The part of the node's budget that the source may use; the rest is for signing, log and the way back."""

_CONNECTION_AGE_MS = 600_000
_GRACE_MS = 30_000
_RPCS_PER_THREAD = 8

if TYPE_CHECKING:
    Serve = Callable[[bytes, str, float], bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]


class SourceServer:
    """Serves `methods.METHODS` to our node, and nothing else to nobody else.

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
    ) -> None:
        self._service = service
        self._accepted = accepted
        self._credentials = credentials
        self._clock = clock
        self._fatal = fatal
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="source"),
            handlers=[_Handlers(self._handlers(), self._unknown)],
            options=[
                ("grpc.max_receive_message_length", methods.MAX_REQUEST),
                ("grpc.max_metadata_size", 8 * 1024),
                ("grpc.max_connection_age_ms", _CONNECTION_AGE_MS),
                ("grpc.max_connection_age_grace_ms", _GRACE_MS),
                ("grpc.http2.max_ping_strikes", 2),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=threads * _RPCS_PER_THREAD,
        )

    def start(self, address: str) -> int:
        """Listen on `host:port`; the port that is bound (for port 0)."""
        port = listen(self._server, address, self._credentials, "listen.address")
        self._server.start()
        return port

    def stop(self, grace: float) -> None:
        """Take no more; let what runs finish within `grace` seconds."""
        self._server.stop(grace).wait()

    def _handlers(self) -> dict[str, Handler]:
        service = self._service
        serve: dict[methods.Method, Serve] = {
            methods.DESCRIBE: service.describe,
            methods.SEARCH: service.search,
            methods.ISSUE: service.issue,
            methods.CHANGES: service.changes,
            methods.HEALTH: service.health,
        }
        return {method.path: self._handler(method, each) for method, each in serve.items()}

    def _handler(self, method: methods.Method, serve: Serve) -> Handler:
        def call(data: bytes, context: grpc.ServicerContext) -> bytes:
            node = ""
            try:
                node = self._caller(context)
                check_size(data, method.max_request_bytes)
                return serve(data, node, self._deadline(context))
            except StorageBroken as error:
                self._fatal(error)
                raise
            except LiaisonError as error:
                self._refuse(context, method.name, node, error)
            except Exception as error:  # noqa: BLE001 - no foreign error crosses the wire, and its words stay here
                self._refuse(context, method.name, node, LiaisonError(f"unexpected {type(error).__name__}"))

        return grpc.unary_unary_rpc_method_handler(call)

    def _caller(self, context: grpc.ServicerContext) -> str:
        # The type stubs have another type than what gRPC gives: a list of bytes.
        certificates: list[Any] = list(context.auth_context().get("x509_pem_cert") or [])
        if len(certificates) != 1:
            raise Unauthenticated("not exactly one certificate")
        return self._accepted.caller(certificates[0])

    def _deadline(self, context: grpc.ServicerContext) -> float:
        budget = min(context.time_remaining() or _MAX_BUDGET_S, _MAX_BUDGET_S)
        return self._clock.monotonic() + budget * _OURS

    def _refuse(self, context: grpc.ServicerContext, method: str, node: str, error: LiaisonError) -> NoReturn:
        self._note(method, node, error)
        context.abort(_status(error.reason), error.code)
        raise error

    def _unknown(self, path: str) -> None:
        self._note("unknown", "", Unauthenticated(f"`{path[:80]!a}` is not served", code="unknown-method"))

    def _note(self, method: str, node: str, error: LiaisonError) -> None:
        try:
            self._service.refused(method, node, error)
        except StorageBroken as broken:
            self._fatal(broken)
            raise


class _Handlers(grpc.GenericRpcHandler):
    """The table of handlers; what is not in it is noted and not served."""

    def __init__(self, handlers: dict[str, Handler], unknown: Callable[[str], None]) -> None:
        self._handlers = handlers
        self._unknown = unknown

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a method."""
        found = self._handlers.get(handler_call_details.method)
        if found is None:
            self._unknown(handler_call_details.method)
        return found


def _status(reason: Reason) -> grpc.StatusCode:
    """The names are the same; what is switched off is unavailable."""
    return grpc.StatusCode.UNAVAILABLE if reason is Reason.SUSPENDED else grpc.StatusCode[reason.value]
