"""Tests of `gateway.ops.removals`."""
