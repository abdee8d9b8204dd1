"""Tests of `gateway.console.pages.threads`."""
