"""Tests of `gateway.console.frame`."""
