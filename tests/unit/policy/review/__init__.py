"""Tests of `policy.review`."""
