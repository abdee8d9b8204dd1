"""The policy engine: base and national policy decide separately, and both must allow."""
