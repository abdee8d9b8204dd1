"""Tests of `gateway.desk.rooms`."""
