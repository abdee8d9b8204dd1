"""Carry out what alerts, reports, watches and freezings of ours have alike: acts of people, and telling counterparts.

`OwnActs` hands in, approves, declines, changes and lists. `Spread` writes what is missing in the threads with
counterparts; incidents and tokens tell by it, too, and operations by its part `Telling`. A kind says its rules in
hooks, and overrides nothing else (`tests/unit/desk/own/test_hooks.py`). Decision 0140 says which kinds are not on it.
"""
