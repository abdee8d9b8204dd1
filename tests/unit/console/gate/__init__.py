"""Tests of `gateway.console.gate`."""
