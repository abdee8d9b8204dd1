"""Bring, list and hand out files of notices over REST."""
