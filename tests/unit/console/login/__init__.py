"""Tests of `gateway.console.login`."""
