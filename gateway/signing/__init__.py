"""Keys, signatures and the bytes that are signed. No protobuf, no input or output but key files."""
