"""Record types, and the signed record, any part of which can be left out (SD-JWT, RFC 9901)."""
