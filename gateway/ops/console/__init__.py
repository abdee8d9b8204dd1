"""Gather what an administrator sees of the console at its home."""
