"""Tests of `gateway.trust.documents`."""
