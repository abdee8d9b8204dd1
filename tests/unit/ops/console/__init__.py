"""Tests of `gateway.ops.console`."""
