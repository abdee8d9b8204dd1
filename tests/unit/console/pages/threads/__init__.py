"""Tests: console frame."""
