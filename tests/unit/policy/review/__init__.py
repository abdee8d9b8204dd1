"""Tests: policy review."""
