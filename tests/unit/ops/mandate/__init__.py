"""Tests of `gateway.ops.mandate`."""
