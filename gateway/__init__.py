"""Liaison: a secure federated data-exchange gateway between national systems."""

__version__ = "0.2.1"
