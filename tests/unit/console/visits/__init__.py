"""Tests of `gateway.console.visits`."""
