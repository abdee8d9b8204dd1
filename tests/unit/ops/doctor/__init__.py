"""Tests of `gateway.ops.doctor`."""
