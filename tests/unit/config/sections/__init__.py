"""Tests of `gateway.config.sections`."""
