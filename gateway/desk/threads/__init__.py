"""Threads: all notices about one matter between two members, and what they mean together."""
