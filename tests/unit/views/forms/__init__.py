"""Tests of `gateway.views.forms`."""
