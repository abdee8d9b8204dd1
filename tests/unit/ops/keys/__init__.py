"""Tests of `gateway.ops.keys`."""
