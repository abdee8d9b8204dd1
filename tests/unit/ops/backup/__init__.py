"""Tests: ops backup."""
