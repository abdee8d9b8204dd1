"""Tests of `gateway.views`."""
