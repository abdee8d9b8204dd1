"""Bring notices to counterparts and take theirs: each is an exchange, delivered at least once and effective once."""
