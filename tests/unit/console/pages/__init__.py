"""Tests of `gateway.console.pages`."""
