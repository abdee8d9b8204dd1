"""Tests of `gateway.signing.multi_buffer`."""
