"""The server of a witness or a source: each call in a thread, which checks the caller's certificate itself."""

from __future__ import annotations

from certs import tls as _floor  # noqa: F401  # isort: skip
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn

import grpc

from certs.tls import listen
from gateway.errors import HeadConflict, LiaisonError, StorageAway, StorageBroken, Unavailable
from gateway.host.failures import NO_ENTRY
from gateway.rpc.contract import Call, CallerCheck, Door, Method, Who, by_path, largest_request
from gateway.rpc.status import STATUS, size_metadata
from gateway.rpc.transport import Lookup, Refused, RefusedCall, certificate_of, options

_CONNECTION_AGE_MS = 600_000

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]


@dataclass(frozen=True, slots=True)
class ThreadLimits:
    """Bounds of the transport."""

    threads: int
    calls: int
    grace_ms: int


class ThreadServer(Generic[Who]):
    """Serves the doors of `table` and nothing else.

    `callers` has each check that the table's rows name. `admit` raises `Unavailable` while nothing new is taken, of
    which no note is made: there may be no room for one. `fatal` is called with a broken storage, and ends the process:
    nothing may be answered that cannot be stored.
    """

    def __init__(
        self,
        table: Sequence[Method[Any, Any]],
        doors: Sequence[Door[Who]],
        callers: Mapping[CallerCheck, Callable[[bytes], Who]],
        refused: Refused,
        fatal: Callable[[BaseException], None],
        credentials: grpc.ServerCredentials,
        limits: ThreadLimits,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        self._admit = admit
        self._callers = {row: callers[row.caller] for row in table}
        self._refused = refused
        self._fatal = fatal
        self._credentials = credentials
        handlers = {path: self._handler(door) for path, door in by_path(table, doors).items()}
        self._server = grpc.server(
            ThreadPoolExecutor(limits.threads, thread_name_prefix=type(self).__name__),
            handlers=[Lookup(handlers, self._note)],
            options=options(largest_request(table), _CONNECTION_AGE_MS, limits.grace_ms),
            maximum_concurrent_rpcs=limits.calls,
        )

    def start(self, address: str) -> int:
        """Listen on `host:port`, and return the port that is bound (for port 0)."""
        port = listen(self._server, address, self._credentials, "listen.address")
        self._server.start()
        return port

    def stop(self, grace: float) -> None:
        """Take no more; let running calls finish within `grace` seconds."""
        self._server.stop(grace).wait()

    def _handler(self, door: Door[Who]) -> Handler:
        method = door.method

        def unary(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            who = ""
            try:
                certificate = certificate_of(context.auth_context())
                caller = who = self._callers[method](certificate)
                self._admit()
                data = next(messages, None)  # it may take a caller a while, so no one else holds a thread meanwhile
                if data is None:  # it gave up, which grpc may tell like an end, or ended without a message
                    context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
                    context.set_details("no-message")
                    return b""
                method.check_size(data)
                call = Call(caller, certificate, context.time_remaining())
                answer = door.serve(call, method.request.read(data))
                self._callers[method](certificate)  # who was removed meanwhile gets nothing
                return door.write(answer)
            except grpc.RpcError:  # the caller is gone, and its message never came
                return b""
            except StorageAway as error:
                self._refuse(context, method, who, error)
            except StorageBroken as error:
                self._fatal(error)
                raise
            except HeadConflict as conflict:  # a log learns our size in this way
                context.set_trailing_metadata(size_metadata(conflict))
                context.abort(STATUS[conflict.reason], conflict.code)
            except LiaisonError as error:
                self._refuse(context, method, who, error)
            except Exception as error:  # noqa: BLE001 - no foreign error crosses the wire, and its words stay here
                self._refuse(context, method, who, LiaisonError("unexpected {kind}", kind=type(error).__name__))

        return grpc.stream_unary_rpc_method_handler(unary)

    def _refuse(
        self, context: grpc.ServicerContext, method: Method[Any, Any], who: str, error: LiaisonError
    ) -> NoReturn:
        if error.code not in NO_ENTRY:
            self._note(RefusedCall(method.name, who, context.peer(), error))
        context.abort(STATUS[error.reason], error.code)
        raise error

    def _note(self, call: RefusedCall) -> None:
        try:
            self._refused(call)
        except (Unavailable, StorageAway):
            return  # no note can be written now: the refusal itself leaves all the same
        except StorageBroken as broken:
            self._fatal(broken)
            raise
