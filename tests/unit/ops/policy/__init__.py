"""Tests of `gateway.ops.policy`."""
