"""Tests: policy bundle."""
