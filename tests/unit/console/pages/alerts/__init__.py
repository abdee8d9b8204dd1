"""Tests of `gateway.console.pages.alerts`."""
