"""Tests: storage desk."""
