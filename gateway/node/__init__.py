"""gRPC between nodes. `certs.tls` sets the lowest version of TLS, which must be done before grpc is loaded."""

from certs import tls as _floor  # noqa: F401
