"""Carry out what alerts, reports and watches of ours have alike: the acts of people, and the telling of counterparts.

`OwnActs` hands in, approves, declines, changes and lists. `Spread` writes what is missing in the threads with
counterparts; incidents and tokens tell by it, too, and operations by its part `Telling`. A kind says its rules in
hooks, and overrides nothing else (`tests/unit/desk/own/test_hooks.py`). Decision 0140 says which kinds are not on it.
"""
