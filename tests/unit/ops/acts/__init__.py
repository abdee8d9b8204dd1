"""Tests of `gateway.ops.acts`."""
