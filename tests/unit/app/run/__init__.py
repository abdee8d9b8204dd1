"""Tests of `gateway.app.run`."""
