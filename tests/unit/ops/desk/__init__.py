"""Tests of `gateway.ops.desk`."""
