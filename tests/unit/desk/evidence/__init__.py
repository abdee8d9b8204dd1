"""Tests of `gateway.desk.evidence`."""
