"""Watches: ours in other countries and in our own agencies, and those of other countries on our records."""
