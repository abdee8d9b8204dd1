"""Tests: matching scripts."""
