"""Tests of `gateway.audit.tree`."""
