"""Verify an export and reconcile two of them without any node."""
