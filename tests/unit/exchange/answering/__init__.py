"""Tests: exchange answering."""
