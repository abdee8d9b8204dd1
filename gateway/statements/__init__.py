"""Statements: messages signed by a node, as DSSE envelopes around exact protobuf bytes (design, section 4)."""
