"""Tests of `gateway.ops.homes`."""
