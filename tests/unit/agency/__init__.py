"""Tests of `gateway.agency`."""
