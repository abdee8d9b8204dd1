"""Tests of `gateway.console.audit`."""
