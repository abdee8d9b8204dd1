"""Tests of `gateway.audit.statistics`."""
