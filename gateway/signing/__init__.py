"""Keys, signatures and the bytes that are signed. Without protobuf; the only input and output are key files."""
