"""Tests of `gateway.ops.audit`."""
