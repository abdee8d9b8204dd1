"""Tests of `gateway.audit.export`."""
