"""Serve `/v1/watches`: watches of ours, and those of counterparts on our records."""
