"""Bridges to other worlds: clients of a node's REST API, each a process of its own.

Only three things can leave by a bridge: reports without personal data, statistics of seizures, and counts of outcomes
(decision 0113). A bridge is read from outside; nothing comes in by it.
"""
