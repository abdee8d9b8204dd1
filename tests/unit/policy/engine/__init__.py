"""Tests: policy engine."""
