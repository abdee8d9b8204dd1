"""gRPC between nodes. TLS 1.2 must have no cipher in common before grpc is loaded (limits.md, finding 6)."""

import os

# Only ECDSA certificates exist here, so a suite that needs RSA leaves TLS 1.2 without a shared cipher, while
# the suites of TLS 1.3 are not governed by this setting. `tests/security/test_transport.py` holds it to that.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
