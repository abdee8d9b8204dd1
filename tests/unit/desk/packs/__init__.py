"""Tests of `gateway.desk.packs`."""
