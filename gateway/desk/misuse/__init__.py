"""Protect people whose identity is misused: a token that says "not this person", and its check at a gate."""
