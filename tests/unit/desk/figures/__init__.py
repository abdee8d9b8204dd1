"""Tests of `gateway.desk.figures`."""
