"""Tests of `gateway.rpc`."""
