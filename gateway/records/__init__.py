"""Record types, and the signed record of which any part can be left out (SD-JWT, RFC 9901)."""
