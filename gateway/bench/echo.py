"""Serve the yardstick: the cheapest mutually authenticated unary gRPC call on this machine.

`python -m gateway.bench.echo FOLDER ANSWER_BYTES` serves one method that returns ANSWER_BYTES bytes, over TLS with
client certificates, and prints its port. It uses the loop and transport settings of the node.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

import gateway.node  # noqa: F401 - sets the TLS cipher setting before grpc is loaded
from gateway.loop import run

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[bytes, bytes]
    Handler = grpc.RpcMethodHandler[bytes, bytes]

METHOD = "/liaison.bench.v1.EchoService/Echo"


class _Echo(grpc.GenericRpcHandler):
    def __init__(self, answer: bytes) -> None:
        async def echo(_: bytes, __: Context) -> bytes:
            return answer

        self._handler: Handler = grpc.unary_unary_rpc_method_handler(echo)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the one handler."""
        return self._handler if handler_call_details.method == METHOD else None


async def serve(folder: Path, answer_bytes: int) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(bytes(answer_bytes)),))
    pair = ((folder / "keys" / "tls.key").read_bytes(), (folder / "keys" / "tls.pem").read_bytes())
    roots = (folder / "roots.pem").read_bytes()
    credentials = grpc.ssl_server_credentials([pair], roots, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def main() -> None:
    """Serve with the node's event loop."""
    run(serve(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
