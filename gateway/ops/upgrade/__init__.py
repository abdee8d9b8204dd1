"""Bring a home that an earlier version wrote up to date, after a backup, or leave it as it was."""
