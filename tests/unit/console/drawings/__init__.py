"""Tests of `gateway.console.drawings`."""
