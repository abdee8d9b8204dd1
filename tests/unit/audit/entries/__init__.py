"""Tests of `gateway.audit.entries`."""
