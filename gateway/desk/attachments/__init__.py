"""Bring files of notices, give them to counterparts, fetch theirs, scan them, and open them."""
