"""A source that runs in the agency's own building, as a process with the agency's own key (design, section 8).

The node's side is `client.RemoteSource`, an adapter under the scheme `source:`. The agency's side is `SourceServer`
over `SourceService`, which serves nothing without the node's signed reference to an exchange and answers nothing
that is not in its own log. `certs.tls` comes first: it sets the floor of TLS before grpc is loaded.
"""

from certs import tls as _floor  # noqa: F401  # isort: skip
from adapters.remote.client import open_remote

__all__ = ["open_remote"]
