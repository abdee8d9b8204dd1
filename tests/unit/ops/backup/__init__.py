"""Tests of `gateway.ops.backup`."""
