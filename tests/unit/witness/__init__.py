"""Tests of `gateway.witness`."""
